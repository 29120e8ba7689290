/* SPDX-License-Identifier: BSD-2-Clause */
#include "agent/marks.h"

#include "agent/state.h"
#include "lib/grow.h"

#include <stdlib.h>
#include <string.h>

void tg_marks_free(struct tg_marks *marks)
{
    free(marks->list);
    *marks = (struct tg_marks){0};
}

bool tg_marks_add(struct tg_marks *marks, const struct tg_mark *mark)
{
    struct tg_mark *list = tg_grow(marks->list, marks->count, &marks->size, sizeof *list);
    if (list == NULL)
        return false;
    marks->list = list;
    marks->list[marks->count++] = *mark;
    return true;
}

static int by_ticket(const void *a, const void *b)
{
    return strcmp(((const struct tg_mark *)a)->ticket, ((const struct tg_mark *)b)->ticket);
}

void tg_marks_sort(struct tg_marks *marks)
{
    if (marks->count > 0)
        qsort(marks->list, marks->count, sizeof marks->list[0], by_ticket);
}

bool tg_marks_same(const struct tg_marks *a, const struct tg_marks *b)
{
    if (a->count != b->count)
        return false;
    for (size_t i = 0; i < a->count; i++) {
        const struct tg_mark *one = &a->list[i];
        const struct tg_mark *other = &b->list[i];
        if (strcmp(one->ticket, other->ticket) != 0 || one->state != other->state ||
            one->opened != other->opened || one->until != other->until)
            return false;
    }
    return true;
}

const struct tg_mark *tg_marks_find(const struct tg_marks *marks, const char *ticket)
{
    struct tg_mark wanted = {0};
    if (marks->count == 0 || strlen(ticket) >= sizeof wanted.ticket)
        return NULL;
    memcpy(wanted.ticket, ticket, strlen(ticket) + 1);
    return bsearch(&wanted, marks->list, marks->count, sizeof marks->list[0], by_ticket);
}

json_t *tg_marks_to_json(const struct tg_marks *marks)
{
    json_t *array = json_array();
    for (size_t i = 0; array != NULL && i < marks->count; i++) {
        const struct tg_mark *mark = &marks->list[i];
        json_t *json = json_pack("{s:s, s:s, s:I, s:I}", "ticket", mark->ticket, "state",
                                 tg_ticket_state_name(mark->state), "opened", (json_int_t)mark->opened,
                                 "until", (json_int_t)mark->until);
        if (json == NULL || json_array_append_new(array, json) != 0) {
            json_decref(array);
            array = NULL;
        }
    }
    return array;
}

static bool mark_from_json(const json_t *json, struct tg_mark *mark)
{
    char state[16];
    int64_t opened;
    *mark = (struct tg_mark){0};
    if (!tg_state_text(json, "ticket", mark->ticket, sizeof mark->ticket) ||
        !tg_state_text(json, "state", state, sizeof state) ||
        !tg_ticket_state_from_name(state, &mark->state) || !tg_state_number(json, "opened", &opened) ||
        opened > UINT32_MAX || !tg_state_number(json, "until", &mark->until))
        return false;
    mark->opened = (uint32_t)opened;
    return true;
}

bool tg_marks_from_json(struct tg_marks *marks, const json_t *array)
{
    bool ok = json_is_array(array);
    for (size_t i = 0; i < json_array_size(array); i++) {
        struct tg_mark mark;
        ok &= mark_from_json(json_array_get(array, i), &mark) && tg_marks_add(marks, &mark);
    }
    tg_marks_sort(marks);
    return ok;
}
