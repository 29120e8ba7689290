/* SPDX-License-Identifier: BSD-2-Clause
 *
 * Input: an attestation object of a browser, or an attestation file of ssh-keygen. Its certificates are
 * looked at whether or not the signature is right, against no root.
 */
#include "lib/attestation_parts.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void look(const struct tg_attestation_statement *statement)
{
    struct tg_attestation_model model = {.name = "a model"};
    struct tg_attestation_trust trust = {.roots = X509_STORE_new(), .intermediates = sk_X509_new_null()};
    struct tg_error error;
    if (trust.roots != NULL && trust.intermediates != NULL && statement->chain_length > 0)
        (void)tg_attestation_check_chain(&trust, statement, &model, 1800000000, &error);
    sk_X509_free(trust.intermediates);
    X509_STORE_free(trust.roots);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct tg_attestation_statement statement;
    struct tg_error error;
    if (tg_attestation_read_object(tg_bytes_of(data, size), &statement, &error) == 0)
        look(&statement);
    if (tg_attestation_read_ssh(tg_bytes_of(data, size), &statement, &error) == 0)
        look(&statement);
    return 0;
}
