/* SPDX-License-Identifier: BSD-2-Clause */
#include "cli/security_signer.h"

#include "cli/output.h"
#include "cli/prompt.h"

#include <stdlib.h>
#include <string.h>

struct security_signer {
    const struct tg_signing_means *means;
    struct tg_public_key *key;
    uint8_t *credential;
    size_t credential_length;
    char *origin; /* NULL: an OpenSSH key */
    bool user_verification;
};

static void free_signer(void *context)
{
    struct security_signer *signer = context;
    if (signer == NULL)
        return;
    tg_public_key_free(signer->key);
    free(signer->credential);
    free(signer->origin);
    free(signer);
}

static int make_signature(void *context, struct tg_bytes signed_data, uint8_t **signature, size_t *length,
                          struct tg_error *error)
{
    const struct security_signer *signer = context;
    struct tg_security_key_wish wish = {
        .key = signer->key,
        .origin = signer->origin,
        .credential = tg_bytes_of(signer->credential, signer->credential_length),
        .user_verification = signer->user_verification,
        .patience_ms = TG_SECURITY_KEY_PATIENCE_MS,
    };
    return tg_security_key_sign(signer->means->devices, signer->means->user, &wish, signed_data, signature,
                                length, error);
}

int tg_signer_from_security_key(const struct tg_signing_means *means,
                                const struct tg_security_signer_wish *wish, struct tg_signer **out,
                                struct tg_error *error)
{
    struct security_signer *signer = calloc(1, sizeof *signer);
    *out = NULL;
    if (signer == NULL)
        return tg_fail(error, TG_internal_error, "out of memory");
    signer->means = means;
    signer->user_verification = wish->user_verification;
    signer->credential = malloc(wish->credential.length);
    signer->origin = wish->origin != NULL ? strdup(wish->origin) : NULL;
    if (signer->credential == NULL || (wish->origin != NULL && signer->origin == NULL) ||
        tg_public_key_parse(wish->key->blob, &signer->key, error) != 0) {
        free_signer(signer);
        return tg_fail(error, TG_internal_error, "out of memory");
    }
    memcpy(signer->credential, wish->credential.data, wish->credential.length);
    signer->credential_length = wish->credential.length;
    struct tg_signature_maker maker = {
        .make = make_signature,
        .free = free_signer,
        .context = signer,
        .origin = signer->origin,
        .rp_id = signer->origin != NULL ? signer->key->application : NULL,
    };
    return tg_signer_from_maker(&maker, signer->key, out, error);
}

static int ask_pin(void *context, const char *question, char pin[TG_SECURITY_PIN_SIZE],
                   struct tg_error *error)
{
    const struct tg_output *err = context;
    char *escaped = tg_output_escape(question, err->utf8); /* it holds the device's name for itself */
    if (escaped == NULL)
        return tg_fail(error, TG_internal_error, "out of memory");
    int result = tg_prompt_secret(TG_PROMPT_TERMINAL, escaped, pin, TG_SECURITY_PIN_SIZE, error);
    free(escaped);
    return result;
}

static void tell(void *context, const char *text)
{
    const struct tg_output *err = context;
    tg_line(err, "%s", text);
    (void)fflush(err->stream);
}

struct tg_security_user tg_security_user_at_terminal(struct tg_output *err)
{
    return (struct tg_security_user){.ask_pin = ask_pin, .tell = tell, .context = err};
}
