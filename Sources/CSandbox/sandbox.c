#define _GNU_SOURCE
#include "CSandbox.h"
#include <errno.h>
#include <fcntl.h>
#include <linux/landlock.h>
#include <seccomp.h>
#include <limits.h>
#include <signal.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <sys/wait.h>
#include <ucontext.h>
#include <unistd.h>

static int limit(int resource, uint64_t value) {
    struct rlimit both = { value, value };
    return setrlimit(resource, &both) ? -errno : 0;
}

/// Reading below these folders is all that the file system still offers: character maps of CJK fonts and converters of encodings.
static const char *const readable[] = { "/usr", "/lib", "/lib64" };

static int landlock(int *abi) {
    *abi = (int)syscall(SYS_landlock_create_ruleset, NULL, 0, LANDLOCK_CREATE_RULESET_VERSION);
    if (*abi <= 0) { *abi = 0; return 0; }
    // The rights of the first version; later versions add rights to what is already denied by the system-call filter.
    struct landlock_ruleset_attr attributes = { .handled_access_fs = (LANDLOCK_ACCESS_FS_MAKE_SYM << 1) - 1 };
    int rules = (int)syscall(SYS_landlock_create_ruleset, &attributes, sizeof attributes, 0);
    if (rules < 0) return -errno;
    int code = 0;
    for (size_t i = 0; i < sizeof readable / sizeof *readable && !code; i++) {
        struct landlock_path_beneath_attr beneath = { .allowed_access = LANDLOCK_ACCESS_FS_READ_FILE | LANDLOCK_ACCESS_FS_READ_DIR };
        beneath.parent_fd = open(readable[i], O_PATH | O_CLOEXEC);
        if (beneath.parent_fd < 0) continue;
        if (syscall(SYS_landlock_add_rule, rules, LANDLOCK_RULE_PATH_BENEATH, &beneath, 0)) code = -errno;
        close(beneath.parent_fd);
    }
    if (!code && syscall(SYS_landlock_restrict_self, rules, 0)) code = -errno;
    close(rules);
    return code;
}

static int broker = -1;

/// Asks the parent to open `path`; a descriptor or -errno. Runs in a signal handler: system calls alone.
static long open_by_parent(const char *path) {
    unsigned char frame[5 + PATH_MAX];
    size_t length = 0;
    while (length < PATH_MAX && path[length]) { frame[5 + length] = (unsigned char)path[length]; length++; }
    if (broker < 0 || length == PATH_MAX) return -EACCES;
    uint32_t count = (uint32_t)length + 1;
    memcpy(frame, &count, 4);
    frame[4] = sandbox_open_request;
    for (size_t sent = 0; sent < length + 5;) {
        ssize_t part = write(broker, frame + sent, length + 5 - sent);
        if (part < 0 && errno == EINTR) continue;
        if (part <= 0) return -EIO;
        sent += (size_t)part;
    }
    unsigned char answer[5];
    int descriptor = -1;
    for (size_t received = 0; received < sizeof answer;) {
        union { struct cmsghdr header; char space[CMSG_SPACE(sizeof(int))]; } control;
        struct iovec part = { answer + received, sizeof answer - received };
        struct msghdr message = { .msg_iov = &part, .msg_iovlen = 1, .msg_control = control.space, .msg_controllen = sizeof control.space };
        ssize_t bytes = recvmsg(broker, &message, MSG_CMSG_CLOEXEC);
        if (bytes < 0 && errno == EINTR) continue;
        if (bytes <= 0) return -EIO;
        struct cmsghdr *header = CMSG_FIRSTHDR(&message);
        if (header && header->cmsg_type == SCM_RIGHTS) memcpy(&descriptor, CMSG_DATA(header), sizeof descriptor);
        received += (size_t)bytes;
    }
    if (answer[4] == 0 && descriptor >= 0) return descriptor;
    return answer[4] ? -(long)answer[4] : -EACCES;
}

/// Stands in for `openat`, which the filter sends here where the kernel has no Landlock.
static void on_trapped_call(int number, siginfo_t *information, void *context) {
    (void)number;
    int saved = errno;
    mcontext_t *machine = &((ucontext_t *)context)->uc_mcontext;
#if defined(__x86_64__)
    const char *path = (const char *)machine->gregs[REG_RSI];
    long flags = (long)machine->gregs[REG_RDX];
#elif defined(__aarch64__)
    const char *path = (const char *)machine->regs[1];
    long flags = (long)machine->regs[2];
#else
#error "the registers of system calls are not known for this architecture"
#endif
    long result = -EPERM;
    int writes = (flags & (O_ACCMODE | O_CREAT | O_TRUNC | __O_TMPFILE)) != O_RDONLY;
    if (information->si_syscall == SYS_openat && path && path[0] == '/' && !writes) result = open_by_parent(path);
#if defined(__x86_64__)
    machine->gregs[REG_RAX] = result;
#else
    machine->regs[0] = (unsigned long long)result;
#endif
    errno = saved;
}

static int filter(int draws_pages, int confines_files) {
    static const char *const allowed[] = {
        "read", "write", "readv", "writev", "pread64", "recvmsg", "close", "fstat", "newfstatat", "statx", "lseek", "mremap",
        "munmap", "madvise", "brk", "futex", "getdents64", "clock_gettime", "clock_nanosleep", "nanosleep", "exit",
        "exit_group", "rt_sigaction", "rt_sigprocmask", "rt_sigreturn", "sigaltstack", "getpid", "gettid", "getuid", "geteuid", "getgid",
        "getegid", "getrandom", "sched_yield", "sched_getaffinity", "rseq", "set_robust_list", "poll", "ppoll", "restart_syscall",
        "sysinfo", "uname", "getrusage", "readlink", "readlinkat", "access", "faccessat2", "gettimeofday", "time",
    };
    scmp_filter_ctx context = seccomp_init(SCMP_ACT_ERRNO(EPERM));
    if (!context) return -ENOMEM;
    int code = 0;
    for (size_t i = 0; i < sizeof allowed / sizeof *allowed && !code; i++) {
        int number = seccomp_syscall_resolve_name(allowed[i]);
        if (number >= 0) code = seccomp_rule_add(context, SCMP_ACT_ALLOW, number, 0);
    }
    // No memory is executable but the programs' and libraries' own: what a document writes is not run.
    // No file is written through a shared mapping of it.
    if (!code)
        code = seccomp_rule_add(context, SCMP_ACT_ALLOW, SCMP_SYS(mmap), 2, SCMP_A2(SCMP_CMP_MASKED_EQ, PROT_EXEC, 0), SCMP_A3(SCMP_CMP_MASKED_EQ, MAP_TYPE, MAP_PRIVATE));
    if (!code) code = seccomp_rule_add(context, SCMP_ACT_ALLOW, SCMP_SYS(mmap), 1, SCMP_A2(SCMP_CMP_MASKED_EQ, PROT_EXEC | PROT_WRITE, 0));
    if (!code) code = seccomp_rule_add(context, SCMP_ACT_ALLOW, SCMP_SYS(mprotect), 1, SCMP_A2(SCMP_CMP_MASKED_EQ, PROT_EXEC, 0));
    // By command: others make the kernel send signals, to any process of the user.
    static const unsigned int commands[] = { F_GETFD, F_SETFD, F_GETFL, F_DUPFD_CLOEXEC };
    for (size_t i = 0; draws_pages && i < sizeof commands / sizeof *commands && !code; i++)
        code = seccomp_rule_add(context, SCMP_ACT_ALLOW, SCMP_SYS(fcntl), 1, SCMP_A1(SCMP_CMP_EQ, commands[i]));
    if (!code && draws_pages) code = seccomp_rule_add(context, SCMP_ACT_ALLOW, SCMP_SYS(fadvise64), 0);
    if (!code && confines_files)
        code = seccomp_rule_add(context, SCMP_ACT_ALLOW, SCMP_SYS(openat), 1, SCMP_A2(SCMP_CMP_MASKED_EQ, O_ACCMODE | O_CREAT | O_TRUNC | O_PATH | __O_TMPFILE, O_RDONLY));
    if (!code && !confines_files) code = seccomp_rule_add(context, SCMP_ACT_TRAP, SCMP_SYS(openat), 0);
    // The allocators read this process's limits. Setting them is not allowed: the new-limit pointer must be null.
    if (!code) code = seccomp_rule_add(context, SCMP_ACT_ALLOW, SCMP_SYS(prlimit64), 2, SCMP_A0(SCMP_CMP_EQ, 0), SCMP_A2(SCMP_CMP_EQ, 0));
    // abort() raises a signal in this very thread; no other process may be signalled.
    if (!code) code = seccomp_rule_add(context, SCMP_ACT_ALLOW, SCMP_SYS(tgkill), 1, SCMP_A0(SCMP_CMP_EQ, (scmp_datum_t)getpid()));
    if (!code) code = seccomp_load(context);
    seccomp_release(context);
    return code;
}

int sandbox_enter(const struct sandbox_limits *limits, int *landlock_abi) {
    int code;
    *landlock_abi = 0;
    if ((code = limit(RLIMIT_AS, limits->address_space_bytes)) || (code = limit(RLIMIT_FSIZE, 0)) || (code = limit(RLIMIT_CORE, 0)) ||
        (code = limit(RLIMIT_NOFILE, limits->open_files)) || (code = limit(RLIMIT_NPROC, 0)) || (code = limit(RLIMIT_STACK, 8 << 20)))
        return code;
    if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0)) return -errno;
    if (!limits->without_landlock && (code = landlock(landlock_abi))) return code;
    int confines_files = *landlock_abi > 0;
    if (!confines_files) {
        broker = limits->broker_plus_one - 1;
        struct sigaction action = { .sa_sigaction = on_trapped_call, .sa_flags = SA_SIGINFO | SA_NODEFER };
        if (sigaction(SIGSYS, &action, NULL)) return -errno;
    }
    return filter(limits->draws_pages, confines_files);
}

int sandbox_probe(void) {
    int possible = 0;
    int descriptor = socket(AF_INET, SOCK_STREAM, 0);
    if (descriptor >= 0) { possible |= 1; close(descriptor); }
    descriptor = open("/tmp/document-extractor-probe", O_WRONLY | O_CREAT, 0600);
    if (descriptor < 0) descriptor = open("/dev/null", O_WRONLY);
    if (descriptor >= 0) { possible |= 2; close(descriptor); }
    pid_t child = fork();
    if (child == 0) _exit(0);
    if (child > 0) { possible |= 8; waitpid(child, NULL, 0); }
    // The parent's environment holds keys, on a kernel that does not confine files as on one that does.
    char path[64];
    snprintf(path, sizeof path, "/proc/%d/environ", (int)getppid());
    descriptor = open(path, O_RDONLY);
    if (descriptor < 0) descriptor = open("/etc/passwd", O_RDONLY);
    if (descriptor >= 0) { possible |= 16; close(descriptor); }
    void *memory = mmap(NULL, 4096, PROT_READ | PROT_WRITE | PROT_EXEC, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    if (memory != MAP_FAILED) { possible |= 32; munmap(memory, 4096); }
    if (fcntl(0, F_SETOWN, getppid()) == 0) { possible |= 64; fcntl(0, F_SETOWN, 0); }
    char *const nothing[] = { NULL };
    // A path that is not there: a filter refuses the call itself (EPERM), without one the kernel looks for the file (ENOENT).
    execve("/nonexistent/document-extractor-probe", nothing, nothing);
    if (errno != EPERM) possible |= 4;
    return possible;
}
