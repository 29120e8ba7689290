/* SPDX-License-Identifier: BSD-2-Clause */
#include "agent/netfilter.h"

#include <errno.h>
#include <linux/netfilter/nf_tables.h>
#include <linux/netfilter/nfnetlink.h>
#include <linux/netlink.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

enum { NOTIFICATION_SIZE = 32768, DROPPED = 1000 };

/* Also asks whether the kernel knows the protocol at all: the library ends the process where it does not. */
static int open_watch(void)
{
    int fd = socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC | SOCK_NONBLOCK, NETLINK_NETFILTER);
    struct sockaddr_nl address = {.nl_family = AF_NETLINK};
    int group = NFNLGRP_NFTABLES;
    if (fd < 0)
        return -1;
    if (bind(fd, (const struct sockaddr *)&address, sizeof address) == 0 &&
        setsockopt(fd, SOL_NETLINK, NETLINK_ADD_MEMBERSHIP, &group, sizeof group) == 0)
        return fd;
    (void)close(fd);
    return -1;
}

int tg_netfilter_open(struct tg_netfilter *netfilter, struct tg_error *error)
{
    if (netfilter->context != NULL)
        return 0;
    *netfilter = (struct tg_netfilter){.watch = open_watch()};
    if (netfilter->watch < 0)
        return tg_fail(error, TG_grant_failed, "the kernel's nftables cannot be reached: %s",
                       strerror(errno));
    netfilter->context = nft_ctx_new(NFT_CTX_DEFAULT);
    if (netfilter->context != NULL && nft_ctx_buffer_error(netfilter->context) == 0 &&
        nft_ctx_buffer_output(netfilter->context) == 0)
        return 0;
    tg_netfilter_close(netfilter);
    return tg_fail(error, TG_grant_failed, "no memory for libnftables");
}

void tg_netfilter_close(struct tg_netfilter *netfilter)
{
    if (netfilter->context != NULL)
        nft_ctx_free(netfilter->context);
    if (netfilter->watch >= 0)
        (void)close(netfilter->watch);
    *netfilter = (struct tg_netfilter){.watch = -1};
}

int tg_netfilter_run(struct tg_netfilter *netfilter, const char *commands, struct tg_error *error)
{
    if (tg_netfilter_open(netfilter, error) != 0)
        return -1;
    if (nft_run_cmd_from_buffer(netfilter->context, commands) == 0)
        return 0;
    const char *said = nft_ctx_get_error_buffer(netfilter->context);
    if (said == NULL || said[0] == '\0')
        said = "no reason is given";
    /* The first line says it; the others show the commands. */
    (void)tg_fail(error, TG_grant_failed, "nftables: %.*s", (int)strcspn(said, "\n"), said);
    return -1;
}

/* Each transaction ends with one message of this kind. */
static size_t count_generations(const char *data, size_t length)
{
    size_t count = 0;
    const uint16_t new_generation = (NFNL_SUBSYS_NFTABLES << 8) | NFT_MSG_NEWGEN;
    while (length >= sizeof(struct nlmsghdr)) {
        struct nlmsghdr header;
        memcpy(&header, data, sizeof header);
        size_t size = NLMSG_ALIGN((size_t)header.nlmsg_len);
        if (header.nlmsg_type == new_generation)
            count++;
        if (header.nlmsg_len < sizeof header || size >= length)
            break;
        data += size;
        length -= size;
    }
    return count;
}

size_t tg_netfilter_changes(struct tg_netfilter *netfilter)
{
    char data[NOTIFICATION_SIZE];
    size_t count = 0;
    while (netfilter->watch >= 0) {
        struct sockaddr_nl sender = {0};
        socklen_t sender_size = sizeof sender;
        ssize_t length =
            recvfrom(netfilter->watch, data, sizeof data, 0, (struct sockaddr *)&sender, &sender_size);
        if (length < 0 && errno == EINTR)
            continue;
        if (length < 0 && errno == ENOBUFS)
            count += DROPPED;
        else if (length <= 0)
            break;
        else if (sender.nl_pid == 0)
            count += count_generations(data, (size_t)length);
    }
    return count;
}
