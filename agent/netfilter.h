/* SPDX-License-Identifier: BSD-2-Clause
 *
 * The kernel's packet filter: running nftables commands in this process (libnftables), and hearing of what
 * others change.
 */
#ifndef TEGATA_AGENT_NETFILTER_H
#define TEGATA_AGENT_NETFILTER_H

#include "lib/error.h"

#include <nftables/libnftables.h>
#include <stdbool.h>
#include <stddef.h>

struct tg_netfilter {
    struct nft_ctx *context; /* kept: to close one takes the kernel longer than many commands */
    int watch;               /* hears of every change of rules on this host; -1: not open */
};

/* Needs CAP_NET_ADMIN for all that follows. -1: the kernel has no nftables; reason grant_failed. */
int tg_netfilter_open(struct tg_netfilter *netfilter, struct tg_error *error);
void tg_netfilter_close(struct tg_netfilter *netfilter);

/* Runs the commands as one transaction: all or none. -1 with reason grant_failed and what the library says.
 */
int tg_netfilter_run(struct tg_netfilter *netfilter, const char *commands, struct tg_error *error);

/* How many transactions, ours among them, have changed the rules since the last call. More than there were,
 * never less, if so many came that the kernel dropped some. */
size_t tg_netfilter_changes(struct tg_netfilter *netfilter);

#endif
