/* SPDX-License-Identifier: BSD-2-Clause */
#include "approval_service/backoff.h"

#include <arpa/inet.h>
#include <stdio.h>
#include <string.h>

/* The first `bytes` of an IPv6 address; an IPv4 address as it is. */
static void cut(const char *address, size_t bytes, char network[TG_NETWORK_SIZE])
{
    struct in6_addr six;
    char copy[TG_NETWORK_SIZE];
    (void)snprintf(copy, sizeof copy, "%s", address);
    copy[strcspn(copy, "%")] = '\0'; /* the scope of a link-local address */
    (void)snprintf(network, TG_NETWORK_SIZE, "%s", copy);
    if (inet_pton(AF_INET6, copy, &six) != 1)
        return;
    if (IN6_IS_ADDR_V4MAPPED(&six)) {
        (void)inet_ntop(AF_INET, six.s6_addr + 12, network, TG_NETWORK_SIZE);
        return;
    }
    memset(six.s6_addr + bytes, 0, sizeof six.s6_addr - bytes);
    (void)inet_ntop(AF_INET6, &six, network, TG_NETWORK_SIZE);
}

void tg_network_of(const char *address, char network[TG_NETWORK_SIZE])
{
    cut(address, 8, network);
}

void tg_site_of(const char *address, char site[TG_NETWORK_SIZE])
{
    cut(address, 6, site);
}

static uint64_t mix(uint64_t hash, const char *text)
{
    for (const char *at = text; *at != '\0'; at++)
        hash = (hash ^ (unsigned char)*at) * UINT64_C(0x100000001b3);
    return (hash ^ 0xff) * UINT64_C(0x100000001b3);
}

static struct tg_backoff_entry *set_of(struct tg_backoff *backoff, const char *name, const char *network)
{
    uint64_t hash = mix(mix(backoff->secret, name), network);
    hash ^= hash >> 32;
    return backoff->entries[hash % TG_BACKOFF_SETS];
}

static struct tg_backoff_entry *find(struct tg_backoff_entry *set, const char *name, const char *network)
{
    for (size_t way = 0; way < TG_BACKOFF_WAYS; way++) {
        if (set[way].failures > 0 && strncmp(set[way].name, name, TG_BACKOFF_NAME_SIZE - 1) == 0 &&
            strcmp(set[way].network, network) == 0)
            return &set[way];
    }
    return NULL;
}

static struct tg_backoff_entry *take_over(struct tg_backoff_entry *set, const char *name, const char *network)
{
    struct tg_backoff_entry *entry = &set[0];
    for (size_t way = 1; way < TG_BACKOFF_WAYS; way++) {
        if (set[way].failures < entry->failures ||
            (set[way].failures == entry->failures && set[way].last_ms < entry->last_ms))
            entry = &set[way];
    }
    *entry = (struct tg_backoff_entry){0};
    (void)snprintf(entry->name, sizeof entry->name, "%s", name);
    (void)snprintf(entry->network, sizeof entry->network, "%s", network);
    return entry;
}

static int64_t waiting_ms(const struct tg_backoff_entry *entry)
{
    if (entry->failures < TG_BACKOFF_FREE)
        return 0;
    uint32_t doublings = entry->failures - TG_BACKOFF_FREE;
    int64_t seconds = doublings < 10 ? INT64_C(1) << doublings : TG_BACKOFF_SECONDS_MAX;
    return (seconds < TG_BACKOFF_SECONDS_MAX ? seconds : TG_BACKOFF_SECONDS_MAX) * 1000;
}

int64_t tg_backoff_attempt(struct tg_backoff *backoff, const char *name, const char *network, int64_t now_ms)
{
    struct tg_backoff_entry *set = set_of(backoff, name, network);
    struct tg_backoff_entry *entry = find(set, name, network);
    if (entry != NULL && now_ms - entry->last_ms > INT64_C(1000) * TG_BACKOFF_FORGET_SECONDS)
        entry->failures = 0;
    if (entry == NULL)
        entry = take_over(set, name, network);
    int64_t left = entry->last_ms + waiting_ms(entry) - now_ms;
    if (entry->failures > 0 && left > 0)
        return left;
    entry->failures += entry->failures < UINT32_MAX;
    entry->last_ms = now_ms;
    return 0;
}

void tg_backoff_succeeded(struct tg_backoff *backoff, const char *name, const char *network)
{
    struct tg_backoff_entry *entry = find(set_of(backoff, name, network), name, network);
    if (entry != NULL)
        *entry = (struct tg_backoff_entry){0};
}
