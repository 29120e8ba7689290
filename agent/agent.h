/* SPDX-License-Identifier: BSD-2-Clause
 *
 * Everything that one tegatad is. One thread, one loop (loop.c): what is under way is in here, and nothing is
 * hidden elsewhere.
 */
#ifndef TEGATA_AGENT_AGENT_H
#define TEGATA_AGENT_AGENT_H

#include "agent/admissions.h"
#include "agent/dedicated.h"
#include "agent/events.h"
#include "agent/repeats.h"
#include "agent/roster_publish.h"
#include "agent/session_clock.h"
#include "agent/sessions.h"
#include "agent/step_up.h"
#include "agent/tickets.h"
#include "agent/uid_ledger.h"
#include "lib/config.h"
#include "lib/log.h"
#include "lib/signer.h"

#include <curl/curl.h>
#include <sys/stat.h>
#include <sys/types.h>

enum {
    TG_CLIENTS_MAX = 256,
    TG_AUTHORITY_SIZE = 300,
    TG_DOOMED_MAX = 256,
    TG_NOTICED_MAX = 4096,
    TG_CLOCK_TOLERANCE = 30, /* seconds that this host's clock may be off */
};

struct tg_transfer;
struct tg_client;

/* The approval service as this host sees it. Times are milliseconds of the steady clock. */
struct tg_service {
    CURLM *multi;
    char authority[TG_AUTHORITY_SIZE]; /* host[:port] as signed; no port where it is 443 */
    struct tg_transfer *transfers;     /* all that are under way */
    struct tg_transfer *poll;          /* the long poll, or a check */
    bool checking;                     /* it is a check: short, because somebody waits at the door */
    int64_t poll_due;
    unsigned int poll_failures;
    int64_t burst_began; /* polls are counted a second at a time, so that a service that always has news
                            cannot spin us */
    unsigned int burst;
    struct tg_transfer *delivery; /* of events */
    int64_t delivery_due;
    unsigned int delivery_failures;
    bool chain_unknown;         /* the service refused the events: ask which one it has last */
    struct tg_transfer *report; /* of the end of a counted session */
    char report_id[TG_SESSION_ID_SIZE];
    int64_t report_due;
    uint64_t revision;    /* up to which everything is applied, saved and published */
    int64_t contact;      /* when the service last answered; -1: not since the start */
    int64_t contact_time; /* the same in seconds since 1970, kept on disk; 0: never */
    int64_t contact_saved;
    bool resync;        /* ask for everything again, once: see tg_service_resync() */
    bool asked_for_all; /* the poll under way does */
    bool clock_known;
    int64_t clock_offset;   /* ours minus the service's, seconds, when it was compared last */
    int64_t clock_base;     /* our clock minus the steady one then, milliseconds */
    int64_t clock_compared; /* when that was */
    bool clock_told;        /* that it is wrong is taken note of */
    bool clock_shown;       /* and was reported */
};

/* A monitor that is to end because its session was refused. */
struct tg_doomed {
    int pidfd;
    pid_t pid;
    int64_t due;
};

/* host_certificate.h. */
struct tg_host_certificate {
    struct tg_transfer *transfer;        /* that fetches one */
    int64_t due;                         /* when the next is to be fetched, steady milliseconds; 0: at once */
    unsigned int failures;               /* since the last one */
    char authority[TG_FINGERPRINT_SIZE]; /* who has signed the one in place; "": none since the start */
};

/* The revocation list in force; revocations.h. */
struct tg_revocations {
    struct tg_krl *krl; /* NULL: none came yet */
    char *text;         /* the same in base64, as it came */
    bool unpublished;   /* the file for sshd does not have it yet */
    int64_t due;        /* when that may be tried again, steady milliseconds */
    struct stat seen;   /* the file that was written last */
};

struct tg_agent {
    struct tg_log log;
    struct tg_host_config config;
    const char *config_path;
    const char *proc_root;   /* "/proc" */
    const char *dev_root;    /* "/dev"; NULL: no terminal is written to */
    const char *passwd_path; /* "/etc/passwd" */
    const char *group_path;  /* "/etc/group" */
    const char *home_root;   /* "/home" */
    uid_t principals_uid;    /* (uid_t)-1: no such user, only root may ask */
    struct tg_root_signers roots;
    struct tg_signer *signer;
    char boot_id[TG_BOOT_ID_SIZE];

    int64_t now;    /* seconds since 1970, taken once a turn of the loop */
    int64_t now_ms; /* the same moment in milliseconds */
    int64_t steady; /* milliseconds of CLOCK_BOOTTIME, likewise */

    struct tg_policy *policy;
    json_t *policy_file;  /* as it came; kept also when its time is not now, and tried again */
    json_t *policy_later; /* a newer one that was refused for its dates: our clock may be the one that is
                             wrong, and the service sends it once */
    uint64_t highest_serial;
    uint64_t saved_serial;         /* the same on disk, beside the marks */
    enum tg_reason policy_problem; /* why `policy` is NULL */
    int64_t policy_due;            /* when it may be judged again, steady milliseconds */

    struct tg_revocations revocations;
    struct tg_host_certificate host_certificate;
    struct tg_ticket_store tickets;
    bool turned_away; /* a ticket was refused that another policy may cover */
    struct tg_admissions admissions;
    struct tg_sessions sessions;
    struct tg_endings *endings; /* ending.h */
    bool sessions_unjudged;     /* something has changed by which they are judged */
    struct tg_session_clock session_clock;
    struct tg_warn_minutes warn_minutes;
    struct tg_step_ups step_ups;
    struct tg_network_grants *network_grants; /* network_grants.h */
    const char *resolv_conf_path;             /* "/etc/resolv.conf" */
    struct tg_events events;
    struct tg_repeats repeats;
    struct tg_repeats update_repeats; /* of what updates make us refuse: a table of its own, so that whoever
                                         fills it cannot hide refused logins */
    struct tg_accounts accounts;
    struct tg_uid_ledger uid_ledger;
    struct tg_dedicated dedicated;
    uint64_t roster_generation;
    char roster_digest[TG_DIGEST_SIZE]; /* of what was published last, so that only changes are */
    struct stat roster_seen;            /* the file that was published last */
    int64_t publish_due;                /* seconds since 1970 */
    bool marks_unsaved;                 /* the same of marks and highest serial */
    bool unsaved;                       /* tickets or accounts differ from what is on disk */
    char noticed[TG_NOTICED_MAX]
                [17]; /* begin of the digests of what was refused and reported: once is enough */
    size_t noticed_next;

    struct tg_service service;
    struct tg_client *clients[TG_CLIENTS_MAX];
    size_t client_count;
    struct tg_doomed doomed[TG_DOOMED_MAX];
    size_t doomed_count;
    uint8_t *packet; /* TG_AGENT_REQUEST_MAX + 1 bytes, for the packet being read */

    int listener;
    bool listener_is_ours; /* bound here, not handed over by systemd */
    int signals;
    int64_t watchdog_interval; /* milliseconds; 0: none */
    int64_t watchdog_due;
    bool stopping;
};

/* --- agent.c: beginning and end ----------------------------------------------------------------------------
 */

/* Takes config, log, paths and signer as set by the caller; loads the state directory. Clocks must be set. */
int tg_agent_start(struct tg_agent *agent, struct tg_error *error);
void tg_agent_stop(struct tg_agent *agent);
void tg_agent_read_clocks(struct tg_agent *agent);

/* SIGHUP: reads configuration and root signers again. A bad one is logged, and the old stays. */
void tg_agent_reload(struct tg_agent *agent);

int tg_agent_read_roots(const struct tg_host_config *config, struct tg_root_signers *roots,
                        struct tg_error *error);

/* --- intake.c: what comes from outside ---------------------------------------------------------------------
 */

/* The policy in force, or NULL and the reason. */
const struct tg_policy *tg_agent_policy(struct tg_agent *agent, enum tg_reason *problem);

/* Judges the policy file in hand under the root signers in force. */
void tg_agent_judge_policy(struct tg_agent *agent);

/* Applies a host update: policy, tickets, approvals, states; then saves and publishes. False if it could not
 * be saved or published: then it is not to be acknowledged. */
bool tg_agent_apply_update(struct tg_agent *agent, const struct tg_update *update);

/* Forgets tickets that can never be valid again, but for those by which a session is open. Returns how many.
 */
size_t tg_agent_purge(struct tg_agent *agent);

/* A carried ticket. Returns allowed or why the ticket opens nothing now; `id` and `detail` are of the ticket
 * concerned. */
enum tg_reason tg_agent_import(struct tg_agent *agent, struct tg_bytes text, char id[TG_TICKET_ID_SIZE],
                               char *detail, size_t detail_size);

/* Has this been refused and reported before? Remembers it if not. */
bool tg_noticed_before(struct tg_agent *agent, struct tg_bytes bytes);

/* Reports what an answer of the service made us refuse, about `ticket` or NULL. A service in the wrong hands
 * can bring such things about as often as it likes, so they are bounded as refused logins are (repeats.h).
 * False: it is counted only. */
bool tg_report_update(struct tg_agent *agent, const char *kind, const struct tg_ticket *ticket,
                      const struct tg_error *error);

/* Says the same of some that were counted. */
void tg_tell_update(struct tg_agent *agent, const struct tg_refusal *refusal, const char *detail);

/* --- agent_state.c: the state directory
 * --------------------------------------------------------------------- */

void tg_agent_load(struct tg_agent *agent);
bool tg_agent_save_policy(struct tg_agent *agent);
bool tg_agent_save_tickets(
    struct tg_agent *agent); /* with revision, highest serial, last contact, the marks, and the accounts */
bool tg_agent_save_revocations(struct tg_agent *agent);
bool tg_agent_save_uids(struct tg_agent *agent);
bool tg_agent_save_owner(struct tg_agent *agent);

/* --- sessions_state.c: the sessions in the state directory
 * -------------------------------------------------- */

void tg_agent_load_sessions(struct tg_agent *agent);

/* Writes one session, and waits for the disk: what it says of the session holds whatever happens. False if it
 * cannot be written. */
bool tg_session_save(struct tg_agent *agent, const struct tg_session *session);

/* The same without waiting: enough for what matters only as long as the machine runs. */
void tg_session_note(struct tg_agent *agent, const struct tg_session *session);

/* Takes one session from the table and from the disk. The table's last session takes its place. */
void tg_session_drop(struct tg_agent *agent, struct tg_session *session);

/* --- publish.c
 * ---------------------------------------------------------------------------------------------- */

/* Brings the roster into step with the tickets. True if the file says what it should. */
bool tg_agent_publish(struct tg_agent *agent);

/* Has somebody else touched the file since? Then it is published anew with the next turn of the loop, and the
 * log says so. */
void tg_agent_watch_roster(struct tg_agent *agent);

/* --- gates.c: the answers on the socket
 * ---------------------------------------------------------------------- */

/* Answers, or leaves the client waiting. */
void tg_gate(struct tg_agent *agent, struct tg_client *client);

/* Reports how often refusals were repeated in the minutes that were over at `now_ms`. */
void tg_report_repeats(struct tg_agent *agent, int64_t now_ms);

void tg_agent_end_doomed(struct tg_agent *agent);

/* --- sync.c: the service
 * ---------------------------------------------------------------------------------------- */

int tg_service_start(struct tg_agent *agent, struct tg_error *error);
void tg_service_stop(struct tg_agent *agent);

/* "host[:port]" of an https URL without path. */
int tg_service_authority(const char *url, char out[TG_AUTHORITY_SIZE], struct tg_error *error);

/* Starts whatever is due: the poll, events, ends of sessions. Returns when to be called next. */
int64_t tg_service_turn(struct tg_agent *agent);

/* Takes in what libcurl has finished. */
void tg_service_finish(struct tg_agent *agent);

/* Has the service answered within the lease? */
bool tg_service_is_fresh(const struct tg_agent *agent);

/* Is the last contact within offline_grace? */
bool tg_service_within_grace(const struct tg_agent *agent);

/* Asks the service at once, for at most 2 s; clients that wait for it are resumed when it is over. */
void tg_service_check(struct tg_agent *agent);

/* The next poll asks for everything once. After an outage nobody knows whose revision ours is: another
 * service may have stood in for the real one, which has counted on past it. */
void tg_service_resync(struct tg_agent *agent);

/* Seconds by which our clock is ahead of the service's: as last compared, and whatever it was set by since. 0
 * if it was never compared. */
int64_t tg_service_clock_offset(const struct tg_agent *agent);

/* What the service says about our clock holds for the lease: it may be the one that is wrong, and then go
 * away. That our clock was set since the two agreed is our own observation, and holds until they agree. */
bool tg_service_clock_is_wrong(const struct tg_agent *agent);

/* --- clients.c: the socket
 * ------------------------------------------------------------------------------------------ */

void tg_clients_accept(struct tg_agent *agent);
void tg_clients_readable(struct tg_agent *agent, struct tg_client *client);
/* Closes those that have been silent for too long; returns when to be called next. */
int64_t tg_clients_turn(struct tg_agent *agent);
void tg_clients_close_all(struct tg_agent *agent);

/* The earlier of two moments. */
static inline int64_t tg_earlier(int64_t a, int64_t b)
{
    return a < b ? a : b;
}

/* --- loop.c
 * ---------------------------------------------------------------------------------------------------------
 */

int tg_agent_loop(struct tg_agent *agent, struct tg_error *error);

#endif
