/* SPDX-License-Identifier: BSD-2-Clause
 *
 * verify_approvals SIGNATURE MESSAGE NAMESPACE [ORIGIN RP_ID]: verifies one armored signature again and again
 * for a second of processor time, as host and service do with an approval: armor, envelope, signature.
 * Prints how many it verified in that second.
 */
#include "lib/sshsig.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

enum { FILE_MAX = 32768, NANOSECONDS = 1000000000 };

static int64_t processor_time(void)
{
    struct timespec now;
    (void)clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &now);
    return now.tv_sec * INT64_C(1000000000) + now.tv_nsec;
}

static bool read_whole(const char *path, char bytes[FILE_MAX + 1], size_t *length)
{
    FILE *file = fopen(path, "re");
    *length = file == NULL ? 0 : fread(bytes, 1, FILE_MAX, file);
    bytes[*length] = '\0';
    if (file != NULL)
        (void)fclose(file);
    return file != NULL;
}

static bool verify(const char *armored, const char *name_space, struct tg_bytes message,
                   const struct tg_sshsig_demands *demands)
{
    uint8_t *blob = NULL;
    size_t length = 0;
    struct tg_public_key *key = NULL;
    struct tg_error error = {0};
    bool good =
        tg_sshsig_dearmor(armored, &blob, &length, &error) == 0 &&
        tg_sshsig_signer(tg_bytes_of(blob, length), &key, &error) == 0 &&
        tg_sshsig_verify(tg_bytes_of(blob, length), name_space, message, key, demands, NULL, &error) == 0;
    if (!good)
        (void)fprintf(stderr, "verify_approvals: %s\n", error.text);
    tg_public_key_free(key);
    free(blob);
    return good;
}

int main(int argument_count, char **arguments)
{
    static char armored[FILE_MAX + 1];
    static char message[FILE_MAX + 1];
    size_t length;
    if ((argument_count != 4 && argument_count != 6) || !read_whole(arguments[1], armored, &length) ||
        !read_whole(arguments[2], message, &length)) {
        (void)fprintf(stderr, "Usage: verify_approvals SIGNATURE MESSAGE NAMESPACE [ORIGIN RP_ID]\n");
        return 2;
    }
    struct tg_sshsig_demands demands = {0};
    if (argument_count == 6)
        demands = (struct tg_sshsig_demands){.origin = arguments[4], .rp_id = arguments[5]};
    uint64_t count = 0;
    int64_t began = processor_time();
    int64_t spent = 0;
    for (; spent < NANOSECONDS; count++, spent = processor_time() - began) {
        if (!verify(armored, arguments[3], tg_bytes_of(message, length), &demands))
            return 1;
    }
    (void)printf("%.0f\n", (double)count * NANOSECONDS / (double)spent);
    return 0;
}
