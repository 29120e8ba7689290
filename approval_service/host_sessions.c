/* SPDX-License-Identifier: BSD-2-Clause
 *
 * The sessions that are open on the hosts, for people: as far as the hosts have told.
 */
#include "approval_service/ticket_view.h"

#include <string.h>

/* A walk over more than that would keep everybody else waiting. */
enum { SHOWN_MAX = 200, WALKED_MAX = 2000, FOLLOW_WAIT_MAX = 30 };

/* What is asked for. */
struct question {
    char ticket[TG_TICKET_ID_SIZE];
    bool open_only;
    int64_t after;
    int64_t wait;
};

struct walk {
    const struct tg_service *service;
    const char *person;
    json_t *shown;
    size_t walked;
    int64_t revision; /* of the last one walked over */
    bool more;        /* the walk ended before the last one, or just there */
    struct tg_error *error;
};

static json_t *show(const struct tg_stored_host_session *session)
{
    return json_pack("{s:s, s:s, s:s, s:s, s:s, s:s, s:I, s:I, s:I, s:s, s:s, s:I}", "host", session->host,
                     "session", session->session, "ticket", session->ticket, "person", session->person,
                     "account", session->account, "source", session->source, "opened",
                     (json_int_t)session->opened, "ends", (json_int_t)session->ends, "ended",
                     (json_int_t)session->ended, "code", session->code, "how", session->how, "seen",
                     (json_int_t)session->seen);
}

/* Those are shown whose ticket the person may see. */
static int take_session(void *context, const struct tg_stored_host_session *session)
{
    struct walk *walk = context;
    struct tg_ticket *ticket = NULL;
    struct tg_error ignored;
    if (tg_ticket_parse(tg_bytes_of_text(session->document), &ticket, walk->error) < 0)
        return -1;
    bool visible = tg_check_may_see(walk->service, ticket, walk->person, &ignored) == 0;
    tg_ticket_free(ticket);
    walk->walked++;
    walk->revision = session->revision;
    if (visible && json_array_append_new(walk->shown, show(session)) < 0)
        return tg_fail(walk->error, TG_internal_error, "out of memory");
    return json_array_size(walk->shown) == SHOWN_MAX ? 1 : 0;
}

static int read_question(const char *query, struct question *out, struct tg_error *error)
{
    static const char *const keys[] = {"state", "ticket", "after", "wait", NULL};
    char state[16] = "";
    *out = (struct question){.open_only = true};
    if (tg_query_check(query, keys, error) < 0 ||
        tg_query_word(query, "state", state, sizeof state, error) < 0 ||
        tg_query_ticket(query, "ticket", out->ticket, error) < 0 ||
        tg_query_number(query, "after", INT64_C(9007199254740991), &out->after, error) < 0 ||
        tg_query_number(query, "wait", FOLLOW_WAIT_MAX, &out->wait, error) < 0)
        return -1;
    if (out->after > 0 && (state[0] != '\0' || out->ticket[0] != '\0'))
        return tg_fail(error, TG_request_malformed,
                       "query: 'after' asks for all changes: without 'state', 'ticket'");
    if (strcmp(state, "any") == 0)
        out->open_only = false;
    else if (state[0] != '\0' && strcmp(state, "open") != 0)
        return tg_fail(error, TG_request_malformed, "query: 'state' is open or any");
    return 0;
}

static int check_ticket(struct tg_service *service, const char *id, const char *person,
                        struct tg_error *error)
{
    struct tg_loaded_ticket loaded;
    if (id[0] == '\0')
        return 0;
    if (tg_ticket_load(service, id, &loaded, error) < 0)
        return -1;
    int result = tg_check_may_see(service, loaded.held.ticket, person, error);
    tg_loaded_ticket_clear(&loaded);
    return result;
}

/* *revision: up to where the answer tells everything that there is. */
static int collect(struct tg_service *service, const struct question *question, struct walk *walk,
                   int64_t *revision, struct tg_error *error)
{
    const struct tg_host_session_filter filter = {.ticket =
                                                      question->ticket[0] != '\0' ? question->ticket : NULL,
                                                  .open_only = question->open_only,
                                                  .after = question->after,
                                                  .limit = WALKED_MAX};
    int result =
        tg_store_host_sessions(service->store, &filter, tg_service_now(service), take_session, walk, error);
    if (result < 0)
        return -1;
    walk->more = result > 0 || walk->walked == WALKED_MAX;
    if (question->after > 0 && walk->more)
        *revision = walk->revision;
    return 0;
}

int tg_get_host_sessions(struct tg_service *service, const struct tg_http_request *request,
                         struct tg_http_answer *answer, struct tg_error *error)
{
    struct question question;
    int64_t revision;
    const char *person = request->caller.name;
    if (read_question(request->query, &question, error) < 0 ||
        check_ticket(service, question.ticket, person, error) < 0 ||
        tg_store_host_sessions_revision(service->store, &revision, error) < 0)
        return -1;
    /* Ahead of everything that happened: the database was put back to an older state. */
    if (question.after > revision)
        question.after = 0;
    struct walk walk = {.service = service, .person = person, .shown = json_array(), .error = error};
    (void)tg_fail(error, TG_internal_error, "out of memory");
    if (walk.shown == NULL || collect(service, &question, &walk, &revision, error) < 0) {
        json_decref(walk.shown);
        return -1;
    }
    /* What is behind a walk that found nothing visible is asked for at once. */
    if (json_array_size(walk.shown) == 0 && question.wait > 0 && !walk.more && !request->last_call) {
        json_decref(walk.shown);
        answer->wait = TG_WAIT_SESSIONS;
        answer->wait_seconds = (unsigned)question.wait;
        return 0;
    }
    return tg_http_answer_json(answer, 200,
                               json_pack("{s:I, s:i, s:o}", "revision", (json_int_t)revision, "more",
                                         walk.more ? 1 : 0, "sessions", walk.shown),
                               error);
}
