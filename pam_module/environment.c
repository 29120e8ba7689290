/* SPDX-License-Identifier: BSD-2-Clause */
#include "pam_module/environment.h"

#include <stdio.h>
#include <string.h>

/* Reads one entry, "NAME=VALUE" up to a NUL. Copies the value if the name is the one that is looked for.
 * Returns false at the end of the file. */
static bool read_entry(FILE *file, const char *name, char *out, size_t size, bool *found)
{
    const size_t length = strlen(name);
    size_t at = 0;
    size_t used = 0;
    bool same = true;
    int byte;
    *found = false;
    while ((byte = getc_unlocked(file)) != EOF && byte != '\0') {
        if (at <= length) {
            same = same && byte == (at == length ? '=' : name[at]);
        } else if (same && used < size) {
            out[used++] = (char)byte;
        }
        at++;
    }
    *found = same && at > length && used < size;
    out[*found ? used : 0] = '\0';
    return byte != EOF;
}

bool tg_pam_started_with(const char *environ_path, const char *name, char *out, size_t size)
{
    bool found = false;
    out[0] = '\0';
    FILE *file = fopen(environ_path, "re");
    if (file == NULL)
        return false;
    while (!found && read_entry(file, name, out, size, &found))
        ;
    (void)fclose(file);
    return found;
}
