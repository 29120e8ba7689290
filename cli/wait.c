/* SPDX-License-Identifier: BSD-2-Clause */
#include "cli/wait.h"

#include "cli/duration.h"
#include "cli/fetch.h"
#include "cli/follow.h"

#include <signal.h>
#include <string.h>
#include <unistd.h>

struct waiting {
    struct tg_cli *cli;
    struct tg_status_line status;
    struct tg_follower follower;
    int64_t deadline; /* monotonic seconds; INT64_MAX: none */
};

/* What one look at the ticket says. */
enum look { LOOK_READY, LOOK_ENDED, LOOK_NOT_YET, LOOK_FAILED };

/* What Ctrl-C says before it ends the program. Static, because a signal handler cannot be given anything. */
static char farewell[192];

static void on_interrupt(int signal_number)
{
    ssize_t ignored = write(STDERR_FILENO, farewell, strlen(farewell));
    (void)ignored;
    (void)signal(signal_number, SIG_DFL);
    (void)raise(signal_number);
}

/* One long poll; new events are told. */
static int poll_events(struct waiting *waiting, struct tg_problem *problem)
{
    int64_t left =
        waiting->deadline == INT64_MAX ? TG_FOLLOW_SECONDS : waiting->deadline - tg_monotonic_seconds();
    long wait = left < 0 ? 0 : left > TG_FOLLOW_SECONDS ? TG_FOLLOW_SECONDS : (long)left;
    return tg_follow(&waiting->follower, wait, waiting->cli->json ? NULL : &waiting->cli->err, problem);
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
    else if (view->held.ticket->extends[0] != '\0')
        tg_line(&cli->out, "Every host has it. Sessions of %s go on until %s at most.",
                view->held.ticket->extends, tg_time_text(view->ends, until));
    else
        tg_line(&cli->out, "Every host has it. Log in until %s.", tg_time_text(view->ends, until));
}

/* Fetches the ticket itself; tells when there is nothing more to wait for. */
static enum look look_at_ticket(struct waiting *waiting, struct tg_problem *problem)
{
    struct tg_ticket_view view;
    enum look outcome = LOOK_FAILED;
    if (tg_fetch_ticket(waiting->follower.link, waiting->follower.id, &view, problem) == 0) {
        outcome = judge(&view);
        tg_status_line_clear(&waiting->status);
        if (outcome != LOOK_NOT_YET)
            tell_outcome(waiting->cli, &view, outcome);
        else
            tg_status_line_set(&waiting->status, &view);
        tg_ticket_view_clear(&view);
    }
    return outcome;
}

static int wait_loop(struct waiting *waiting, struct tg_problem *problem)
{
    const char *id = waiting->follower.id;
    for (;;) {
        enum look outcome = look_at_ticket(waiting, problem);
        if (outcome == LOOK_READY)
            return TG_EXIT_OK;
        if (outcome == LOOK_ENDED)
            return TG_EXIT_REFUSED;
        if (outcome == LOOK_NOT_YET)
            waiting->follower.last_answer = tg_monotonic_seconds();
        if (tg_monotonic_seconds() >= waiting->deadline) {
            tg_status_line_clear(&waiting->status);
            tg_line(&waiting->cli->err, "%s is not ready yet; it stays as it is. Look again: tegata show %s",
                    id, id);
            return TG_EXIT_TIMED_OUT;
        }
        bool failed = outcome == LOOK_FAILED || poll_events(waiting, problem) != 0;
        if (failed && !tg_follow_again(waiting->follower.last_answer, problem))
            return -1;
    }
}

static void draw(void *context)
{
    tg_status_line_draw(context);
}

int tg_wait_for_ticket(struct tg_cli *cli, struct tg_link *link, const char *id, uint32_t seconds,
                       struct tg_problem *problem)
{
    struct sigaction action = {.sa_handler = on_interrupt};
    struct sigaction before;
    struct waiting waiting = {
        .cli = cli, .follower = {.cli = cli, .link = link, .id = id, .last_answer = tg_monotonic_seconds()}};
    waiting.status = tg_status_line_on(cli->json ? NULL : &cli->err);
    waiting.follower.status = &waiting.status;
    waiting.deadline = seconds == UINT32_MAX ? INT64_MAX : tg_monotonic_seconds() + seconds;
    (void)snprintf(farewell, sizeof farewell,
                   "\n%s stays as it is. Look at it: tegata show %s; withdraw it: tegata cancel %s\n", id, id,
                   id);
    (void)sigemptyset(&action.sa_mask);
    (void)sigaction(SIGINT, &action, &before);
    tg_client_on_tick(link->client, draw, &waiting.status);
    int status = wait_loop(&waiting, problem);
    tg_client_on_tick(link->client, NULL, NULL);
    tg_status_line_clear(&waiting.status);
    (void)sigaction(SIGINT, &before, NULL);
    return status;
}
