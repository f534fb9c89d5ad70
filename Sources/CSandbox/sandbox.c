#define _GNU_SOURCE
#include "CSandbox.h"
#include <errno.h>
#include <fcntl.h>
#include <linux/landlock.h>
#include <seccomp.h>
#include <stddef.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/wait.h>
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

static int filter(int draws_pages) {
    static const char *const allowed[] = {
        "read", "write", "readv", "writev", "pread64", "recvmsg", "close", "fstat", "newfstatat", "statx", "lseek", "mmap", "mremap",
        "munmap", "mprotect", "madvise", "brk", "futex", "getdents64", "clock_gettime", "clock_nanosleep", "nanosleep", "exit",
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
    static const char *const drawing[] = { "fcntl", "fadvise64" };
    for (size_t i = 0; draws_pages && i < sizeof drawing / sizeof *drawing && !code; i++)
        code = seccomp_rule_add(context, SCMP_ACT_ALLOW, seccomp_syscall_resolve_name(drawing[i]), 0);
    if (!code)
        code = seccomp_rule_add(context, SCMP_ACT_ALLOW, SCMP_SYS(openat), 1, SCMP_A2(SCMP_CMP_MASKED_EQ, O_ACCMODE | O_CREAT | O_TRUNC | __O_TMPFILE, O_RDONLY));
    // The allocators read limits. Setting them is not allowed: the new-limit pointer must be null.
    if (!code) code = seccomp_rule_add(context, SCMP_ACT_ALLOW, SCMP_SYS(prlimit64), 1, SCMP_A2(SCMP_CMP_EQ, 0));
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
    if ((code = landlock(landlock_abi))) return code;
    return filter(limits->draws_pages);
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
    char *const nothing[] = { NULL };
    // A path that is not there: a filter refuses the call itself (EPERM), without one the kernel looks for the file (ENOENT).
    execve("/nonexistent/document-extractor-probe", nothing, nothing);
    if (errno != EPERM) possible |= 4;
    return possible;
}
