/* SPDX-License-Identifier: BSD-2-Clause */
#include "cli/ask.h"

#include "cli/prompt.h"

#include <errno.h>
#include <string.h>

/* One line without its line feed; what does not fit is an error, not cut. */
static int read_line(FILE *terminal, char *answer, size_t size, struct tg_error *error)
{
    if (fgets(answer, (int)size, terminal) == NULL)
        return tg_fail(error, TG_not_confirmed, "nothing was typed");
    size_t length = strcspn(answer, "\n");
    if (answer[length] != '\n')
        return tg_fail(error, TG_not_confirmed, "more than %zu bytes were typed", size - 2);
    answer[length] = '\0';
    return 0;
}

int tg_ask(const char *question, const char *otherwise, char *answer, size_t size, struct tg_error *error)
{
    int result = 0;
    answer[0] = '\0';
    FILE *terminal = fopen(TG_PROMPT_TERMINAL, "r+e");
    if (terminal == NULL)
        return tg_fail(error, TG_no_terminal, "%s: %s", TG_PROMPT_TERMINAL, strerror(errno));
    while (result == 0 && answer[0] == '\0') {
        if (otherwise != NULL)
            (void)fprintf(terminal, "%s [%s]: ", question, otherwise);
        else
            (void)fprintf(terminal, "%s: ", question);
        (void)fflush(terminal);
        result = read_line(terminal, answer, size, error);
        if (result == 0 && answer[0] == '\0' && otherwise != NULL)
            (void)snprintf(answer, size, "%s", otherwise);
    }
    (void)fclose(terminal);
    return result;
}
