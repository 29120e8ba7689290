/* SPDX-License-Identifier: BSD-2-Clause */
#include "lib/reason.h"

#include <stddef.h>
#include <string.h>

struct entry {
    enum tg_reason reason;
    const char *name;
    const char *text;
    const char *advice;
};

static const struct entry table[] = {
#define REASON(name, number, text, advice) {TG_##name, #name, text, advice},
#include "lib/reason.def"
#undef REASON
};

static const struct entry *find(uint32_t number)
{
    for (size_t i = 0; i < sizeof table / sizeof table[0]; i++) {
        if ((uint32_t)table[i].reason == number)
            return &table[i];
    }
    return find((uint32_t)TG_internal_error);
}

const char *tg_reason_name(enum tg_reason reason)
{
    return find((uint32_t)reason)->name;
}

const char *tg_reason_text(enum tg_reason reason)
{
    return find((uint32_t)reason)->text;
}

const char *tg_reason_advice(enum tg_reason reason)
{
    return find((uint32_t)reason)->advice;
}

bool tg_reason_from_name(const char *name, enum tg_reason *reason)
{
    *reason = TG_internal_error;
    for (size_t i = 0; i < sizeof table / sizeof table[0]; i++) {
        if (strcmp(table[i].name, name) == 0) {
            *reason = table[i].reason;
            return true;
        }
    }
    return false;
}

enum tg_reason tg_reason_from_number(uint32_t number)
{
    return find(number)->reason;
}
