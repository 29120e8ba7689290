/* SPDX-License-Identifier: BSD-2-Clause
 *
 * Addresses and CIDR networks (RFC 4632, RFC 4291 section 2.3).
 */
#include "lib/verdict.h"

#include <arpa/inet.h>
#include <string.h>

/* An address with a prefix length; a lone address has the longest. */
struct network {
    int family;
    uint8_t bytes[16];
    unsigned length; /* of the address: 4 or 16 bytes */
    unsigned prefix;
};

static const uint8_t mapped_prefix[12] = {0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff};

/* 0 to `limit` without leading zeros; anything else is false. */
static bool parse_prefix(const char *text, unsigned limit, unsigned *out)
{
    *out = 0;
    if (text[0] == '\0' || strlen(text) > 3 || (text[0] == '0' && text[1] != '\0'))
        return false;
    for (; *text != '\0'; text++) {
        if (*text < '0' || *text > '9')
            return false;
        *out = *out * 10 + (unsigned)(*text - '0');
    }
    return *out <= limit;
}

static bool parse_address(const char *text, struct network *out)
{
    *out = (struct network){.family = AF_INET, .length = 4, .prefix = 32};
    if (inet_pton(AF_INET, text, out->bytes) == 1)
        return true;
    *out = (struct network){.family = AF_INET6, .length = 16, .prefix = 128};
    return inet_pton(AF_INET6, text, out->bytes) == 1;
}

/* ::ffff:192.0.2.1 is 192.0.2.1, and a network of such addresses one of IPv4 (RFC 4291 section 2.5.5.2). */
static void unmap(struct network *network)
{
    if (network->family != AF_INET6 || network->prefix < 96 ||
        memcmp(network->bytes, mapped_prefix, sizeof mapped_prefix) != 0)
        return;
    struct network plain = {.family = AF_INET, .length = 4, .prefix = network->prefix - 96};
    memcpy(plain.bytes, network->bytes + sizeof mapped_prefix, 4);
    *network = plain;
}

static bool bit_at(const struct network *network, unsigned position)
{
    return (network->bytes[position / 8] >> (7 - position % 8) & 1) != 0;
}

/* Bits behind the prefix are refused, as sshd's from="..." does: they are a slip of the pen that would let
 * more in than its writer thought. */
static bool has_stray_bits(const struct network *network)
{
    for (unsigned position = network->prefix; position < network->length * 8; position++) {
        if (bit_at(network, position))
            return true;
    }
    return false;
}

static bool parse_network(const char *text, struct network *out)
{
    char address[INET6_ADDRSTRLEN];
    const char *slash = strchr(text, '/');
    size_t length = slash != NULL ? (size_t)(slash - text) : strlen(text);
    *out = (struct network){0};
    if (length >= sizeof address)
        return false;
    memcpy(address, text, length);
    address[length] = '\0';
    if (!parse_address(address, out))
        return false;
    if (slash != NULL && !parse_prefix(slash + 1, out->length * 8, &out->prefix))
        return false;
    if (has_stray_bits(out))
        return false;
    unmap(out);
    return true;
}

static bool contains(const struct network *outer, const struct network *inner)
{
    if (outer->family != inner->family || outer->prefix > inner->prefix)
        return false;
    for (unsigned position = 0; position < outer->prefix; position++) {
        if (bit_at(outer, position) != bit_at(inner, position))
            return false;
    }
    return true;
}

bool tg_network_is_valid(const char *network)
{
    struct network parsed;
    return parse_network(network, &parsed);
}

bool tg_network_is_within(const char *network, const char *const *networks, size_t count)
{
    struct network inner, outer;
    if (!parse_network(network, &inner))
        return false;
    for (size_t i = 0; i < count; i++) {
        if (parse_network(networks[i], &outer) && contains(&outer, &inner))
            return true;
    }
    return false;
}

bool tg_address_matches(const char *address, const char *const *networks, size_t count)
{
    return strchr(address, '/') == NULL && tg_network_is_within(address, networks, count);
}
