/* SPDX-License-Identifier: BSD-2-Clause
 *
 * Texts of other programs and other people that the command reads: what is escaped for the terminal must come
 * out printable, and doctor's parsers must survive anything.
 */
#include "cli/doctor.h"
#include "cli/duration.h"
#include "cli/output.h"

#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void check_escapes(const char *text)
{
    char *ascii = tg_output_escape(text, false);
    for (const char *at = ascii; ascii != NULL && *at != '\0'; at++) {
        if (*at < 0x20 || *at > 0x7e)
            abort();
    }
    free(ascii);
    free(tg_output_escape(text, true));
    (void)tg_output_width(text, true);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static struct tg_host_config config = {.name = "ops1", .deny_in = "both", .lease_seconds = 15};
    uint32_t seconds = 0;
    int64_t time = 0;
    char *text = malloc(size + 1);
    struct tg_findings *findings = calloc(1, sizeof *findings);
    if (text != NULL && findings != NULL) {
        memcpy(text, data, size);
        text[size] = '\0';
        check_escapes(text);
        (void)tg_duration_parse(text, &seconds);
        (void)tg_time_parse(text, 1790000000, &time);
        (void)tg_openssh_version(text);
        (void)tg_sshd_config_has_match(text);
        tg_doctor_sshd(findings, text, 902, &config, NULL);
        tg_doctor_pam(findings, "pam", text);
        tg_doctor_nsswitch(findings, "nsswitch", text);
        tg_doctor_status(findings, text, &config, 1790000000);
    }
    free(findings);
    free(text);
    return 0;
}
