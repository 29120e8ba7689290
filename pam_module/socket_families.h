/* SPDX-License-Identifier: BSD-2-Clause
 *
 * The network rules of a confined account (agent/network_rules.h) see IPv4 and IPv6, and go by whose socket
 * it is that sends. AF_VSOCK is neither; behind AF_SMC, AF_RDS and AF_RXRPC the kernel sends by sockets of
 * its own, and so it does for a TCP socket that was turned into one of SMC (TCP_ULP "smc"); SCTP and DCCP
 * answer strangers by one of the kernel's, too. So a confined session is without them: a seccomp filter that
 * all its processes inherit.
 */
#ifndef TEGATA_PAM_MODULE_SOCKET_FAMILIES_H
#define TEGATA_PAM_MODULE_SOCKET_FAMILIES_H

#include <stdbool.h>

/* From here on this process, and whatever it starts, makes sockets of AF_UNIX, AF_INET, AF_INET6 and
 * AF_NETLINK only (others: EAFNOSUPPORT), over IP those of TCP, MPTCP, UDP, UDP-Lite and ping only (others:
 * EPROTONOSUPPORT), puts no upper layer into TCP (TCP_ULP: ENOENT, as for one that the kernel does not know),
 * has no io_uring (which makes sockets past any such filter), and no system calls of another architecture, as
 * of 32-bit programs (both: EPERM). For root, or after PR_SET_NO_NEW_PRIVS. 0 or -errno; -ENOSYS on an
 * architecture for which this is not written. */
int tg_pam_socket_families_restrict(void);

/* Could a process here be restricted so? Changes nothing. */
bool tg_pam_socket_families_can_be_restricted(void);

#endif
