/* SPDX-License-Identifier: BSD-2-Clause */
#include "lib/policy.h"

#include "lib/sshsig.h"
#include "lib/verdict.h"

#include <stdlib.h>
#include <string.h>

enum { ROOT_SIGNERS_MAX = 64, SIGNATURES_MAX = 64 };

/* Cuts the next word off `*rest` and returns it; NULL if there is none. Words may hold quoted blanks nowhere
 * that we accept. */
static char *next_word(char **rest)
{
    *rest += strspn(*rest, " \t");
    if (**rest == '\0')
        return NULL;
    char *word = *rest;
    *rest += strcspn(*rest, " \t");
    if (**rest != '\0')
        *(*rest)++ = '\0';
    return word;
}

/* One option field of allowed_signers. Any other than our own namespace would mean something that we do not
 * do. */
static bool is_known_option(const char *word)
{
    return strcasecmp(word, "namespaces=\"" TG_NAMESPACE_POLICY "\"") == 0;
}

/* "PRINCIPAL [OPTION] KEYTYPE BASE64 [COMMENT]" */
static int parse_signer(char *line, unsigned number, struct tg_public_key **out, struct tg_error *error)
{
    struct tg_error fault = {0};
    char *rest = line;
    *out = NULL;
    (void)next_word(&rest); /* the principal, which is for people */
    char *key = rest + strspn(rest, " \t");
    if (strncasecmp(key, "namespaces=", 11) == 0) {
        if (!is_known_option(next_word(&rest)))
            return tg_fail(error, TG_config_bad, "root signers, line %u: the namespace must be \"%s\"",
                           number, TG_NAMESPACE_POLICY);
        key = rest + strspn(rest, " \t");
    }
    if (tg_public_key_parse_line(key, out, &fault) != 0)
        return tg_fail(error, TG_config_bad,
                       "root signers, line %u: must be PRINCIPAL [namespaces=\"%s\"] KEYTYPE BASE64: %.100s",
                       number, TG_NAMESPACE_POLICY, fault.text);
    return 0;
}

static int add_signer(struct tg_root_signers *signers, struct tg_public_key *key, unsigned number,
                      struct tg_error *error)
{
    for (size_t i = 0; i < signers->count; i++) {
        if (tg_bytes_equal(signers->keys[i]->blob, key->blob)) {
            tg_public_key_free(key);
            return tg_fail(error, TG_config_bad, "root signers, line %u: this key stands there twice",
                           number);
        }
    }
    if (signers->count == ROOT_SIGNERS_MAX) {
        tg_public_key_free(key);
        return tg_fail(error, TG_config_bad, "root signers, line %u: more than %d keys", number,
                       ROOT_SIGNERS_MAX);
    }
    signers->keys[signers->count++] = key;
    return 0;
}

static int parse_lines(char *text, struct tg_root_signers *signers, struct tg_error *error)
{
    unsigned number = 0;
    for (char *rest = text, *line; (line = strsep(&rest, "\n")) != NULL;) {
        struct tg_public_key *key;
        number++;
        line[strcspn(line, "\r")] = '\0';
        line += strspn(line, " \t");
        if (*line == '\0' || *line == '#')
            continue;
        if (parse_signer(line, number, &key, error) != 0 || add_signer(signers, key, number, error) != 0)
            return -1;
    }
    return 0;
}

int tg_root_signers_parse(const char *text, uint32_t threshold, struct tg_root_signers *out,
                          struct tg_error *error)
{
    *out = (struct tg_root_signers){.threshold = threshold};
    char *copy = strdup(text);
    out->keys = calloc(ROOT_SIGNERS_MAX, sizeof(struct tg_public_key *));
    int result = -1;
    if (copy == NULL || out->keys == NULL)
        (void)tg_fail(error, TG_config_bad, "root signers: no memory");
    else
        result = parse_lines(copy, out, error);
    if (result == 0 && (threshold < 1 || threshold > out->count))
        result = tg_fail(error, TG_config_bad, "root signers: %u of them must sign, but the file has %zu",
                         threshold, out->count);
    free(copy);
    if (result != 0)
        tg_root_signers_free(out);
    return result;
}

void tg_root_signers_free(struct tg_root_signers *signers)
{
    if (signers == NULL)
        return;
    for (size_t i = 0; i < signers->count; i++)
        tg_public_key_free(signers->keys[i]);
    free(signers->keys);
    *signers = (struct tg_root_signers){0};
}

/* Whose root key made this signature: its index, or -1 with *fault saying why it counts for nobody. */
static int find_signer(struct tg_bytes document, const char *armored, const struct tg_root_signers *signers,
                       struct tg_error *fault)
{
    static const struct tg_sshsig_demands demands = {0};
    struct tg_public_key *claimed = NULL;
    uint8_t *blob = NULL;
    size_t length;
    int found = -1;
    if (tg_sshsig_dearmor(armored, &blob, &length, fault) != 0 ||
        tg_sshsig_signer(tg_bytes_of(blob, length), &claimed, fault) != 0)
        goto out;
    for (size_t i = 0; i < signers->count; i++) {
        if (!tg_bytes_equal(signers->keys[i]->blob, claimed->blob))
            continue;
        if (tg_sshsig_verify(tg_bytes_of(blob, length), TG_NAMESPACE_POLICY, document, signers->keys[i],
                             &demands, NULL, fault) == 0)
            found = (int)i;
        goto out;
    }
    (void)tg_fail(fault, TG_policy_unsigned, "%s is not a root key here", claimed->fingerprint);
out:
    tg_public_key_free(claimed);
    free(blob);
    return found;
}

/* At least `threshold` different root keys. A signature that counts for nobody does no harm: it may be by a
 * root key of tomorrow. */
static int check_signatures(struct tg_bytes document, const char *const *signatures, size_t signature_count,
                            const struct tg_root_signers *signers, struct tg_error *error)
{
    bool signed_by[ROOT_SIGNERS_MAX] = {false};
    uint32_t count = 0;
    struct tg_error fault = {0};
    if (signature_count > SIGNATURES_MAX)
        return tg_fail(error, TG_policy_unsigned, "policy: has more than %d signatures", SIGNATURES_MAX);
    for (size_t i = 0; i < signature_count; i++) {
        int signer = find_signer(document, signatures[i], signers, &fault);
        if (signer < 0 || signed_by[signer])
            continue;
        signed_by[signer] = true;
        count++;
    }
    if (signers->threshold > 0 && count >= signers->threshold)
        return 0;
    return tg_fail(error, TG_policy_unsigned,
                   "policy: signed by %u of the %u root keys that must sign it%s%.120s", count,
                   signers->threshold, fault.text[0] != '\0' ? ": " : "", fault.text);
}

int tg_policy_verify(struct tg_bytes document, const char *const *signatures, size_t signature_count,
                     const struct tg_root_signers *signers, uint64_t lowest_serial, int64_t now,
                     struct tg_policy **out, struct tg_error *error)
{
    struct tg_policy *policy;
    *out = NULL;
    if (document.length > TG_POLICY_MAX)
        return tg_fail(error, TG_policy_malformed, "policy: must be at most %d bytes", TG_POLICY_MAX);
    if (check_signatures(document, signatures, signature_count, signers, error) != 0 ||
        tg_policy_parse(document, &policy, error) != 0)
        return -1;
    int result = 0;
    if (policy->serial < lowest_serial)
        result = tg_fail(error, TG_policy_old, "policy: key 'serial': %llu, but %llu has been seen",
                         (unsigned long long)policy->serial, (unsigned long long)lowest_serial);
    else if (now >= policy->expires)
        result = tg_fail(error, TG_policy_expired, "policy: key 'expires': it ended %lld seconds ago",
                         (long long)(now - policy->expires));
    else if (policy->issued > now + TG_CLOCK_SKEW)
        result = tg_fail(error, TG_policy_early,
                         "policy: key 'issued': lies %lld seconds in the future; check the clocks",
                         (long long)(policy->issued - now));
    if (result != 0)
        tg_policy_free(policy);
    else
        *out = policy;
    return result;
}
