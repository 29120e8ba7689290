/* SPDX-License-Identifier: BSD-2-Clause
 *
 * Input: the value of an Authorization header.
 */
#include "lib/request_auth.h"

#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static const struct tg_request request = {
        .method = "GET", .authority = "approve.example.com", .target = "/v1/policy"};
    struct tg_error error;
    struct tg_request_proof proof;
    char *header = strndup((const char *)data, size);
    if (header == NULL)
        return 0;
    (void)tg_request_verify(&request, header, 1790000000, &proof, &error);
    tg_public_key_free(proof.key);
    free(header);
    return 0;
}
