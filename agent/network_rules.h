/* SPDX-License-Identifier: BSD-2-Clause
 *
 * The nftables commands that put what confined accounts may reach into the table "inet tegata". Text only: no
 * kernel, no clock.
 *
 * A packet belongs to a confined account if the socket that sends it was made by a process with its uid, or
 * with its gid (which is the same number): a setuid program that such an account runs keeps the gid.
 */
#ifndef TEGATA_AGENT_NETWORK_RULES_H
#define TEGATA_AGENT_NETWORK_RULES_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum {
    TG_NAME_SERVERS_MAX = 8,
    TG_DESTINATION_SIZE = 56, /* "[v6 address]:port" and its NUL */
};

struct tg_network_address {
    int family;        /* AF_INET or AF_INET6 */
    uint8_t bytes[16]; /* zeros behind an IPv4 address */
};

struct tg_network_destination {
    struct tg_network_address address;
    uint16_t port;
};

/* One account may reach one destination by TCP. */
struct tg_network_permit {
    uint32_t uid;
    struct tg_network_destination destination;
    int64_t due;          /* when that ends, steady milliseconds */
    int64_t milliseconds; /* that are left until then */
};

struct tg_network_rules {
    uint32_t *uids; /* that are confined */
    size_t uid_count;
    struct tg_network_permit *permits;
    size_t permit_count;
    struct tg_network_address name_servers[TG_NAME_SERVERS_MAX];
    size_t name_server_count;
};

/* "10.0.0.5:5432" or "[2001:db8::1]:443". False for anything else: names, patterns, port 0. An IPv4-mapped
 * IPv6 address is the IPv4 address, as the kernel sends to that. */
bool tg_network_destination_parse(const char *text, struct tg_network_destination *out);

/* The same as text again. Returns `out`. */
const char *tg_network_destination_text(const struct tg_network_destination *destination,
                                        char out[TG_DESTINATION_SIZE]);

/* Reads the addresses of a list, "10.0.0.2 2001:db8::2", into rules->name_servers. False if there is one that
 * is no address, or there are too many; the others are taken. */
bool tg_network_name_servers_of_list(const char *list, struct tg_network_rules *rules);

/* The same from the lines "nameserver ADDRESS" of a resolv.conf(5); what else is in there does not matter. */
void tg_network_name_servers_of_file(const char *text, struct tg_network_rules *rules);

/* Sorts permits by account and destination; of several for the same, the one that ends last stays. */
void tg_network_rules_sort(struct tg_network_rules *rules);

/* Do both confine the same accounts to the same name servers? */
bool tg_network_rules_same_frame(const struct tg_network_rules *a, const struct tg_network_rules *b);

/* Do both permit the same until the same times, give or take a second? Both are sorted. */
bool tg_network_rules_same_permits(const struct tg_network_rules *a, const struct tg_network_rules *b);

/* The commands, malloc'ed, each to be run as one transaction; NULL without memory. The first makes the table
 * as it should be, whether there is one or not; the second sets the permits alone, in a table that is as it
 * should be otherwise. */
char *tg_network_rules_text(const struct tg_network_rules *rules);
char *tg_network_permits_text(const struct tg_network_rules *rules);

/* Removes the table, whether there is one or not. */
#define TG_NETWORK_REMOVE_TEXT "add table inet tegata\ndelete table inet tegata\n"

#endif
