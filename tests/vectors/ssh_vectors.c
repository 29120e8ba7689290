/* SPDX-License-Identifier: BSD-2-Clause */
#include "tests/vectors/vectors.h"

#include <stdlib.h>
#include <string.h>

static const char certificate_suffix[] = "-cert-v01@openssh.com";

bool check_ssh_folder(const char *folder, struct report *report)
{
    json_t *manifest = load_json(folder, "manifest.json");
    bool known = json_is_object(manifest);
    if (known) {
        check_certificates(folder, json_object_get(manifest, "certs"), report);
        check_crafted(folder, json_object_get(manifest, "crafted"), report);
        check_signatures(folder, json_object_get(manifest, "sshsig"), false, report);
        check_signatures(folder, json_object_get(manifest, "sshsigWebauthn"), true, report);
        check_attestations(folder, json_object_get(manifest, "attestation"), report);
    }
    json_decref(manifest);
    return known;
}

/* The next word of a line of allowed_signers; blanks inside quotes do not end it. */
static struct tg_bytes next_word(const char **line)
{
    bool quoted = false;
    *line += strspn(*line, " \t");
    const char *start = *line;
    for (; **line != '\0' && (quoted || (**line != ' ' && **line != '\t')); (*line)++) {
        if (**line == '"')
            quoted = !quoted;
    }
    return tg_bytes_of(start, (size_t)(*line - start));
}

/* The key of one line: principals, perhaps options, type, base64. NULL for comments, authorities, and keys
 * that are refused. */
static struct tg_public_key *signer_of_line(const char *line)
{
    struct tg_public_key *key = NULL;
    if (line[0] == '#' || line[0] == '\0')
        return NULL;
    (void)next_word(&line);
    const char *rest = line + strspn(line, " \t");
    if (tg_public_key_parse_line(rest, &key, NULL) == 0)
        return key;
    struct tg_bytes options = next_word(&line);
    if (options.length >= 14 && memmem(options.data, options.length, "cert-authority", 14) != NULL)
        return NULL;
    rest = line + strspn(line, " \t");
    return tg_public_key_parse_line(rest, &key, NULL) == 0 ? key : NULL;
}

/* Finds the key with this blob in an allowed_signers file. */
static struct tg_public_key *find_signer(char *text, struct tg_bytes blob)
{
    char *rest = text;
    for (char *line = strsep(&rest, "\n"); line != NULL; line = strsep(&rest, "\n")) {
        struct tg_public_key *key = signer_of_line(line);
        if (key != NULL && tg_bytes_equal(key->blob, blob))
            return key;
        tg_public_key_free(key);
    }
    return NULL;
}

/* The folder of a file of the manifest, with `name` in it. */
static char *load_beside(const char *folder, const char *file, const char *name)
{
    char path[1024];
    size_t length;
    const char *slash = strrchr(file, '/');
    int used = snprintf(path, sizeof path, "%.*s%s", slash == NULL ? 0 : (int)(slash - file + 1), file, name);
    return used > 0 && (size_t)used < sizeof path ? load_file(folder, path, &length) : NULL;
}

/* The trusted key that the signature says it is by. */
static int trusted_signer(const char *folder, const char *file, bool webauthn, struct tg_bytes blob,
                          struct tg_public_key **key, struct tg_error *error)
{
    struct tg_public_key *claimed;
    *key = NULL;
    if (tg_sshsig_signer(blob, &claimed, error) != 0)
        return -1;
    char *signers = load_beside(folder, file, webauthn ? "webauthn_allowed_signers" : "allowed_signers");
    if (signers != NULL)
        *key = find_signer(signers, claimed->blob);
    free(signers);
    tg_public_key_free(claimed);
    return *key != NULL
               ? 0
               : tg_fail(error, TG_approver_unknown, "signed by a key that allowed_signers does not have");
}

/* Signatures that are right by OpenSSH's lights, but that DESIGN and docs/protocol.md refuse: by a
 * certificate, and by RSA keys under 3072 bits, whose signatures are shorter than 384 bytes. */
static bool design_refuses(const json_t *parsed)
{
    const char *type = member_text(parsed, "keyType");
    const char *signature = member_text(parsed, "signatureHex");
    size_t suffix = sizeof certificate_suffix - 1;
    if (type == NULL)
        return false;
    if (strlen(type) > suffix && strcmp(type + strlen(type) - suffix, certificate_suffix) == 0)
        return true;
    return strcmp(type, "ssh-rsa") == 0 && signature != NULL &&
           strlen(signature) < (size_t)2 * TG_RSA_BITS_MIN / 8;
}

/* What the library says about a good signature must be what the manifest says. NULL if so, else what differs.
 */
static const char *compare_facts(const json_t *parsed, const struct tg_sshsig_facts *facts)
{
    uint64_t number;
    if (member_number(parsed, "counter", &number) && number != facts->counter)
        return "counter";
    if (member_number(parsed, "flags", &number) &&
        (facts->user_verified != ((number & 0x04) != 0) || facts->backup_eligible != ((number & 0x08) != 0)))
        return "flags";
    if (json_object_get(parsed, "flags") != NULL && !facts->security_key)
        return "security key";
    return NULL;
}

/* The bytes that are signed, where the manifest has them for sha512. */
static bool signed_data_differs(const json_t *entry, const char *name_space, struct tg_bytes message)
{
    const char *hash = member_text(json_object_get(entry, "parsed"), "hashAlgorithm");
    uint8_t *expected;
    uint8_t *made;
    size_t expected_length;
    size_t made_length;
    if (hash == NULL || strcmp(hash, "sha512") != 0 ||
        !member_hex(entry, "signedDataHex", &expected, &expected_length))
        return false;
    bool same = tg_sshsig_signed_data(name_space, message, &made, &made_length) == 0;
    same = same && tg_bytes_equal(tg_bytes_of(expected, expected_length), tg_bytes_of(made, made_length));
    free(expected);
    free(made);
    return !same;
}

static int verify_entry(const char *folder, const json_t *entry, bool webauthn, struct tg_bytes message,
                        struct tg_sshsig_facts *facts, struct tg_error *error)
{
    struct tg_sshsig_demands demands = {0};
    struct tg_public_key *key = NULL;
    uint8_t *blob = NULL;
    size_t length;
    int result = -1;
    const char *file = member_text(entry, "file");
    const char *name_space = member_text(entry, "expectNamespace");
    char *armored = load_file(folder, file, &length);
    if (armored == NULL)
        return tg_fail(error, TG_internal_error, "cannot read %s", file);
    if (webauthn) {
        demands = (struct tg_sshsig_demands){.user_verification = true, .device_bound = true};
        demands.origin = member_text(entry, "expectOrigin");
        demands.rp_id = member_text(entry, "expectRpId");
    }
    apply_policy(json_object_get(entry, "policy"), &demands);
    if (tg_sshsig_dearmor(armored, &blob, &length, error) == 0 &&
        trusted_signer(folder, file, webauthn, tg_bytes_of(blob, length), &key, error) == 0)
        result =
            tg_sshsig_verify(tg_bytes_of(blob, length), name_space, message, key, &demands, facts, error);
    tg_public_key_free(key);
    free(blob);
    free(armored);
    return result;
}

static void check_signature(const char *folder, const json_t *entry, bool webauthn, struct report *report)
{
    struct tg_error error = {0};
    struct tg_sshsig_facts facts = {0};
    size_t length;
    const char *name = entry_name(entry);
    const json_t *parsed = json_object_get(entry, "parsed");
    const json_t *valid = json_object_get(entry, "expectValid");
    const char *message_file = member_text(entry, "message");
    if (!json_is_boolean(valid) || message_file == NULL || member_text(entry, "file") == NULL ||
        member_text(entry, "expectNamespace") == NULL) {
        report_fail(report, name, "the manifest lacks file, message, expectNamespace or expectValid");
        return;
    }
    char *message = load_file(folder, message_file, &length);
    if (message == NULL) {
        report_fail(report, name, "cannot read %s", message_file);
        return;
    }
    bool expected = json_is_true(valid) && !design_refuses(parsed);
    bool accepted = verify_entry(folder, entry, webauthn, tg_bytes_of(message, length), &facts, &error) == 0;
    const char *differs = accepted && expected ? compare_facts(parsed, &facts) : NULL;
    if (!accepted && error.reason == TG_internal_error)
        report_fail(report, name, "%s", error.text);
    else if (differs != NULL)
        report_fail(report, name, "the manifest has another %s", differs);
    else if (expected &&
             signed_data_differs(entry, member_text(entry, "expectNamespace"), tg_bytes_of(message, length)))
        report_fail(report, name, "the manifest has another signedDataHex");
    else
        report_verdict(report, name, expected, accepted, &error);
    free(message);
}

void check_signatures(const char *folder, const json_t *entries, bool webauthn, struct report *report)
{
    size_t index;
    json_t *entry;
    json_array_foreach(entries, index, entry)
    {
        check_signature(folder, entry, webauthn, report);
    }
}
