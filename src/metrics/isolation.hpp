#pragma once
/// What keeps a program apart from the rest of the system: user, namespaces, mounts. Linux.

#include "metrics/hiding.hpp"

#include <dare/metrics/sandbox.hpp>

#include <sys/types.h>

#include <filesystem>
#include <string>
#include <vector>

namespace dare::metrics {

/// Parts of the isolation, as bits; the first eight travel in an exit status.
enum Part : unsigned {
  k_hidden = 1,          ///< the caller's home, others' sockets and temporary files, devices
  k_user_namespace = 2,  ///< lets a caller who is not root have the others
  k_pid_namespace = 4,
  k_net_namespace = 8,
  k_ipc_namespace = 16,
  k_mount_namespace = 32,
  k_own_proc = 64,    ///< /proc of the PID namespace
  k_read_only = 128,  ///< all mounts but the scratch folder and /dev/shm, which are file systems of their own
  k_own_user = 256,   ///< the caller is root, programs are not
  k_filter = 512,     ///< load_filter() holds
};

/// The user whom a program runs as inside a user namespace.
inline constexpr uid_t k_nobody = 65534;

inline constexpr unsigned k_namespaces = k_pid_namespace | k_net_namespace | k_ipc_namespace | k_mount_namespace;

/// Leaves the caller's namespaces for new ones, those among `wanted`, as far as allowed; children are in the new PID namespace.
/// @return the namespaces entered; none where a user namespace is wanted and refused.
unsigned enter_namespaces(unsigned wanted);

/// In the new namespaces' first child: own /proc, hidden folders, read-only mounts, a scratch file system of `bytes` bytes that `owner`
/// owns. @return `parts` and those achieved.
unsigned set_up_mounts(unsigned parts, const Hiding& hiding, const std::filesystem::path& scratch, std::uint64_t bytes, uid_t owner);

/// Becomes `user` for good. @return whether that worked.
bool become(uid_t user);

struct Isolation {
  unsigned parts;
  uid_t first_uid;
};
/// Tries everything in a child, with `scratch` (an existing folder) as scratch folder.
/// @throws IoError  the caller is root and cannot become anyone else: no limit on processes would hold.
[[nodiscard]] Isolation find_isolation(const Hiding& hiding, const std::filesystem::path& scratch);

/// What is open where parts are missing, one clause each.
[[nodiscard]] std::vector<std::string> gaps_of(unsigned parts);

/// RLIMIT_NPROC that allows `processes` more for a program: the kernel counts per user, and what else it counts differs.
[[nodiscard]] std::uint64_t process_limit(unsigned parts, unsigned processes);

}  // namespace dare::metrics
