#pragma once
#include <stdint.h>

/// What a process gives up for ever. Call once, after the libraries have read what they need.
struct sandbox_limits {
    uint64_t address_space_bytes;
    uint64_t open_files;
    /// Whether pages are drawn: cairo and fontconfig need two more system calls for the files of fonts.
    int draws_pages;
    /// Behave as on a kernel without Landlock: for tests.
    int without_landlock;
    /// Where files cannot be confined by Landlock: a socket to the parent, which opens them (see `sandbox_open_request`), plus one; 0: no file can be opened.
    int broker_plus_one;
};

/// First byte of the frame that asks the parent to open a file for reading; the path follows. The parent answers with a frame of one byte, an errno,
/// and attaches the descriptor where that is 0.
enum { sandbox_open_request = 4 };

/// rlimits, no_new_privs, Landlock (read-only below /usr and /lib, where the kernel has it) and a seccomp allow-list. Without Landlock no file can be
/// opened but by the parent.
/// Returns 0, or -errno. `landlock_abi` gets the kernel's Landlock version, 0 where it has none.
int sandbox_enter(const struct sandbox_limits *limits, int *landlock_abi);

/// Tries what must fail. Returns a bit set of what was possible: 1 a socket, 2 opening a file to write, 4 execve, 8 fork, 16 reading a file of others,
/// 32 executable memory, 64 signals to the parent; 0 when all failed.
int sandbox_probe(void);
