/* SPDX-License-Identifier: BSD-2-Clause */
#include "agent/session_right.h"

#include <stdlib.h>

int tg_warn_minutes_parse(const char *list, struct tg_warn_minutes *out, struct tg_error *error)
{
    *out = (struct tg_warn_minutes){0};
    for (const char *word = list; *word != '\0';) {
        char *end;
        long minutes = strtol(word, &end, 10);
        if (*word < '0' || *word > '9' || (*end != ' ' && *end != '\0') || minutes > TG_WARN_MINUTES_LONGEST)
            return tg_fail(error, TG_config_bad,
                           "[sessions] warn_minutes: '%s' must be numbers from 1 to %d, or 0 for no warning",
                           list, TG_WARN_MINUTES_LONGEST);
        if (out->count == TG_WARN_MINUTES_MAX)
            return tg_fail(error, TG_config_bad, "[sessions] warn_minutes: more than %d numbers",
                           TG_WARN_MINUTES_MAX);
        if (minutes > 0)
            out->list[out->count++] = minutes;
        word = *end == '\0' ? end : end + 1;
    }
    return 0;
}

int64_t tg_session_warning(const struct tg_agent *agent, const struct tg_session *session)
{
    int64_t left = tg_session_due(agent, session->ends) - agent->steady;
    int64_t least = 0;
    for (size_t i = 0; i < agent->warn_minutes.count; i++) {
        int64_t minutes = agent->warn_minutes.list[i];
        if (left <= minutes * 60000 && (least == 0 || minutes < least))
            least = minutes;
    }
    return least;
}
