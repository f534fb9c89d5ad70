#pragma once
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

// What Swift cannot reach: glibc's _GNU_SOURCE functions, variadic system calls and the control-message macros.
// Every function returns 0 (or a count or descriptor) when it worked, and -errno when it did not.

/// A connected pair of stream sockets, both close-on-exec.
int platform_socketpair(int descriptors[2]);
/// A pipe, both ends close-on-exec, the reading end non-blocking.
int platform_pipe(int descriptors[2]);
/// Sends `count` bytes and, with the first of them, a descriptor. Returns the bytes sent.
ssize_t platform_send_descriptor(int socket, const void *bytes, size_t count, int descriptor);
/// Receives at most `count` bytes; `descriptor` gets a descriptor that came with them (close-on-exec), or -1.
ssize_t platform_receive_descriptor(int socket, void *bytes, size_t count, int *descriptor);
/// Starts `path` with `arguments` and `environment`: descriptor 0 is `input`, 2 is `errors`, 1 is /dev/null, all others are closed.
/// All signals have their default action and none is blocked.
int platform_spawn(const char *path, char *const arguments[], char *const environment[], int input, int errors, pid_t *pid);
/// Makes the kernel kill this process with SIGKILL when the thread that started it ends.
int platform_die_with_parent(void);
/// Where `word` occurs first in `bytes`, or null.
const void *platform_find(const void *bytes, size_t count, const void *word, size_t length);
/// An unlinked file in `folder` that only this process can reach, opened for reading and writing, and once more for reading alone.
int platform_temporary_file(const char *folder, int *readable);
/// Other processes of the same user can read neither this one's memory nor its environment (PR_SET_DUMPABLE, proc(5)).
int platform_hide_memory(void);
/// Removes a variable from the environment, and its value from memory.
void platform_wipe_environment(const char *name);
/// Opens a file or folder below /usr and /lib for reading, whatever links lead there; a descriptor or -errno.
int platform_open_shared(const char *path);
/// From now on SIGTERM and SIGINT, whichever thread they reach, wait to be taken by `platform_next_signal`.
int platform_signal_pipe(void);
/// Waits for a signal and returns its number.
int platform_next_signal(void);

/// Milliseconds since 1970.
int64_t platform_wall_clock_milliseconds(void);

/// Accepts a connection that does not block; a descriptor or -errno.
int platform_accept(int socket);

/// Reads and writes of the socket fail after so many seconds.
void platform_limit_socket(int socket, int seconds);
