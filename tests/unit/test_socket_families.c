/* SPDX-License-Identifier: BSD-2-Clause
 *
 * The families of sockets that a confined session is left with.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "pam_module/socket_families.h"

#include <errno.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdbool.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

enum { FAMILIES = 64, DCCP_TYPE = 6 };

/* errno of a call that fails, 0 of one that does not. */
static int outcome(long result)
{
    return result < 0 ? errno : 0;
}

static bool is_left(int family)
{
    return family == AF_UNIX || family == AF_INET || family == AF_INET6 || family == AF_NETLINK;
}

/* Of all protocols over IP, are those left that the network rules hold, and no others? */
static bool protocols_are_held(void)
{
    enum { PROTOCOLS = 263, MPTCP_PROTOCOL = 262 };
    static const int families[] = {AF_INET, AF_INET6};
    static const int types[] = {SOCK_STREAM, SOCK_DGRAM, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK};
    for (size_t i = 0; i < sizeof families / sizeof families[0]; i++) {
        for (int protocol = 1; protocol < PROTOCOLS; protocol++) {
            bool held = protocol == IPPROTO_TCP || protocol == IPPROTO_UDP || protocol == IPPROTO_UDPLITE ||
                        protocol == IPPROTO_ICMP || protocol == IPPROTO_ICMPV6 || protocol == MPTCP_PROTOCOL;
            for (size_t j = 0; !held && j < sizeof types / sizeof types[0]; j++) {
                if (outcome(socket(families[i], types[j], protocol)) != EPROTONOSUPPORT)
                    return false;
            }
        }
        /* Without a protocol these are SCTP and DCCP, if there is such a thing. */
        if (outcome(socket(families[i], SOCK_SEQPACKET | SOCK_CLOEXEC, 0)) != EPROTONOSUPPORT ||
            outcome(socket(families[i], DCCP_TYPE, 0)) != EPROTONOSUPPORT)
            return false;
    }
    return true;
}

/* The kernel's own answer for this name is another one where it has MPTCP. */
static bool upper_layers_are_refused(void)
{
    int tcp = socket(AF_INET, SOCK_STREAM, 0);
    int on = 1;
    bool refused = outcome(setsockopt(tcp, IPPROTO_TCP, TCP_ULP, "mptcp", 5)) == ENOENT &&
                   outcome(syscall(SYS_setsockopt, tcp, (1L << 32) | IPPROTO_TCP, (1L << 32) | TCP_ULP,
                                   "mptcp", 5)) == ENOENT &&
                   outcome(setsockopt(tcp, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on)) == 0 &&
                   outcome(setsockopt(tcp, SOL_SOCKET, SO_KEEPALIVE, &on, sizeof on)) == 0;
    (void)close(tcp);
    return refused;
}

/* Which check fails first; 0: none. For a process of its own, which never gets rid of the filter. */
static int check(void)
{
    static const int types[] = {SOCK_STREAM, SOCK_DGRAM, SOCK_RAW, SOCK_SEQPACKET};
    int pair[2];
    if (prctl(PR_SET_NO_NEW_PRIVS, 1UL, 0UL, 0UL, 0UL) != 0 || tg_pam_socket_families_restrict() != 0)
        return 1;
    for (int family = 0; family < FAMILIES; family++) {
        for (size_t i = 0; i < sizeof types / sizeof types[0]; i++) {
            if (!is_left(family) && outcome(socket(family, types[i], 0)) != EAFNOSUPPORT)
                return 2;
        }
    }
    if (outcome(socket(AF_INET, SOCK_STREAM, 0)) != 0 || outcome(socket(AF_INET6, SOCK_DGRAM, 0)) != 0 ||
        outcome(socket(AF_NETLINK, SOCK_RAW, 0)) != 0 ||
        outcome(socketpair(AF_UNIX, SOCK_STREAM, 0, pair)) != 0)
        return 3;
    if (!protocols_are_held() || outcome(socket(AF_INET, SOCK_STREAM, IPPROTO_TCP)) != 0 ||
        outcome(socket(AF_INET6, SOCK_DGRAM | SOCK_CLOEXEC, IPPROTO_UDP)) != 0)
        return 4;
    /* What the kernel takes as int, whatever stands in the upper half. */
    if (outcome(syscall(SYS_socket, (1L << 32) | AF_VSOCK, SOCK_STREAM, 0)) != EAFNOSUPPORT)
        return 5;
    if (outcome(syscall(SYS_io_uring_setup, 1, NULL)) != EPERM)
        return 6;
    if (outcome(syscall(0x40000000 | SYS_socket, AF_VSOCK, SOCK_STREAM, 0)) != EPERM)
        return 7;
    if (!upper_layers_are_refused())
        return 8;
    return 0;
}

/* A kernel that takes no filters: prctl(PR_SET_SECCOMP) is EINVAL there. */
static int check_without_filters(void)
{
    struct sock_filter program[] = {
        BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, nr)),
        BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, SYS_prctl, 1, 0),
        BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW),
        BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ERRNO | EINVAL),
    };
    const struct sock_fprog filter = {.len = sizeof program / sizeof program[0], .filter = program};
    if (prctl(PR_SET_NO_NEW_PRIVS, 1UL, 0UL, 0UL, 0UL) != 0 || !tg_pam_socket_families_can_be_restricted() ||
        prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &filter) != 0)
        return 1;
    return tg_pam_socket_families_can_be_restricted() ? 2 : 0;
}

static void succeeds_in_a_child(int (*function)(void))
{
    int status;
    pid_t child = fork();
    assert_true(child >= 0);
    if (child == 0)
        _exit(function());
    assert_int_equal(waitpid(child, &status, 0), child);
    assert_true(WIFEXITED(status));
    assert_int_equal(WEXITSTATUS(status), 0);
}

static void test_what_is_left(void **state)
{
    (void)state;
    succeeds_in_a_child(check);
}

static void test_a_kernel_without_filters(void **state)
{
    (void)state;
    assert_true(tg_pam_socket_families_can_be_restricted());
    succeeds_in_a_child(check_without_filters);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_what_is_left),
                                       cmocka_unit_test(test_a_kernel_without_filters)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
