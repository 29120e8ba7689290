/* SPDX-License-Identifier: BSD-2-Clause */
#include "agent/agent.h"
#include "agent/state.h"

#include <stdlib.h>
#include <string.h>

enum { STEP_MS = 1000, MOVED_MS = 5000 };

static const char file_name[] = "session_clock";

static int64_t base_of_wall_clock(const struct tg_agent *agent)
{
    return agent->now_ms - agent->steady;
}

int64_t tg_session_now(const struct tg_agent *agent)
{
    return (agent->steady + agent->session_clock.base) / 1000;
}

int64_t tg_session_due(const struct tg_agent *agent, int64_t time)
{
    return time * 1000 - agent->session_clock.base;
}

static void save(struct tg_agent *agent)
{
    struct tg_error error = {0};
    json_t *object =
        json_pack("{s:s, s:I}", "boot", agent->boot_id, "base", (json_int_t)agent->session_clock.base);
    int result = object == NULL
                     ? tg_fail(&error, TG_internal_error, "%s: no memory to write it", file_name)
                     : tg_state_write_soon(agent->config.state_directory, file_name, object, &error);
    json_decref(object);
    if (result != 0)
        tg_log(&agent->log, LOG_CRIT, "%s", error.text);
}

/* False if there is none of this boot. */
static bool load(struct tg_agent *agent, int64_t *base)
{
    struct tg_error error;
    json_t *object;
    char boot[TG_BOOT_ID_SIZE];
    if (tg_state_read(agent->config.state_directory, file_name, agent->now, &object, &error) != 0)
        tg_log(&agent->log, LOG_ERR, "%s", error.text);
    bool ok = tg_state_text(object, "boot", boot, sizeof boot) && strcmp(boot, agent->boot_id) == 0 &&
              tg_state_number(object, "base", base);
    json_decref(object);
    return ok;
}

void tg_session_clock_start(struct tg_agent *agent)
{
    struct tg_session_clock *clock = &agent->session_clock;
    clock->known = load(agent, &clock->base);
    if (clock->known)
        return;
    clock->base = base_of_wall_clock(agent);
    /* From here on this is what an agent that comes back goes by, whatever becomes of the wall clock. */
    save(agent);
}

bool tg_session_clock_agree(struct tg_agent *agent)
{
    struct tg_session_clock *clock = &agent->session_clock;
    int64_t base = base_of_wall_clock(agent);
    int64_t step = base - clock->base;
    int64_t moved = llabs(step);
    bool first = !clock->known;
    clock->known = true;
    /* Both clocks are slewed alike: less than a step is how the two were read one after the other. */
    if (moved >= STEP_MS)
        clock->base = base;
    if (moved >= STEP_MS || first)
        save(agent);
    if (moved > MOVED_MS)
        tg_log(&agent->log, LOG_NOTICE, "the clock by which sessions end was set by %lld s",
               (long long)step / 1000);
    return moved > MOVED_MS;
}
