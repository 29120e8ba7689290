/* SPDX-License-Identifier: BSD-2-Clause */
#include "lib/form.h"

#include "lib/verdict.h"

#include <string.h>

#define LOWER  "abcdefghijklmnopqrstuvwxyz"
#define UPPER  "ABCDEFGHIJKLMNOPQRSTUVWXYZ"
#define DIGITS "0123456789"

/* Is the text `shortest` to `longest` bytes long and made of the characters in `set` only? */
static bool made_of(const char *text, const char *set, size_t shortest, size_t longest)
{
    size_t length = strlen(text);
    return length >= shortest && length <= longest && strspn(text, set) == length;
}

static bool is_one_of(char character, const char *set)
{
    return character != '\0' && strchr(set, character) != NULL;
}

static bool is_name(const char *text)
{
    return is_one_of(text[0], LOWER "_") && made_of(text, LOWER DIGITS "_-", 1, 32);
}

static bool is_host(const char *text)
{
    return made_of(text, LOWER DIGITS ".-", 1, 64) && is_one_of(text[0], LOWER DIGITS) &&
           is_one_of(text[strlen(text) - 1], LOWER DIGITS);
}

static bool is_host_glob(const char *text)
{
    return made_of(text, LOWER DIGITS ".-*?[]!", 1, 64);
}

static bool is_ticket_id(const char *text)
{
    return strncmp(text, "T-", 2) == 0 && made_of(text + 2, DIGITS "ABCDEFGHJKMNPQRSTVWXYZ", 13, 13);
}

static bool is_digest(const char *text)
{
    return made_of(text, DIGITS "abcdef", 64, 64);
}

static bool is_fingerprint(const char *text)
{
    return strncmp(text, "SHA256:", 7) == 0 && made_of(text + 7, UPPER LOWER DIGITS "+/", 43, 43);
}

bool tg_is_among(const char *text, const char *const *texts, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        if (strcmp(text, texts[i]) == 0)
            return true;
    }
    return false;
}

static bool is_option(const char *text)
{
    static const char *const options[] = {"pty", "agent-forwarding", "port-forwarding", "x11"};
    return tg_is_among(text, options, sizeof options / sizeof options[0]);
}

/* 1 to 65535 without leading zeros. */
static bool is_port(const char *text)
{
    unsigned number = 0;
    if (!made_of(text, DIGITS, 1, 5) || text[0] == '0')
        return false;
    for (; *text != '\0'; text++)
        number = number * 10 + (unsigned)(*text - '0');
    return number <= 65535;
}

/* Cuts "host:port" or "[address]:port" in two. False if it is neither. */
static bool split_destination(const char *text, char host[256], const char **port)
{
    const char *colon = strrchr(text, ':');
    if (colon == NULL || colon == text || (size_t)(colon - text) >= 256)
        return false;
    size_t length = (size_t)(colon - text);
    *port = colon + 1;
    if (text[0] == '[') {
        if (length < 3 || text[length - 1] != ']')
            return false;
        text++;
        length -= 2;
    } else if (memchr(text, ':', length) != NULL) {
        return false;
    }
    memcpy(host, text, length);
    host[length] = '\0';
    return true;
}

static bool is_destination_host(const char *text, const char *host)
{
    if (text[0] == '[')
        return made_of(host, DIGITS "abcdefABCDEF:.", 2, 45) && tg_network_is_valid(host);
    return made_of(host, LOWER UPPER DIGITS "._-", 1, 253);
}

static bool is_destination(const char *text)
{
    char host[256];
    const char *port;
    return split_destination(text, host, &port) && is_destination_host(text, host) && is_port(port);
}

static bool is_destination_glob(const char *text)
{
    char host[256];
    const char *port;
    if (!split_destination(text, host, &port))
        return false;
    if (text[0] == '[')
        return is_destination(text);
    return made_of(host, LOWER UPPER DIGITS "._-*?", 1, 253) && made_of(port, DIGITS "*?", 1, 5);
}

bool tg_destination_is_numeric(const char *destination)
{
    char host[256];
    const char *port;
    return split_destination(destination, host, &port) && tg_network_is_valid(host);
}

static bool is_shell(const char *text)
{
    return text[0] == '/' && made_of(text, LOWER UPPER DIGITS "/._+-", 2, 128);
}

static bool is_command(const char *text)
{
    return strlen(text) <= 1024 && strpbrk(text, "#\"\\") == NULL;
}

static bool is_origin(const char *text)
{
    static const char *const schemes[] = {"https://", "http://localhost"};
    for (size_t i = 0; i < sizeof schemes / sizeof schemes[0]; i++) {
        if (strncmp(text, schemes[i], strlen(schemes[i])) == 0)
            return made_of(text + strlen(schemes[i]), LOWER DIGITS ".-:", i == 0 ? 1 : 0, 128);
    }
    return false;
}

bool tg_serial_from_text(const char *text, uint64_t *out)
{
    *out = 0;
    if (!made_of(text, DIGITS, 1, 20) || (text[0] == '0' && text[1] != '\0'))
        return false;
    for (; *text != '\0'; text++) {
        if (__builtin_mul_overflow(*out, (uint64_t)10, out) ||
            __builtin_add_overflow(*out, (uint64_t)(*text - '0'), out))
            return false;
    }
    return true;
}

static bool is_serial(const char *text)
{
    uint64_t number;
    return tg_serial_from_text(text, &number);
}

const struct tg_form tg_form_name = {is_name, "a name: [a-z_][a-z0-9_-]{0,31}"};
const struct tg_form tg_form_host = {is_host,
                                     "a host name: lower-case letters, digits, '.', '-', at most 64"};
const struct tg_form tg_form_host_glob = {is_host_glob, "a host name, in which * ? [] may stand for others"};
const struct tg_form tg_form_ticket_id = {is_ticket_id, "T- and 13 characters of Crockford's base32"};
const struct tg_form tg_form_digest = {is_digest, "a SHA-256 in 64 lower-case hex digits"};
const struct tg_form tg_form_fingerprint = {is_fingerprint,
                                            "a key's fingerprint as ssh-keygen -l prints it: SHA256:..."};
const struct tg_form tg_form_option = {is_option, "pty, agent-forwarding, port-forwarding or x11"};
const struct tg_form tg_form_destination = {is_destination, "host:port, or [IPv6 address]:port"};
const struct tg_form tg_form_destination_glob = {
    is_destination_glob, "host:port, in which * and ? may stand for others, or [IPv6 address]:port"};
const struct tg_form tg_form_network = {
    tg_network_is_valid, "an address, or a network such as 10.0.0.0/8 with no bits behind the prefix"};
const struct tg_form tg_form_shell = {is_shell, "an absolute path of letters, digits and /._+-"};
const struct tg_form tg_form_command = {is_command,
                                        "at most 1024 bytes without #, \" and \\: sshd cannot carry them"};
const struct tg_form tg_form_origin = {is_origin, "an origin such as https://approve.example.com"};
const struct tg_form tg_form_serial = {is_serial, "a certificate's serial as a decimal number"};
