/* SPDX-License-Identifier: BSD-2-Clause */
#include "cli/findings.h"

#include <stdarg.h>
#include <stdio.h>

void tg_find(struct tg_findings *findings, enum tg_level level, const char *area, const char *fix,
             const char *format, ...)
{
    if (findings->count == TG_FINDINGS_MAX)
        return;
    struct tg_finding *finding = &findings->list[findings->count++];
    va_list arguments;
    finding->level = level;
    finding->area = area;
    (void)snprintf(finding->fix, sizeof finding->fix, "%s", fix != NULL ? fix : "");
    va_start(arguments, format);
    (void)vsnprintf(finding->text, sizeof finding->text, format, arguments);
    va_end(arguments);
}

size_t tg_findings_at(const struct tg_findings *findings, enum tg_level level)
{
    size_t count = 0;
    for (size_t i = 0; i < findings->count; i++)
        count += findings->list[i].level == level ? 1 : 0;
    return count;
}
