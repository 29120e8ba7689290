/* SPDX-License-Identifier: BSD-2-Clause
 *
 * tegata lost: a key or a certificate that is to count no more, at once and for ever.
 */
#include "cli/link.h"
#include "cli/signing_key.h"

#include "lib/form.h"

#include <string.h>

/* A fingerprint as it is, or that of the key in a file. */
static int read_key(const char *text, char fingerprint[TG_FINGERPRINT_SIZE], struct tg_error *error)
{
    struct tg_public_key *key = NULL;
    if (tg_form_fingerprint.matches(text)) {
        (void)snprintf(fingerprint, TG_FINGERPRINT_SIZE, "%s", text);
        return 0;
    }
    if (tg_signing_key_public(text, &key, NULL, error) != 0)
        return -1;
    memcpy(fingerprint, key->fingerprint, TG_FINGERPRINT_SIZE);
    tg_public_key_free(key);
    return 0;
}

static void tell(const struct tg_output *out, const char *key, const char *serial, const char *key_id)
{
    if (*key != '\0')
        tg_line(out, "%s counts no more.", key);
    if (*serial != '\0')
        tg_line(out, "The certificate with serial %s counts no more.", serial);
    if (*key_id != '\0')
        tg_line(out, "Certificates with the key id %s count no more.", key_id);
    tg_line(out,
            "The hosts that are in touch with the service refuse it within a second, and end its sessions.");
    if (*key != '\0')
        tg_line(out, "This cannot be taken back. Ask the root key holders to take the key out of the policy, "
                     "and enrol a new one.");
    else
        tg_line(out, "This cannot be taken back. A new certificate has another serial.");
}

static int send(struct tg_cli *cli, const char *key, const char *serial, const char *key_id,
                const char *reason)
{
    struct tg_link link;
    struct tg_problem problem;
    json_t *answer = NULL;
    int status = TG_EXIT_OK;
    if (tg_link_open(cli, TG_LINK_SERVICE, &link, &problem) != 0)
        return tg_cli_complain(cli, &problem);
    json_t *body =
        json_pack("{s:s, s:s, s:s, s:s}", "key", key, "serial", serial, "key_id", key_id, "reason", reason);
    if (tg_client_post(link.client, "/v1/revocations", body, &answer, &problem) != 0)
        status = tg_cli_complain(cli, &problem);
    else if (cli->json)
        tg_output_json(&cli->out, answer);
    else
        tell(&cli->out, key, serial, key_id);
    json_decref(answer);
    tg_link_close(&link);
    return status;
}

int tg_command_lost(struct tg_cli *cli, const struct tg_arguments *arguments)
{
    const char *serial = tg_argument(arguments, "certificate");
    const char *key_id = tg_argument(arguments, "key-id");
    const char *reason = tg_argument(arguments, "reason");
    char fingerprint[TG_FINGERPRINT_SIZE] = "";
    struct tg_error error;
    uint64_t number;
    if (arguments->operand_count == 0 && serial == NULL && key_id == NULL)
        return tg_cli_usage(cli, "lost: say what: a key (SHA256:... or its file), --certificate or --key-id");
    if (reason == NULL || *reason == '\0')
        return tg_cli_usage(cli, "lost: say what has happened: --reason \"...\"");
    if (serial != NULL && !tg_serial_from_text(serial, &number))
        return tg_cli_usage(cli, "lost: --certificate wants a serial number, as ssh-keygen -L shows it");
    if (arguments->operand_count > 0 && read_key(arguments->operands[0], fingerprint, &error) != 0)
        return tg_cli_fail(cli, &error);
    return send(cli, fingerprint, serial != NULL ? serial : "", key_id != NULL ? key_id : "", reason);
}
