/* SPDX-License-Identifier: BSD-2-Clause */
#include "cli/wait.h"

#include "cli/duration.h"
#include "cli/fetch.h"

#include "lib/monotonic.h"

#include <signal.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

enum {
    POLL_SECONDS = 25,     /* the service holds an answer back for at most 30 */
    AGAIN_SECONDS = 2,     /* between attempts while the service does not answer */
    PATIENCE_SECONDS = 60, /* for a service that does not answer at all */
};

struct waiting {
    struct tg_cli *cli;
    struct tg_link *link;
    const char *id;
    int64_t deadline;    /* monotonic seconds; INT64_MAX: none */
    int64_t last_answer; /* likewise */
    json_int_t after;    /* the last event seen */
};

/* What one look at the ticket says. */
enum look { LOOK_READY, LOOK_ENDED, LOOK_NOT_YET, LOOK_FAILED };

/* What Ctrl-C says before it ends the program. Static, because a signal handler cannot be given anything. */
static char farewell[128];

static void on_interrupt(int signal_number)
{
    ssize_t ignored = write(STDERR_FILENO, farewell, strlen(farewell));
    (void)ignored;
    (void)signal(signal_number, SIG_DFL);
    (void)raise(signal_number);
}

static int64_t monotonic(void)
{
    return tg_monotonic_ms() / 1000;
}

static void tell_event(const struct tg_cli *cli, const json_t *event)
{
    char when[TG_TIME_TEXT_SIZE];
    const char *kind = json_string_value(json_object_get(event, "kind"));
    const char *person = json_string_value(json_object_get(event, "person"));
    const char *host = json_string_value(json_object_get(event, "host"));
    const char *text = json_string_value(json_object_get(event, "text"));
    tg_time_text(json_integer_value(json_object_get(event, "time")), when);
    tg_part(&cli->err, "%s  %s", when, kind != NULL ? kind : "?");
    if (person != NULL && *person != '\0')
        tg_part(&cli->err, " by %s", person);
    if (host != NULL && *host != '\0')
        tg_part(&cli->err, " on %s", host);
    if (text != NULL && *text != '\0')
        tg_part(&cli->err, ": %s", text);
    tg_line(&cli->err, "%s", "");
}

/* One long poll; new events are told. */
static int poll_events(struct waiting *waiting, struct tg_problem *problem)
{
    char target[128];
    json_t *answer = NULL;
    int64_t left = waiting->deadline == INT64_MAX ? POLL_SECONDS : waiting->deadline - monotonic();
    long wait = left < 0 ? 0 : left > POLL_SECONDS ? POLL_SECONDS : (long)left;
    (void)snprintf(target, sizeof target, "/v1/tickets/%s/events?after=%" JSON_INTEGER_FORMAT "&wait=%ld",
                   waiting->id, waiting->after, wait);
    struct tg_call call = {
        .method = "GET", .target = target, .credential = TG_CREDENTIAL_PERSON, .wait = wait};
    if (tg_client_call(waiting->link->client, &call, &answer, problem) != 0)
        return -1;
    size_t index = 0;
    json_t *event = NULL;
    json_array_foreach(json_object_get(answer, "events"), index, event)
    {
        json_int_t number = json_integer_value(json_object_get(event, "number"));
        if (number > waiting->after)
            waiting->after = number;
        if (!waiting->cli->json)
            tell_event(waiting->cli, event);
    }
    json_decref(answer);
    return 0;
}

static enum look judge(const struct tg_ticket_view *view)
{
    if (tg_ticket_state_is_final(view->held.state))
        return LOOK_ENDED;
    bool open = view->held.state == TG_TICKET_APPROVED || view->held.state == TG_TICKET_ACTIVE;
    return open && tg_ticket_view_acknowledged(view) ? LOOK_READY : LOOK_NOT_YET;
}

static void tell_outcome(const struct tg_cli *cli, const struct tg_ticket_view *view, enum look outcome)
{
    char until[TG_TIME_TEXT_SIZE];
    if (cli->json)
        tg_output_json(&cli->out, view->json);
    else if (outcome == LOOK_ENDED)
        tg_line(&cli->err, "%s is %s.", view->held.ticket->id, tg_ticket_state_name(view->held.state));
    else
        tg_line(&cli->out, "Every host has it. Log in until %s.", tg_time_text(view->ends, until));
}

/* Fetches the ticket itself; tells when there is nothing more to wait for. */
static enum look look_at_ticket(struct waiting *waiting, struct tg_problem *problem)
{
    struct tg_ticket_view view;
    enum look outcome = LOOK_FAILED;
    if (tg_fetch_ticket(waiting->link, waiting->id, &view, problem) == 0) {
        outcome = judge(&view);
        if (outcome != LOOK_NOT_YET)
            tell_outcome(waiting->cli, &view, outcome);
        tg_ticket_view_clear(&view);
    }
    return outcome;
}

/* May a failed call be tried again? Only while the service is merely out of reach, and not for ever. */
static bool try_again(const struct waiting *waiting, const struct tg_problem *problem)
{
    struct timespec pause = {.tv_sec = AGAIN_SECONDS};
    if (problem->exit_status != TG_EXIT_UNREACHABLE || monotonic() - waiting->last_answer > PATIENCE_SECONDS)
        return false;
    (void)nanosleep(&pause, NULL);
    return true;
}

static int wait_loop(struct waiting *waiting, struct tg_problem *problem)
{
    for (;;) {
        enum look outcome = look_at_ticket(waiting, problem);
        if (outcome == LOOK_READY)
            return TG_EXIT_OK;
        if (outcome == LOOK_ENDED)
            return TG_EXIT_REFUSED;
        if (outcome == LOOK_NOT_YET)
            waiting->last_answer = monotonic();
        if (monotonic() >= waiting->deadline) {
            tg_line(&waiting->cli->err, "%s is not ready yet; it stays as it is. Look again: tegata show %s",
                    waiting->id, waiting->id);
            return TG_EXIT_TIMED_OUT;
        }
        bool failed = outcome == LOOK_FAILED || poll_events(waiting, problem) != 0;
        if (failed && !try_again(waiting, problem))
            return -1;
    }
}

int tg_wait_for_ticket(struct tg_cli *cli, struct tg_link *link, const char *id, uint32_t seconds,
                       struct tg_problem *problem)
{
    struct sigaction action = {.sa_handler = on_interrupt};
    struct sigaction before;
    struct waiting waiting = {.cli = cli, .link = link, .id = id, .last_answer = monotonic()};
    waiting.deadline = seconds == UINT32_MAX ? INT64_MAX : monotonic() + seconds;
    (void)snprintf(farewell, sizeof farewell, "\n%s stays as it is. Look at it: tegata show %s\n", id, id);
    (void)sigemptyset(&action.sa_mask);
    (void)sigaction(SIGINT, &action, &before);
    int status = wait_loop(&waiting, problem);
    (void)sigaction(SIGINT, &before, NULL);
    return status;
}
