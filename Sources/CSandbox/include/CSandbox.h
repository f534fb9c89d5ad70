#pragma once
#include <stdint.h>

/// What a process gives up for ever. Call once, after the libraries have read what they need.
struct sandbox_limits {
    uint64_t address_space_bytes;
    uint64_t open_files;
    /// Whether pages are drawn: cairo and fontconfig need two more system calls for the files of fonts.
    int draws_pages;
};

/// rlimits, no_new_privs, Landlock (read-only below /usr and /lib, where the kernel has it) and a seccomp allow-list.
/// Returns 0, or -errno. `landlock_abi` gets the kernel's Landlock version, 0 where it has none.
int sandbox_enter(const struct sandbox_limits *limits, int *landlock_abi);

/// Tries what must fail. Returns a bit set of what was possible: 1 a socket, 2 opening a file to write, 4 execve, 8 fork; 0 when all failed.
int sandbox_probe(void);
