/* SPDX-License-Identifier: BSD-2-Clause
 *
 * Input: a policy change, or an enrolment challenge.
 */
#include "lib/policy_change.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct tg_policy_change *change;
    struct tg_attestation *attestation = NULL;
    struct tg_enrolment *enrolment;
    struct tg_error error;
    if (tg_policy_change_parse(tg_bytes_of(data, size), &change, &error) == 0)
        (void)tg_policy_change_verify(change, NULL, 1800000000, &attestation, &error);
    tg_attestation_free(attestation);
    tg_policy_change_free(change);
    (void)tg_enrolment_parse(tg_bytes_of(data, size), &enrolment, &error);
    tg_enrolment_free(enrolment);
    return 0;
}
