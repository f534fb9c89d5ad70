#define _GNU_SOURCE
#include <time.h>
#include <sys/time.h>
#include "CPlatform.h"
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <signal.h>
#include <spawn.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

int platform_socketpair(int descriptors[2]) { return socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, descriptors) ? -errno : 0; }

int platform_pipe(int descriptors[2]) {
    if (pipe2(descriptors, O_CLOEXEC)) return -errno;
    return fcntl(descriptors[0], F_SETFL, O_NONBLOCK) ? -errno : 0;
}

ssize_t platform_send_descriptor(int socket, const void *bytes, size_t count, int descriptor) {
    union { struct cmsghdr header; char space[CMSG_SPACE(sizeof(int))]; } control;
    memset(&control, 0, sizeof control);
    struct iovec part = { (void *)bytes, count };
    struct msghdr message = { .msg_iov = &part, .msg_iovlen = 1, .msg_control = control.space, .msg_controllen = sizeof control.space };
    struct cmsghdr *header = CMSG_FIRSTHDR(&message);
    header->cmsg_level = SOL_SOCKET;
    header->cmsg_type = SCM_RIGHTS;
    header->cmsg_len = CMSG_LEN(sizeof(int));
    memcpy(CMSG_DATA(header), &descriptor, sizeof(int));
    ssize_t sent;
    do sent = sendmsg(socket, &message, MSG_NOSIGNAL); while (sent < 0 && errno == EINTR);
    return sent < 0 ? -errno : sent;
}

ssize_t platform_receive_descriptor(int socket, void *bytes, size_t count, int *descriptor) {
    union { struct cmsghdr header; char space[CMSG_SPACE(sizeof(int))]; } control;
    memset(&control, 0, sizeof control);
    struct iovec part = { bytes, count };
    struct msghdr message = { .msg_iov = &part, .msg_iovlen = 1, .msg_control = control.space, .msg_controllen = sizeof control.space };
    *descriptor = -1;
    ssize_t received;
    do received = recvmsg(socket, &message, MSG_CMSG_CLOEXEC); while (received < 0 && errno == EINTR);
    if (received < 0) return -errno;
    for (struct cmsghdr *header = CMSG_FIRSTHDR(&message); header; header = CMSG_NXTHDR(&message, header))
        if (header->cmsg_level == SOL_SOCKET && header->cmsg_type == SCM_RIGHTS) memcpy(descriptor, CMSG_DATA(header), sizeof(int));
    return received;
}

int platform_spawn(const char *path, char *const arguments[], char *const environment[], int input, int errors, pid_t *pid) {
    posix_spawn_file_actions_t actions;
    posix_spawnattr_t attributes;
    posix_spawn_file_actions_init(&actions);
    posix_spawnattr_init(&attributes);
    posix_spawn_file_actions_adddup2(&actions, input, 0);
    posix_spawn_file_actions_addopen(&actions, 1, "/dev/null", O_WRONLY, 0);
    posix_spawn_file_actions_adddup2(&actions, errors, 2);
    posix_spawn_file_actions_addclosefrom_np(&actions, 3);
    sigset_t none, all;
    sigemptyset(&none);
    sigfillset(&all);
    posix_spawnattr_setsigmask(&attributes, &none);
    posix_spawnattr_setsigdefault(&attributes, &all);
    posix_spawnattr_setflags(&attributes, POSIX_SPAWN_SETSIGMASK | POSIX_SPAWN_SETSIGDEF);
    int code = posix_spawn(pid, path, &actions, &attributes, arguments, environment);
    posix_spawn_file_actions_destroy(&actions);
    posix_spawnattr_destroy(&attributes);
    return -code;
}

const void *platform_find(const void *bytes, size_t count, const void *word, size_t length) { return memmem(bytes, count, word, length); }

int platform_die_with_parent(void) { return prctl(PR_SET_PDEATHSIG, SIGKILL) ? -errno : 0; }

int platform_hide_memory(void) { return prctl(PR_SET_DUMPABLE, 0) ? -errno : 0; }

void platform_wipe_environment(const char *name) {
    char *value = getenv(name);
    if (!value) return;
    memset(value, 0, strlen(value));
    unsetenv(name);
}

int platform_open_shared(const char *path) {
    char real[PATH_MAX];
    if (!realpath(path, real)) return -errno;
    static const char *const shared[] = { "/usr/", "/lib/", "/lib64/" };
    for (size_t i = 0; i < sizeof shared / sizeof *shared; i++) {
        if (strncmp(real, shared[i], strlen(shared[i]))) continue;
        int descriptor = open(real, O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK);
        if (descriptor < 0) return -errno;
        struct stat status;
        if (fstat(descriptor, &status) == 0 && (S_ISREG(status.st_mode) || S_ISDIR(status.st_mode))) return descriptor;
        close(descriptor);
    }
    return -EACCES;
}

int platform_temporary_file(const char *folder, int *readable) {
    char name[PATH_MAX];
    if (snprintf(name, sizeof name, "%s/ingest-XXXXXX", folder) >= (int)sizeof name) return -ENAMETOOLONG;
    int descriptor = mkostemp(name, O_CLOEXEC);
    if (descriptor < 0) return -errno;
    *readable = open(name, O_RDONLY | O_CLOEXEC);
    int code = -errno;
    unlink(name);
    if (*readable >= 0) return descriptor;
    close(descriptor);
    return code;
}

static int signal_pipe[2] = { -1, -1 };

static void on_signal(int number) {
    int saved = errno;
    unsigned char byte = (unsigned char)number;
    ssize_t written = write(signal_pipe[1], &byte, 1);
    (void)written;  // a full pipe has enough signals in it
    errno = saved;
}

int platform_signal_pipe(void) {
    if (pipe2(signal_pipe, O_CLOEXEC)) return -errno;
    fcntl(signal_pipe[1], F_SETFL, O_NONBLOCK);
    struct sigaction action;
    memset(&action, 0, sizeof action);
    action.sa_handler = on_signal;
    action.sa_flags = SA_RESTART;
    if (sigaction(SIGTERM, &action, NULL) || sigaction(SIGINT, &action, NULL)) return -errno;
    return 0;
}

int platform_next_signal(void) {
    unsigned char byte;
    ssize_t count;
    do count = read(signal_pipe[0], &byte, 1); while (count < 0 && errno == EINTR);
    return count == 1 ? byte : -1;
}

int64_t platform_wall_clock_milliseconds(void) {
    struct timespec now;
    clock_gettime(CLOCK_REALTIME, &now);
    return (int64_t)now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

int platform_accept(int socket) {
    int descriptor = accept4(socket, NULL, NULL, SOCK_CLOEXEC | SOCK_NONBLOCK);
    return descriptor < 0 ? -errno : descriptor;
}

void platform_limit_socket(int socket, int seconds) {
    struct timeval limit = {.tv_sec = seconds};
    setsockopt(socket, SOL_SOCKET, SO_RCVTIMEO, &limit, sizeof limit);
    setsockopt(socket, SOL_SOCKET, SO_SNDTIMEO, &limit, sizeof limit);
}
