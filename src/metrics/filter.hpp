#pragma once
/// System calls that programs are refused, by a seccomp filter. Linux.

namespace dare::metrics {

/// Refuses to this process and all that it starts, for good: new namespaces and mounts, sockets (but connected pairs of Unix sockets),
/// memory that belongs to no process (memfd_create, System V segments), and the kernel's tools for looking into others. They fail with
/// EPERM; clone3, whose flags no filter can read, with ENOSYS, which makes the C library use clone. Sets no_new_privs.
/// @return whether it holds; false where the kernel or this build has no seccomp.
bool load_filter() noexcept;

}  // namespace dare::metrics
