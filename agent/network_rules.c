/* SPDX-License-Identifier: BSD-2-Clause */
#include "agent/network_rules.h"

#include <arpa/inet.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

enum { ADDRESS_TEXT_SIZE = INET6_ADDRSTRLEN, SAME_MS = 1000 };

/* --- Addresses
 * ---------------------------------------------------------------------------------------------------- */

static bool parse_address(const char *text, size_t length, struct tg_network_address *out)
{
    static const uint8_t mapped[12] = {0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff};
    char copy[ADDRESS_TEXT_SIZE];
    uint8_t bytes[16] = {0};
    *out = (struct tg_network_address){0};
    if (length == 0 || length >= sizeof copy)
        return false;
    memcpy(copy, text, length);
    copy[length] = '\0';
    int family = AF_INET;
    if (inet_pton(AF_INET, copy, bytes) != 1) {
        family = AF_INET6;
        if (inet_pton(AF_INET6, copy, bytes) != 1)
            return false;
    }
    if (family == AF_INET6 && memcmp(bytes, mapped, sizeof mapped) == 0) {
        family = AF_INET;
        memmove(bytes, bytes + sizeof mapped, 4);
        memset(bytes + 4, 0, sizeof bytes - 4);
    }
    out->family = family;
    memcpy(out->bytes, bytes, sizeof bytes);
    return true;
}

/* 1 to 65535, digits only. */
static bool parse_port(const char *text, uint16_t *out)
{
    size_t length = strspn(text, "0123456789");
    *out = 0;
    if (length == 0 || length > 5 || text[length] != '\0')
        return false;
    unsigned long port = strtoul(text, NULL, 10);
    if (port == 0 || port > UINT16_MAX)
        return false;
    *out = (uint16_t)port;
    return true;
}

bool tg_network_destination_parse(const char *text, struct tg_network_destination *out)
{
    *out = (struct tg_network_destination){0};
    bool bracketed = text[0] == '[';
    const char *address = bracketed ? text + 1 : text;
    const char *end = bracketed ? strstr(text, "]:") : strchr(text, ':');
    struct tg_network_destination parsed;
    if (end == NULL || !parse_address(address, (size_t)(end - address), &parsed.address) ||
        !parse_port(end + (bracketed ? 2 : 1), &parsed.port))
        return false;
    *out = parsed;
    return true;
}

const char *tg_network_destination_text(const struct tg_network_destination *destination,
                                        char out[TG_DESTINATION_SIZE])
{
    char address[ADDRESS_TEXT_SIZE] = "";
    (void)inet_ntop(destination->address.family, destination->address.bytes, address, sizeof address);
    (void)snprintf(out, TG_DESTINATION_SIZE, destination->address.family == AF_INET ? "%s:%u" : "[%s]:%u",
                   address, destination->port);
    return out;
}

static bool same_address(const struct tg_network_address *a, const struct tg_network_address *b)
{
    return a->family == b->family && memcmp(a->bytes, b->bytes, sizeof a->bytes) == 0;
}

static bool add_name_server(struct tg_network_rules *rules, const char *text, size_t length)
{
    struct tg_network_address address;
    /* fe80::1%eth0: the rules are not about interfaces. */
    const char *zone = memchr(text, '%', length);
    if (!parse_address(text, zone == NULL ? length : (size_t)(zone - text), &address))
        return false;
    for (size_t i = 0; i < rules->name_server_count; i++) {
        if (same_address(&rules->name_servers[i], &address))
            return true;
    }
    if (rules->name_server_count == TG_NAME_SERVERS_MAX)
        return false;
    rules->name_servers[rules->name_server_count++] = address;
    return true;
}

bool tg_network_name_servers_of_list(const char *list, struct tg_network_rules *rules)
{
    bool good = true;
    rules->name_server_count = 0;
    for (const char *word = list + strspn(list, " \t,"); *word != '\0';) {
        size_t length = strcspn(word, " \t,");
        if (!add_name_server(rules, word, length))
            good = false;
        word += length;
        word += strspn(word, " \t,");
    }
    return good;
}

void tg_network_name_servers_of_file(const char *text, struct tg_network_rules *rules)
{
    static const char keyword[] = "nameserver";
    rules->name_server_count = 0;
    for (const char *line = text; *line != '\0';) {
        size_t length = strcspn(line, "\n");
        const char *value = line + sizeof keyword - 1;
        if (length > sizeof keyword && strncmp(line, keyword, sizeof keyword - 1) == 0 &&
            (*value == ' ' || *value == '\t')) {
            value += strspn(value, " \t");
            (void)add_name_server(rules, value, strcspn(value, " \t\r\n#;"));
        }
        line += length;
        line += *line == '\n' ? 1 : 0;
    }
}

/* --- Order
 * -------------------------------------------------------------------------------------------------------- */

static int compare_destinations(const struct tg_network_permit *a, const struct tg_network_permit *b)
{
    if (a->uid != b->uid)
        return a->uid < b->uid ? -1 : 1;
    if (a->destination.address.family != b->destination.address.family)
        return a->destination.address.family < b->destination.address.family ? -1 : 1;
    int bytes = memcmp(a->destination.address.bytes, b->destination.address.bytes,
                       sizeof a->destination.address.bytes);
    return bytes != 0 ? bytes : (int)a->destination.port - (int)b->destination.port;
}

/* The one that ends last first. */
static int compare_permits(const void *left, const void *right)
{
    const struct tg_network_permit *a = left;
    const struct tg_network_permit *b = right;
    int order = compare_destinations(a, b);
    if (order != 0 || a->due == b->due)
        return order;
    return a->due > b->due ? -1 : 1;
}

static int compare_uids(const void *left, const void *right)
{
    const uint32_t *a = left;
    const uint32_t *b = right;
    return (*a > *b) - (*a < *b);
}

void tg_network_rules_sort(struct tg_network_rules *rules)
{
    size_t kept = 0;
    if (rules->uid_count > 0)
        qsort(rules->uids, rules->uid_count, sizeof *rules->uids, compare_uids);
    for (size_t i = 0; i < rules->uid_count; i++) {
        if (kept == 0 || rules->uids[kept - 1] != rules->uids[i])
            rules->uids[kept++] = rules->uids[i];
    }
    rules->uid_count = kept;
    kept = 0;
    if (rules->permit_count > 0)
        qsort(rules->permits, rules->permit_count, sizeof *rules->permits, compare_permits);
    for (size_t i = 0; i < rules->permit_count; i++) {
        if (kept == 0 || compare_destinations(&rules->permits[kept - 1], &rules->permits[i]) != 0)
            rules->permits[kept++] = rules->permits[i];
    }
    rules->permit_count = kept;
}

bool tg_network_rules_same_frame(const struct tg_network_rules *a, const struct tg_network_rules *b)
{
    if (a->uid_count != b->uid_count || a->name_server_count != b->name_server_count)
        return false;
    for (size_t i = 0; i < a->uid_count; i++) {
        if (a->uids[i] != b->uids[i])
            return false;
    }
    for (size_t i = 0; i < a->name_server_count; i++) {
        if (!same_address(&a->name_servers[i], &b->name_servers[i]))
            return false;
    }
    return true;
}

bool tg_network_rules_same_permits(const struct tg_network_rules *a, const struct tg_network_rules *b)
{
    if (a->permit_count != b->permit_count)
        return false;
    for (size_t i = 0; i < a->permit_count; i++) {
        if (compare_destinations(&a->permits[i], &b->permits[i]) != 0 ||
            llabs(a->permits[i].due - b->permits[i].due) > SAME_MS)
            return false;
    }
    return true;
}

/* --- Commands
 * ----------------------------------------------------------------------------------------------------- */

/* What is there already is left as it is by `add`. The chain is emptied and filled, never deleted: it stays
 * in force throughout. Its place is behind connection tracking and before destination addresses are
 * rewritten, so that a destination is the one that the program named, as sshd's permitopen sees it. */
static const char frame[] =
    "add table inet tegata\n"
    "add set inet tegata confined { type uid; }\n"
    "add set inet tegata confined_groups { type gid; }\n"
    "add set inet tegata permit4 { type uid . ipv4_addr . inet_service; flags timeout; }\n"
    "add set inet tegata permit6 { type uid . ipv6_addr . inet_service; flags timeout; }\n"
    "add set inet tegata name_servers4 { type ipv4_addr; }\n"
    "add set inet tegata name_servers6 { type ipv6_addr; }\n"
    "add chain inet tegata output { type filter hook output priority mangle; policy accept; }\n"
    "add chain inet tegata confined_output\n"
    "add chain inet tegata handshakes\n"
    "flush table inet tegata\n"
    "flush set inet tegata confined\n"
    "flush set inet tegata confined_groups\n"
    "flush set inet tegata name_servers4\n"
    "flush set inet tegata name_servers6\n"
    "add rule inet tegata output meta skuid @confined goto confined_output\n"
    "add rule inet tegata output meta skgid @confined_groups goto confined_output\n"
    "add rule inet tegata output tcp sport >= 1024 tcp flags & (syn | ack) == syn | ack goto handshakes\n"
    "add rule inet tegata confined_output meta skuid . ip daddr . tcp dport @permit4 accept\n"
    "add rule inet tegata confined_output meta skuid . ip6 daddr . tcp dport @permit6 accept\n"
    "add rule inet tegata confined_output ip daddr @name_servers4 meta l4proto { tcp, udp } th dport 53 "
    "accept\n"
    "add rule inet tegata confined_output ip6 daddr @name_servers6 meta l4proto { tcp, udp } th dport 53 "
    "accept\n"
    /* No "established": what is over is over for connections, too. */
    "add rule inet tegata confined_output meta l4proto tcp reject with tcp reset\n"
    "add rule inet tegata confined_output reject with icmpx type admin-prohibited\n"
    /* A SYN cookie is answered in no socket's name. The connection that comes of it could be closed with its
     * data unsent, and what the kernel sends then is nobody's either. So nobody's SYN-ACK leaves from where a
     * confined account can listen. */
    "add rule inet tegata handshakes meta skuid >= 0 return\n"
    "add rule inet tegata handshakes drop\n";

static void write_uids(FILE *stream, const char *set, const struct tg_network_rules *rules)
{
    for (size_t i = 0; i < rules->uid_count; i++) {
        if (i == 0)
            (void)fprintf(stream, "add element inet tegata %s { ", set);
        (void)fprintf(stream, "%s%" PRIu32 "%s", i == 0 ? "" : ", ", rules->uids[i],
                      i + 1 == rules->uid_count ? " }\n" : "");
    }
}

static void write_name_servers(FILE *stream, const struct tg_network_rules *rules)
{
    for (size_t i = 0; i < rules->name_server_count; i++) {
        const struct tg_network_address *server = &rules->name_servers[i];
        char address[ADDRESS_TEXT_SIZE] = "";
        (void)inet_ntop(server->family, server->bytes, address, sizeof address);
        (void)fprintf(stream, "add element inet tegata name_servers%c { %s }\n",
                      server->family == AF_INET ? '4' : '6', address);
    }
}

static void write_permits_of(FILE *stream, const struct tg_network_rules *rules, int family, const char *set)
{
    bool any = false;
    for (size_t i = 0; i < rules->permit_count; i++) {
        const struct tg_network_permit *permit = &rules->permits[i];
        char address[ADDRESS_TEXT_SIZE] = "";
        if (permit->destination.address.family != family || permit->milliseconds <= 0)
            continue;
        (void)inet_ntop(family, permit->destination.address.bytes, address, sizeof address);
        if (any)
            (void)fputs(", ", stream);
        else
            (void)fprintf(stream, "add element inet tegata %s { ", set);
        (void)fprintf(stream, "%" PRIu32 " . %s . %u timeout %" PRId64 "ms", permit->uid, address,
                      permit->destination.port, permit->milliseconds);
        any = true;
    }
    if (any)
        (void)fputs(" }\n", stream);
}

static void write_permits(FILE *stream, const struct tg_network_rules *rules)
{
    (void)fputs("flush set inet tegata permit4\nflush set inet tegata permit6\n", stream);
    write_permits_of(stream, rules, AF_INET, "permit4");
    write_permits_of(stream, rules, AF_INET6, "permit6");
}

static char *finish(FILE *stream, char **text)
{
    bool failed = ferror(stream) != 0;
    if (fclose(stream) != 0 || failed) {
        free(*text);
        *text = NULL;
    }
    return *text;
}

char *tg_network_rules_text(const struct tg_network_rules *rules)
{
    char *text = NULL;
    size_t length = 0;
    FILE *stream = open_memstream(&text, &length);
    if (stream == NULL)
        return NULL;
    (void)fputs(frame, stream);
    write_uids(stream, "confined", rules);
    write_uids(stream, "confined_groups", rules);
    write_name_servers(stream, rules);
    write_permits(stream, rules);
    return finish(stream, &text);
}

char *tg_network_permits_text(const struct tg_network_rules *rules)
{
    char *text = NULL;
    size_t length = 0;
    FILE *stream = open_memstream(&text, &length);
    if (stream == NULL)
        return NULL;
    write_permits(stream, rules);
    return finish(stream, &text);
}
