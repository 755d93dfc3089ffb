#include "metrics/filter.hpp"

#ifdef DARE_HAS_SECCOMP
#include <seccomp.h>

#include <sched.h>
#include <sys/socket.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <memory>
#endif

namespace dare::metrics {

#ifdef DARE_HAS_SECCOMP

namespace {

constexpr std::array k_refused{
    // memory that no process's account shows
    SCMP_SYS(memfd_create), SCMP_SYS(memfd_secret), SCMP_SYS(shmget),
    // namespaces and mounts
    SCMP_SYS(unshare), SCMP_SYS(setns), SCMP_SYS(mount), SCMP_SYS(umount2), SCMP_SYS(move_mount), SCMP_SYS(open_tree), SCMP_SYS(fsopen),
    SCMP_SYS(fsmount), SCMP_SYS(fspick), SCMP_SYS(mount_setattr), SCMP_SYS(pivot_root), SCMP_SYS(chroot),
    // others' processes, keys and the kernel
    SCMP_SYS(ptrace), SCMP_SYS(process_vm_readv), SCMP_SYS(process_vm_writev), SCMP_SYS(pidfd_getfd), SCMP_SYS(kcmp), SCMP_SYS(add_key),
    SCMP_SYS(request_key), SCMP_SYS(keyctl), SCMP_SYS(bpf), SCMP_SYS(perf_event_open), SCMP_SYS(userfaultfd), SCMP_SYS(io_uring_setup),
    SCMP_SYS(io_uring_enter), SCMP_SYS(io_uring_register), SCMP_SYS(open_by_handle_at),
    // there is no network
    SCMP_SYS(socket), SCMP_SYS(connect)};

constexpr std::array<scmp_datum_t, 7> k_namespace_flags{CLONE_NEWNS,  CLONE_NEWUSER, CLONE_NEWPID,   CLONE_NEWNET,
                                                        CLONE_NEWIPC, CLONE_NEWUTS,  CLONE_NEWCGROUP};

constexpr scmp_datum_t k_type = 0xF;  // of a socket, without its flags

struct Release {
  void operator()(void* filter) const noexcept { seccomp_release(filter); }
};

}  // namespace

bool load_filter() noexcept {
  const std::unique_ptr<void, Release> filter{seccomp_init(SCMP_ACT_ALLOW)};
  if (!filter) return false;
  const auto refuse = [&](int call, int error, const auto&... conditions) {
    // A call that this architecture lacks needs no rule.
    return call < 0 ||
           seccomp_rule_add(filter.get(), SCMP_ACT_ERRNO(static_cast<unsigned>(error)), call, sizeof...(conditions), conditions...) == 0;
  };
  const auto all =
      std::all_of(k_refused.begin(), k_refused.end(), [&](int call) { return refuse(call, EPERM); }) &&
      std::all_of(k_namespace_flags.begin(), k_namespace_flags.end(),
                  [&](scmp_datum_t flag) { return refuse(SCMP_SYS(clone), EPERM, SCMP_A0(SCMP_CMP_MASKED_EQ, flag, flag)); }) &&
      refuse(SCMP_SYS(clone3), ENOSYS) && refuse(SCMP_SYS(socketpair), EPERM, SCMP_A0(SCMP_CMP_NE, AF_UNIX, 0)) &&
      // Datagrams can be sent to sockets that others have bound.
      refuse(SCMP_SYS(socketpair), EPERM, SCMP_A1(SCMP_CMP_MASKED_EQ, k_type, SOCK_DGRAM)) &&
      refuse(SCMP_SYS(socketpair), EPERM, SCMP_A1(SCMP_CMP_MASKED_EQ, k_type, SOCK_RAW));
  return all && seccomp_load(filter.get()) == 0;
}

#else

bool load_filter() noexcept {
  return false;
}

#endif

}  // namespace dare::metrics
