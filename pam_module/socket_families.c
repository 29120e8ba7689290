/* SPDX-License-Identifier: BSD-2-Clause */
#include "pam_module/socket_families.h"

#include <errno.h>
#include <linux/audit.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stddef.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/syscall.h>

#if defined(__x86_64__) && defined(__LP64__)
#define OUR_ARCHITECTURE AUDIT_ARCH_X86_64
#elif defined(__aarch64__) && defined(__LP64__) && __BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__
#define OUR_ARCHITECTURE AUDIT_ARCH_AARCH64
#elif defined(__riscv) && defined(__LP64__)
#define OUR_ARCHITECTURE AUDIT_ARCH_RISCV64
#endif

#ifdef OUR_ARCHITECTURE

enum {
    X32_BIT = 0x40000000, /* x86-64's third table of system calls; no other has numbers as high */
    TYPE_MASK = 0xf,      /* of socket(2)'s type; above it are SOCK_CLOEXEC and the like */
    MPTCP_PROTOCOL = 262, /* IPPROTO_MPTCP of Linux 5.6 */
};

/* The low half of an argument: the kernel takes these as int. All of the architectures are little-endian. */
#define ARGUMENT(number) (offsetof(struct seccomp_data, args) + (number) * sizeof(__u64))
#define LOAD(offset)     BPF_STMT(BPF_LD | BPF_W | BPF_ABS, (offset))
#define ANSWER(value)    BPF_STMT(BPF_RET | BPF_K, (value))
#define FAILURE(cause)   ANSWER(SECCOMP_RET_ERRNO | (cause))
/* The next `count` instructions are for this value alone. */
#define FOR(value, count) BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, (value), 0, (count))
#define IF(value)         FOR((value), 1)
#define LET(value)        IF(value), ANSWER(SECCOMP_RET_ALLOW)
#define IF_NOT(value)     BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, (value), 1, 0)
#define IF_FROM(value)    BPF_JUMP(BPF_JMP | BPF_JGE | BPF_K, (value), 0, 1)
/* The next instruction is for what is neither of two values. */
#define IF_NEITHER(first, second)                                                                            \
    BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, (first), 2, 0), BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, (second), 1, 0)

int tg_pam_socket_families_restrict(void)
{
    /* clang-format off */
    struct sock_filter program[] = {
        LOAD(offsetof(struct seccomp_data, arch)),
        IF_NOT(OUR_ARCHITECTURE), FAILURE(EPERM),
        LOAD(offsetof(struct seccomp_data, nr)),
        IF_FROM(X32_BIT), FAILURE(EPERM),
        IF(__NR_io_uring_setup), FAILURE(EPERM),
        FOR(__NR_setsockopt, 6),
            LOAD(ARGUMENT(1)), FOR(IPPROTO_TCP, 3),
                LOAD(ARGUMENT(2)), IF(TCP_ULP), FAILURE(ENOENT),
            ANSWER(SECCOMP_RET_ALLOW),
        IF_NEITHER(__NR_socket, __NR_socketpair), ANSWER(SECCOMP_RET_ALLOW),
        LOAD(ARGUMENT(0)),
        LET(AF_UNIX), LET(AF_NETLINK),
        IF_NEITHER(AF_INET, AF_INET6), FAILURE(EAFNOSUPPORT),
        LOAD(ARGUMENT(1)), BPF_STMT(BPF_ALU | BPF_AND | BPF_K, TYPE_MASK),
        IF_FROM(SOCK_RAW + 1), FAILURE(EPROTONOSUPPORT),
        LOAD(ARGUMENT(2)),
        LET(0), LET(IPPROTO_TCP), LET(MPTCP_PROTOCOL), LET(IPPROTO_UDP), LET(IPPROTO_UDPLITE),
        LET(IPPROTO_ICMP), LET(IPPROTO_ICMPV6),
        FAILURE(EPROTONOSUPPORT),
    };
    /* clang-format on */
    const struct sock_fprog filter = {.len = sizeof program / sizeof program[0], .filter = program};
    return prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &filter) == 0 ? 0 : -errno;
}

/* The kernel looks at the filter only if it takes filters at all, and takes them from this process. */
bool tg_pam_socket_families_can_be_restricted(void)
{
    return prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, NULL) != 0 && (errno == EFAULT || errno == EACCES);
}

#else

int tg_pam_socket_families_restrict(void)
{
    return -ENOSYS;
}

bool tg_pam_socket_families_can_be_restricted(void)
{
    return false;
}

#endif
