/* SPDX-License-Identifier: BSD-2-Clause
 *
 * judge DIR...: runs the library over folders of test vectors. A line for each vector, a count at the end;
 * exits with 1 if any failed, with 2 if a folder cannot be read.
 */
#include "tests/vectors/vectors.h"

#include <stdio.h>

int main(int argc, char **argv)
{
    struct report report = {0};
    bool readable = argc > 1;
    if (!readable)
        (void)fprintf(stderr, "usage: tests/vectors/check DIR...\n");
    for (int i = 1; i < argc; i++) {
        size_t before = report.passed + report.failed;
        bool known = check_ssh_folder(argv[i], &report);
        known = check_webauthn_folder(argv[i], &report) || known;
        if (!known || report.passed + report.failed == before) {
            (void)fprintf(stderr, "check: %s: no manifest.json, and no credentials.json with assertions\n",
                          argv[i]);
            readable = false;
        }
    }
    (void)printf("%zu passed, %zu failed\n", report.passed, report.failed);
    if (!readable)
        return 2;
    return report.failed == 0 ? 0 : 1;
}
