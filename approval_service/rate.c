/* SPDX-License-Identifier: BSD-2-Clause */
#include "approval_service/rate.h"

#include <stdio.h>
#include <string.h>

/* FNV-1a: the names are those of known signers, nobody can choose them to collide on purpose and gain by it.
 */
static uint32_t slot_of(const char *name)
{
    uint32_t hash = 2166136261U;
    for (const char *at = name; *at != '\0'; at++)
        hash = (hash ^ (unsigned char)*at) * 16777619U;
    return hash % TG_RATE_SLOTS;
}

bool tg_rate_take(struct tg_rates *rates, const char *name, int64_t per_minute, int64_t now_ms)
{
    struct tg_rate_slot *slot = &rates->slots[slot_of(name)];
    double full = (double)per_minute;
    if (strncmp(slot->name, name, sizeof slot->name - 1) != 0) {
        (void)snprintf(slot->name, sizeof slot->name, "%s", name);
        slot->tokens = full;
    } else {
        slot->tokens += (double)(now_ms - slot->at) * full / 60000.0;
        if (slot->tokens > full)
            slot->tokens = full;
    }
    slot->at = now_ms;
    if (slot->tokens < 1.0)
        return false;
    slot->tokens -= 1.0;
    return true;
}
