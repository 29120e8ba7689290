/* SPDX-License-Identifier: BSD-2-Clause
 *
 * The end of sessions: reading /proc, whose each process is, and ending real processes. A made-up /proc says
 * of real children which audit session they belong to, as a test without privileges cannot say it to the
 * kernel. Time is the test's own; what the kernel needs a moment for is waited for.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "agent/agent.h"
#include "agent/claims.h"
#include "agent/ending.h"
#include "agent/telling.h"
#include "tests/unit/temporary.h"
#include "tests/unit/world.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

enum { PATH_LENGTH = 256, HANGUP_MS = 150, TERMINATE_MS = 300 };

struct fixture {
    char proc[TEMPORARY_SIZE];
    char state[TEMPORARY_SIZE];
    char passwd[PATH_LENGTH];
    char group[PATH_LENGTH];
    struct tg_agent *agent;
};

static void write_file(const char *path, const char *text)
{
    FILE *file = fopen(path, "we");
    assert_non_null(file);
    assert_true(fputs(text, file) >= 0);
    assert_int_equal(fclose(file), 0);
}

static void remove_tree(const char *path)
{
    char command[PATH_LENGTH + 16];
    (void)snprintf(command, sizeof command, "rm -rf '%s'", path);
    assert_int_equal(system(command), 0); /* NOLINT(cert-env33-c): a path of our own */
}

static int make_agent(void **state)
{
    struct fixture *fixture = calloc(1, sizeof *fixture);
    struct tg_error error;
    assert_non_null(fixture);
    assert_non_null(mkdtemp(temporary_template(fixture->proc)));
    assert_non_null(mkdtemp(temporary_template(fixture->state)));
    (void)snprintf(fixture->passwd, sizeof fixture->passwd, "%s/passwd", fixture->state);
    (void)snprintf(fixture->group, sizeof fixture->group, "%s/group", fixture->state);
    write_file(fixture->passwd, "root:x:0:0::/root:/bin/sh\n");
    write_file(fixture->group, "root:x:0:\n");
    struct tg_agent *agent = calloc(1, sizeof *agent);
    assert_non_null(agent);
    agent->log = (struct tg_log){.program = "test", .to_stderr = true, .level = LOG_EMERG};
    agent->proc_root = fixture->proc;
    agent->passwd_path = fixture->passwd;
    agent->group_path = fixture->group;
    agent->config.hangup_milliseconds = HANGUP_MS;
    agent->config.terminate_milliseconds = TERMINATE_MS;
    (void)snprintf(agent->config.state_directory, sizeof agent->config.state_directory, "%s", fixture->state);
    agent->now = 1795429800;
    agent->steady = 1000000;
    assert_int_equal(tg_events_open(&agent->events, fixture->state, "ops1", &agent->log, agent->now, &error),
                     0);
    fixture->agent = agent;
    *state = fixture;
    return 0;
}

static int remove_agent(void **state)
{
    struct fixture *fixture = *state;
    tg_endings_free(fixture->agent->endings);
    tg_sessions_free(&fixture->agent->sessions);
    tg_tickets_free(&fixture->agent->tickets);
    tg_policy_free(fixture->agent->policy);
    tg_events_close(&fixture->agent->events);
    free(fixture->agent);
    remove_tree(fixture->proc);
    remove_tree(fixture->state);
    free(fixture);
    return 0;
}

/* --- A made-up /proc
 * ------------------------------------------------------------------------------------- */

struct made_up {
    int pid;
    int parent;
    unsigned long start;
    const char *audit_id; /* NULL: no such file */
    const char *uids;
    const char *cgroup;
    char state;
    int threads;
};

static void write_process_file(const char *proc, int pid, const char *name, const char *text)
{
    char path[PATH_LENGTH];
    (void)snprintf(path, sizeof path, "%s/%d/%s", proc, pid, name);
    write_file(path, text);
}

static void make_directory(const char *proc, int pid)
{
    char path[PATH_LENGTH];
    (void)snprintf(path, sizeof path, "%s/%d", proc, pid);
    assert_int_equal(mkdir(path, 0700), 0);
}

static void make_up(const char *proc, const struct made_up *process)
{
    char text[512];
    make_directory(proc, process->pid);
    (void)snprintf(text, sizeof text,
                   "%d (sh) x) %c %d 1 1 34819 -1 4194560 1 2 3 4 5 6 7 8 20 0 %d 0 %lu 10 20", process->pid,
                   process->state == 0 ? 'S' : process->state, process->parent,
                   process->threads == 0 ? 1 : process->threads, process->start);
    write_process_file(proc, process->pid, "stat", text);
    (void)snprintf(text, sizeof text, "Name:\tsh\nUid:\t%s\nGid:\t1\t1\t1\t1\n",
                   process->uids == NULL ? "20001\t20001\t20001\t20001" : process->uids);
    write_process_file(proc, process->pid, "status", text);
    if (process->audit_id != NULL)
        write_process_file(proc, process->pid, "sessionid", process->audit_id);
    if (process->cgroup != NULL)
        write_process_file(proc, process->pid, "cgroup", process->cgroup);
}

static void make_up_all(const char *proc, const struct made_up *processes, size_t count)
{
    for (size_t i = 0; i < count; i++)
        make_up(proc, &processes[i]);
}

/* A real process in the made-up /proc: as it is, but for its audit session and its uids. */
static void show(const struct fixture *fixture, pid_t pid, uint32_t audit_id, uint32_t uid)
{
    char target[PATH_LENGTH];
    char path[PATH_LENGTH];
    char text[128];
    make_directory(fixture->proc, pid);
    (void)snprintf(target, sizeof target, "/proc/%d/stat", pid);
    (void)snprintf(path, sizeof path, "%s/%d/stat", fixture->proc, pid);
    assert_int_equal(symlink(target, path), 0);
    (void)snprintf(text, sizeof text, "%u", audit_id);
    write_process_file(fixture->proc, pid, "sessionid", text);
    (void)snprintf(text, sizeof text, "Name:\tsh\nUid:\t%u\t%u\t%u\t%u\n", uid, uid, uid, uid);
    write_process_file(fixture->proc, pid, "status", text);
}

static void show_groups(const struct fixture *fixture, pid_t pid, uint32_t uid, const char *groups)
{
    char text[4096];
    int length = snprintf(text, sizeof text, "Name:\tsh\nUid:\t%u\t%u\t%u\t%u\nGroups:\t%s \n", uid, uid, uid,
                          uid, groups);
    assert_true(length > 0 && (size_t)length < sizeof text);
    write_process_file(fixture->proc, pid, "status", text);
}

/* More groups than the agent reads, none of them Tegata's as far as it does. */
static void show_many_groups(const struct fixture *fixture, pid_t pid, uint32_t uid, int count)
{
    char text[4000] = "";
    for (int i = 0; i < count; i++)
        (void)snprintf(text + 5 * (size_t)i, sizeof text - 5 * (size_t)i, "%d ", 1000 + i);
    show_groups(fixture, pid, uid, text);
}

/* --- Reading
 * --------------------------------------------------------------------------------------------- */

static void test_scan(void **state)
{
    const struct fixture *fixture = *state;
    struct tg_process_table table = {0};
    const struct made_up all[] = {
        {.pid = 300, .parent = 200, .start = 30, .audit_id = "7"},
        {.pid = 200, .parent = 1, .start = 20, .audit_id = "4294967295", .uids = "0\t20001\t0\t20001"},
        {.pid = 400, .parent = 300, .start = 40, .audit_id = "7", .state = 'Z'},
        {.pid = 500, .parent = 300, .start = 50, .audit_id = "7", .state = 'Z', .threads = 2},
        {.pid = 600, .parent = 700, .start = 60},
        {.pid = 700, .parent = 1, .start = 70},
    };
    make_up_all(fixture->proc, all, sizeof all / sizeof all[0]);
    make_directory(fixture->proc, 800); /* it ends while it is read */
    assert_int_equal(tg_process_table_scan(&table, fixture->proc), 0);
    assert_int_equal(table.count, 6);
    const struct tg_process_entry *entry = tg_process_table_find(&table, 300);
    assert_int_equal(entry->audit_id, 7);
    assert_int_equal(entry->terminal, 34819);
    assert_int_equal(entry->uids[3], 20001);
    assert_int_equal(tg_process_table_find(&table, 200)->audit_id, TG_AUDIT_UNSET);
    assert_int_equal(tg_process_table_find(&table, 200)->uids[0], 0);
    assert_true(tg_process_table_find(&table, 400)->dead);
    assert_false(tg_process_table_find(&table, 500)->dead);
    assert_null(tg_process_table_find(&table, 800));
    assert_true(tg_process_descends(&table, tg_process_table_find(&table, 500),
                                    &(struct tg_process){.pid = 200, .start = 20}));
    assert_false(tg_process_descends(&table, entry, &(struct tg_process){.pid = 200, .start = 21}));
    /* 700 began after its child: it has the pid of the parent that has ended. */
    assert_null(tg_process_table_parent(&table, tg_process_table_find(&table, 600)));
    assert_int_equal(tg_process_table_scan_sessions(&table, fixture->proc), 0);
    assert_int_equal(tg_process_table_find(&table, 300)->uids[0], UINT32_MAX);
    assert_int_equal(tg_process_table_scan(&table, "/nonexistent"), -ENOENT);
    tg_process_table_free(&table);
}

static void test_scan_of_the_real_one(void **state)
{
    (void)state;
    struct tg_process_table table = {0};
    uint32_t audit_id;
    assert_int_equal(tg_process_table_scan(&table, "/proc"), 0);
    const struct tg_process_entry *self = tg_process_table_find(&table, getpid());
    assert_non_null(self);
    assert_int_equal(self->parent, getppid());
    assert_int_equal(self->uids[0], getuid());
    assert_int_equal(tg_process_audit_id("/proc", getpid(), &audit_id), 0);
    assert_int_equal(self->audit_id, audit_id);
    assert_int_equal(tg_process_audit_id("/proc", 0, &audit_id), -ESRCH);
    tg_process_table_free(&table);
}

/* --- One who is always another
 * --------------------------------------------------------------------------- */

enum { SETTLED_SCANS = 100 };

/* The leader of a session with the terminal. What it has started forks and exits at once, again and again. */
_Noreturn static void run_comet(const char *terminal)
{
    if (setsid() < 0 || open(terminal, O_RDWR | O_CLOEXEC) < 0)
        _exit(1);
    pid_t child = fork();
    while (child == 0) {
        child = fork();
        if (child != 0)
            _exit(0);
    }
    for (;;)
        (void)pause();
}

/* Is anybody there with this terminal, but for the leader? */
static bool sees_comet(const struct tg_process_table *table, unsigned int terminal, pid_t leader)
{
    for (size_t i = 0; i < table->count; i++) {
        const struct tg_process_entry *entry = &table->list[i];
        if (!entry->dead && entry->terminal == terminal && entry->process.pid != leader)
            return true;
    }
    return false;
}

static void test_one_who_is_always_another(void **state)
{
    (void)state;
    struct tg_process_table table = {0};
    struct stat status;
    int other_end = posix_openpt(O_RDWR | O_NOCTTY | O_CLOEXEC);
    assert_true(other_end >= 0);
    assert_int_equal(grantpt(other_end), 0);
    assert_int_equal(unlockpt(other_end), 0);
    const char *name = ptsname(other_end);
    assert_int_equal(stat(name, &status), 0);
    unsigned int terminal = (unsigned int)status.st_rdev;
    pid_t leader = fork();
    if (leader == 0)
        run_comet(name);
    assert_true(leader > 0);
    while (!sees_comet(&table, terminal, leader))
        assert_int_equal(tg_process_table_scan_sessions(&table, "/proc"), 0);
    size_t missed = 0;
    for (int settled = 0; settled < SETTLED_SCANS;) {
        assert_int_equal(tg_process_table_scan_sessions(&table, "/proc"), 0);
        settled += table.settled;
        missed += table.settled && !sees_comet(&table, terminal, leader);
    }
    /* No fork gets past a signal that is sent to the whole group. */
    assert_int_equal(kill(-leader, SIGKILL), 0);
    assert_int_equal(waitpid(leader, NULL, 0), leader);
    assert_int_equal(missed, 0);
    (void)close(other_end);
    tg_process_table_free(&table);
}

static void test_cgroup(void **state)
{
    const struct fixture *fixture = *state;
    const struct made_up all[] = {
        {.pid = 10, .cgroup = "0::/user.slice/user-20001.slice/session-3.scope\n"},
        {.pid = 11, .cgroup = "1:cpu:/a\n0::/b\n"},
        {.pid = 12, .cgroup = "1:cpu:/a\n"},
        {.pid = 13, .cgroup = "0::/cut short"},
    };
    char cgroup[64];
    make_up_all(fixture->proc, all, sizeof all / sizeof all[0]);
    assert_int_equal(tg_process_cgroup(fixture->proc, 10, cgroup, sizeof cgroup), 0);
    assert_string_equal(cgroup, "/user.slice/user-20001.slice/session-3.scope");
    assert_int_equal(tg_process_cgroup(fixture->proc, 11, cgroup, sizeof cgroup), 0);
    assert_string_equal(cgroup, "/b");
    assert_int_equal(tg_process_cgroup(fixture->proc, 12, cgroup, sizeof cgroup), 0);
    assert_string_equal(cgroup, "");
    assert_true(tg_process_cgroup(fixture->proc, 13, cgroup, sizeof cgroup) < 0);
    assert_true(tg_process_cgroup(fixture->proc, 10, cgroup, 8) < 0);
    assert_string_equal(cgroup, "");
}

static void test_groups(void **state)
{
    const struct fixture *fixture = *state;
    struct tg_process_groups groups;
    make_directory(fixture->proc, 10);
    show_groups(fixture, 10, 20001, "4 20001 4294967294");
    assert_int_equal(tg_process_groups(fixture->proc, 10, &groups), 0);
    assert_int_equal(groups.count, 3);
    assert_int_equal(groups.list[0], 4);
    assert_int_equal(groups.list[2], 4294967294);
    show_groups(fixture, 10, 20001, "");
    assert_int_equal(tg_process_groups(fixture->proc, 10, &groups), 0);
    assert_int_equal(groups.count, 0);
    show_many_groups(fixture, 10, 20001, TG_PROCESS_GROUPS_MAX);
    assert_int_equal(tg_process_groups(fixture->proc, 10, &groups), 0);
    assert_int_equal(groups.count, TG_PROCESS_GROUPS_MAX);
    show_many_groups(fixture, 10, 20001, TG_PROCESS_GROUPS_MAX + 1);
    assert_int_equal(tg_process_groups(fixture->proc, 10, &groups), -E2BIG);
    show_many_groups(fixture, 10, 20001, 700); /* longer than what is read of the file */
    assert_int_equal(tg_process_groups(fixture->proc, 10, &groups), -E2BIG);
    static const char *const odd[] = {"4 x", "4294967296", "99999999999999999999", "-4", "4,5"};
    for (size_t i = 0; i < sizeof odd / sizeof odd[0]; i++) {
        show_groups(fixture, 10, 20001, odd[i]);
        assert_int_equal(tg_process_groups(fixture->proc, 10, &groups), -EPROTO);
    }
    write_process_file(fixture->proc, 10, "status", "Name:\tsh\\nGroups:\t4\nUid:\t1\t1\t1\t1\n");
    assert_int_equal(tg_process_groups(fixture->proc, 10, &groups), -EPROTO);
    write_process_file(fixture->proc, 10, "status", "Groups:\t4 \nGroups:\t5 2000");
    assert_int_equal(tg_process_groups(fixture->proc, 10, &groups), -E2BIG);
    assert_int_equal(tg_process_groups(fixture->proc, 11, &groups), -ENOENT);
    assert_int_equal(tg_process_groups("/proc", getpid(), &groups), 0);
    assert_int_equal(groups.count, getgroups(0, NULL));
}

/* --- Whose
 * ----------------------------------------------------------------------------------------------- */

/* The `target` of whoever claims this process, or -1. */
static int claimant(const struct tg_claims *claims, const struct tg_process_table *table, pid_t pid)
{
    const struct tg_process_entry *entry = tg_process_table_find(table, pid);
    int owner = claims->owner[entry - table->list];
    return owner == TG_CLAIM_NONE ? -1 : (int)claims->list[owner].target;
}

static void test_claims(void **state)
{
    const struct fixture *fixture = *state;
    struct tg_process_table table = {0};
    struct tg_claims claims = {0};
    static const char scope[] = "/user.slice/session-3.scope";
    const struct made_up all[] = {
        {.pid = 100, .parent = 1, .start = 1, .audit_id = "4294967295"}, /* sshd's listener */
        {.pid = 110, .parent = 100, .start = 10, .audit_id = "5"},       /* the monitor of session 0 */
        {.pid = 111, .parent = 110, .start = 11, .audit_id = "5"},       /* and its processes */
        {.pid = 112, .parent = 1, .start = 12, .audit_id = "5"},         /* double fork */
        {.pid = 113, .parent = 112, .start = 13, .audit_id = "9"},       /* left the audit session as root */
        {.pid = 114, .parent = 1, .start = 14, .cgroup = "0::/user.slice/session-3.scope/x\n"},
        {.pid = 115, .parent = 1, .start = 15, .cgroup = "0::/user.slice/session-3.scope2\n"},
        {.pid = 116, .parent = 111, .start = 16, .audit_id = "5", .state = 'Z'},
        {.pid = 120, .parent = 111, .start = 20, .audit_id = "6"}, /* session 1, from within session 0 */
        {.pid = 121, .parent = 120, .start = 21},
        {.pid = 130, .parent = 1, .start = 30, .uids = "20007\t20007\t20007\t20007"}, /* cron's */
        {.pid = 131, .parent = 130, .start = 31, .uids = "0\t0\t0\t0"},               /* and its sudo */
        {.pid = 132, .parent = 1, .start = 32, .uids = "0\t20007\t0\t20007"}, /* a daemon that reads */
        {.pid = 133, .parent = 1, .start = 33, .uids = "20008\t20007\t20007\t20007"}, /* setuid */
        {.pid = 2, .parent = 0, .start = 0}, /* the kernel's, or in a container anybody's */
        {.pid = 3, .parent = 2, .start = 1, .audit_id = "5"},
        {.pid = 1, .parent = 0, .start = 0, .audit_id = "5"},
    };
    make_up_all(fixture->proc, all, sizeof all / sizeof all[0]);
    const struct tg_claim wanted[] = {
        {.key = {110, 10}, .audit_id = 5, .cgroup = scope, .target = 0},
        {.key = {120, 20}, .audit_id = 6, .cgroup = "", .spared = true, .target = 1},
        {.key = {0, 20007}, .audit_id = TG_AUDIT_UNSET, .cgroup = "", .target = 2},
    };
    for (size_t i = 0; i < 3; i++)
        assert_true(tg_claims_add(&claims, &wanted[i]));
    assert_int_equal(tg_process_table_scan(&table, fixture->proc), 0);
    assert_int_equal(tg_claims_assign(&claims, &table, fixture->proc), 0);
    static const int expected[][2] = {{1, -1},  {2, -1},  {3, 0},   {100, -1}, {110, 0},  {111, 0},
                                      {112, 0}, {113, 0}, {114, 0}, {115, -1}, {116, -1}, {120, 1},
                                      {121, 1}, {130, 2}, {131, 2}, {132, -1}, {133, 2}};
    for (size_t i = 0; i < sizeof expected / sizeof expected[0]; i++)
        assert_int_equal(claimant(&claims, &table, expected[i][0]), expected[i][1]);
    assert_int_equal(tg_claims_remember(&claims, &table), 0);
    assert_true(tg_claims_knew(&claims, &(struct tg_process){112, 12}));
    assert_false(tg_claims_knew(&claims, &(struct tg_process){112, 13}));
    assert_false(tg_claims_knew(&claims, &(struct tg_process){121, 21}));
    tg_claims_free(&claims);
    tg_process_table_free(&table);
}

/* Without audit, a process that was found by its parents stays its session's when those have gone. */
static void test_claims_are_remembered(void **state)
{
    const struct fixture *fixture = *state;
    struct tg_process_table table = {0};
    struct tg_claims claims = {0};
    char path[PATH_LENGTH];
    const struct made_up all[] = {
        {.pid = 110, .parent = 1, .start = 10},
        {.pid = 111, .parent = 110, .start = 11},
    };
    make_up_all(fixture->proc, all, 2);
    assert_true(tg_claims_add(&claims, &(struct tg_claim){.key = {110, 10}, .audit_id = TG_AUDIT_UNSET}));
    assert_int_equal(tg_process_table_scan(&table, fixture->proc), 0);
    assert_int_equal(tg_claims_assign(&claims, &table, fixture->proc), 0);
    assert_int_equal(claimant(&claims, &table, 111), 0);
    assert_int_equal(tg_claims_remember(&claims, &table), 0);
    (void)snprintf(path, sizeof path, "%s/110", fixture->proc);
    remove_tree(path);
    assert_int_equal(tg_process_table_scan(&table, fixture->proc), 0);
    assert_int_equal(tg_claims_assign(&claims, &table, fixture->proc), 0);
    assert_int_equal(claimant(&claims, &table, 111), 0);
    tg_claims_free(&claims);
    tg_process_table_free(&table);
}

/* --- Ending
 * ---------------------------------------------------------------------------------------------- */

enum child_kind { CHILD_MEEK, CHILD_STUBBORN, CHILD_STOPPED };

/* A child that waits to be ended. Returns once it is what it is to be. */
static pid_t start_child(enum child_kind kind)
{
    int ready[2];
    char byte;
    assert_int_equal(pipe2(ready, O_CLOEXEC), 0);
    pid_t pid = fork();
    assert_true(pid >= 0);
    if (pid == 0) {
        /* Whoever runs the tests may itself ignore them: nohup(1). */
        sighandler_t handler = kind == CHILD_STUBBORN ? SIG_IGN : SIG_DFL;
        (void)prctl(PR_SET_PDEATHSIG, SIGKILL);
        (void)signal(SIGHUP, handler);
        (void)signal(SIGTERM, handler);
        if (write(ready[1], "r", 1) != 1)
            _exit(1);
        if (kind == CHILD_STOPPED)
            (void)raise(SIGSTOP);
        for (;;)
            (void)pause();
    }
    (void)close(ready[1]);
    assert_int_equal(read(ready[0], &byte, 1), 1);
    (void)close(ready[0]);
    if (kind == CHILD_STOPPED) {
        siginfo_t info;
        assert_int_equal(waitid(P_PID, (id_t)pid, &info, WSTOPPED), 0);
    }
    return pid;
}

/* Waits until it has ended, and leaves it as a zombie. Returns the signal that ended it. */
static int wait_for_end(pid_t pid)
{
    siginfo_t info = {0};
    assert_int_equal(waitid(P_PID, (id_t)pid, &info, WEXITED | WNOWAIT), 0);
    return info.si_code == CLD_KILLED ? info.si_status : 0;
}

static bool is_alive(pid_t pid)
{
    siginfo_t info = {0};
    assert_int_equal(waitid(P_PID, (id_t)pid, &info, WEXITED | WNOWAIT | WNOHANG), 0);
    return info.si_pid == 0;
}

static void reap(pid_t pid)
{
    (void)kill(pid, SIGKILL);
    assert_int_equal(waitpid(pid, NULL, 0), pid);
}

#define REAP_ALL(...) reap_all((const pid_t[]){__VA_ARGS__, 0})

static void reap_all(const pid_t *pids)
{
    for (; *pids != 0; pids++)
        reap(*pids);
}

static struct tg_session *add_session(const struct fixture *fixture, pid_t monitor, uint32_t audit_id,
                                      uint32_t uid)
{
    struct tg_session session = {
        .audit_id = audit_id, .uid = uid, .account = "alice", .person = "alice", .ticket = "T-1"};
    session.opened = fixture->agent->now;
    assert_int_equal(tg_process_read("/proc", monitor, &session.monitor, NULL), 0);
    session.pidfd = tg_process_open(fixture->proc, &session.monitor);
    assert_true(session.pidfd >= 0);
    (void)snprintf(session.id, sizeof session.id, "%032u", audit_id);
    struct tg_session *added = tg_sessions_add(&fixture->agent->sessions, &session);
    assert_non_null(added);
    return added;
}

static int64_t turn_after(const struct fixture *fixture, int64_t milliseconds)
{
    fixture->agent->steady += milliseconds;
    return tg_ending_turn(fixture->agent) - fixture->agent->steady;
}

static void assert_last_event(const struct fixture *fixture, const char *kind, const char *detail)
{
    const struct tg_events *events = &fixture->agent->events;
    assert_true(events->count > 0);
    assert_non_null(strstr(events->lines[events->count - 1].text, kind));
    assert_non_null(strstr(events->lines[events->count - 1].text, detail));
}

static void test_a_revoked_session(void **state)
{
    const struct fixture *fixture = *state;
    struct tg_agent *agent = fixture->agent;
    pid_t monitor = start_child(CHILD_MEEK);
    pid_t meek = start_child(CHILD_MEEK);
    pid_t stopped = start_child(CHILD_STOPPED);
    pid_t stubborn = start_child(CHILD_STUBBORN);
    pid_t other_monitor = start_child(CHILD_MEEK);
    pid_t other = start_child(CHILD_MEEK);
    show(fixture, monitor, 5, 0);
    show(fixture, meek, 5, 20001);
    show(fixture, stopped, 5, 20001);
    show(fixture, stubborn, 5, 0);
    show(fixture, other_monitor, 6, 0);
    show(fixture, other, 6, 20001);
    (void)add_session(fixture, monitor, 5, 20001);
    (void)add_session(fixture, other_monitor, 6, 20001);
    tg_session_end(agent, &agent->sessions.list[0], TG_ticket_revoked, "");
    tg_session_end(agent, &agent->sessions.list[0], TG_ticket_late, "");
    assert_true(turn_after(fixture, 0) <= HANGUP_MS);
    assert_int_equal(wait_for_end(meek), SIGHUP);
    assert_int_equal(wait_for_end(stopped), SIGHUP);
    assert_true(is_alive(monitor));
    (void)turn_after(fixture, HANGUP_MS);
    assert_int_equal(wait_for_end(monitor), SIGTERM);
    assert_true(is_alive(stubborn));
    (void)turn_after(fixture, TERMINATE_MS);
    assert_int_equal(wait_for_end(stubborn), SIGKILL);
    assert_int_equal(agent->sessions.count, 2);
    (void)turn_after(fixture, 20);
    assert_last_event(fixture, "\"session_ended\"", "by the agent: 4 processes, ");
    assert_last_event(fixture, "ticket_revoked", "T-1");
    /* The other session of the same account lives on, and so its processes are not swept. */
    assert_int_equal(agent->sessions.count, 1);
    assert_int_equal(agent->sessions.list[0].audit_id, 6);
    (void)turn_after(fixture, 1000);
    assert_true(is_alive(other));
    assert_true(is_alive(other_monitor));
    REAP_ALL(monitor, meek, stopped, stubborn, other_monitor, other);
}

static void test_what_a_closed_session_leaves_behind(void **state)
{
    const struct fixture *fixture = *state;
    struct tg_agent *agent = fixture->agent;
    pid_t monitor = start_child(CHILD_MEEK);
    pid_t left = start_child(CHILD_MEEK);
    show(fixture, monitor, 5, 0);
    show(fixture, left, 5, 20001);
    struct tg_session *session = add_session(fixture, monitor, 5, 20001);
    session->counted = true;
    tg_session_end(agent, session, TG_allowed, "");
    /* sshd has time to finish. */
    assert_true(turn_after(fixture, 0) > HANGUP_MS);
    (void)turn_after(fixture, 1000);
    assert_true(is_alive(left));
    reap(monitor);
    tg_session_monitor_ended(agent, session);
    assert_int_equal(session->pidfd, -1);
    assert_int_equal(turn_after(fixture, 0), HANGUP_MS);
    (void)turn_after(fixture, HANGUP_MS);
    assert_int_equal(wait_for_end(left), SIGHUP);
    (void)turn_after(fixture, 20);
    assert_last_event(fixture, "\"session_closed\"", "\"1 process was left behind and ended\"");
    /* The service counted it: the record stays until that knows. */
    assert_int_equal(agent->sessions.count, 1);
    assert_int_equal(agent->sessions.list[0].ended, agent->now);
    reap(left);
}

static void test_a_monitor_that_does_not_finish(void **state)
{
    const struct fixture *fixture = *state;
    struct tg_agent *agent = fixture->agent;
    pid_t monitor = start_child(CHILD_STUBBORN);
    show(fixture, monitor, 5, 0);
    tg_session_end(agent, add_session(fixture, monitor, 5, 0), TG_allowed, "");
    (void)turn_after(fixture, 1999);
    assert_true(is_alive(monitor));
    (void)turn_after(fixture, 1);
    (void)turn_after(fixture, HANGUP_MS);
    (void)turn_after(fixture, TERMINATE_MS);
    assert_int_equal(wait_for_end(monitor), SIGKILL);
    reap(monitor);
    (void)turn_after(fixture, 20);
    assert_int_equal(agent->sessions.count, 0);
}

/* Its pid, and a descendant's, belong to others by now. */
static void test_a_reused_pid_is_not_hit(void **state)
{
    const struct fixture *fixture = *state;
    struct tg_agent *agent = fixture->agent;
    pid_t innocent = start_child(CHILD_MEEK);
    show(fixture, innocent, TG_AUDIT_UNSET, 20001);
    struct tg_session *session = add_session(fixture, innocent, 5, 0);
    session->monitor.start--;
    tg_session_monitor_ended(agent, session);
    (void)turn_after(fixture, HANGUP_MS);
    assert_int_equal(agent->sessions.count, 0);
    assert_last_event(fixture, "\"session_closed\"", "its sshd process ended without closing it");
    assert_true(is_alive(innocent));
    reap(innocent);
}

/* A listener that somebody started in a session passes its audit id on where pam_loginuid is missing. */
static void test_an_audit_id_that_is_the_listeners(void **state)
{
    const struct fixture *fixture = *state;
    struct tg_agent *agent = fixture->agent;
    pid_t monitor = start_child(CHILD_MEEK);
    pid_t other = start_child(CHILD_MEEK);
    show(fixture, getpid(), 5, 0); /* the parent of both */
    show(fixture, monitor, 5, 0);
    show(fixture, other, 5, 0);
    tg_session_end(agent, add_session(fixture, monitor, 5, 0), TG_ticket_revoked, "");
    (void)turn_after(fixture, 0);
    (void)turn_after(fixture, HANGUP_MS);
    assert_int_equal(wait_for_end(monitor), SIGTERM);
    (void)turn_after(fixture, 20);
    assert_int_equal(agent->sessions.count, 0);
    assert_true(is_alive(other));
    reap(monitor);
    reap(other);
}

static void remember_account(struct tg_agent *agent, uint32_t uid)
{
    agent->accounts.list = calloc(1, sizeof *agent->accounts.list);
    assert_non_null(agent->accounts.list);
    agent->accounts.list[0].uid = uid;
    agent->accounts.count = agent->accounts.size = 1;
}

/* systemd is slow, and the session's own scope is not there at the first look. */
static void test_a_scope_that_comes_late(void **state)
{
    const struct fixture *fixture = *state;
    struct tg_agent *agent = fixture->agent;
    pid_t monitor = start_child(CHILD_MEEK);
    show(fixture, monitor, 5, 0);
    show(fixture, getpid(), 4, 0);
    write_process_file(fixture->proc, monitor, "cgroup", "0::/system.slice/ssh.service\n");
    write_process_file(fixture->proc, getpid(), "cgroup", "0::/system.slice/ssh.service\n");
    struct tg_session *session = add_session(fixture, monitor, 5, 20001);
    for (int i = 0; i < 5; i++) {
        agent->now += 1;
        assert_true(turn_after(fixture, 1000) > 0);
    }
    assert_string_equal(session->cgroup, "");
    write_process_file(fixture->proc, monitor, "cgroup", "0::/user.slice/session-5.scope\n");
    for (int i = 0; i < 10; i++) {
        agent->now += 1;
        (void)turn_after(fixture, 1000);
    }
    assert_string_equal(session->cgroup, "/user.slice/session-5.scope");
    reap(monitor);
}

static void test_sweep(void **state)
{
    const struct fixture *fixture = *state;
    struct tg_agent *agent = fixture->agent;
    pid_t job = start_child(CHILD_STUBBORN);
    pid_t other = start_child(CHILD_MEEK);
    show(fixture, job, 9, 20001);
    show(fixture, other, 9, 20002);
    remember_account(agent, 20001);
    (void)turn_after(fixture, 0);
    (void)turn_after(fixture, HANGUP_MS);
    (void)turn_after(fixture, TERMINATE_MS);
    assert_int_equal(wait_for_end(job), SIGKILL);
    reap(job);
    assert_true(turn_after(fixture, 20) > 1000);
    /* Again a minute later. */
    pid_t later = start_child(CHILD_MEEK);
    show(fixture, later, 9, 20001);
    (void)turn_after(fixture, 1000);
    assert_true(is_alive(later));
    (void)turn_after(fixture, 60000);
    assert_int_equal(wait_for_end(later), SIGHUP);
    reap(later);
    assert_true(is_alive(other));
    reap(other);
    tg_accounts_free(&agent->accounts);
}

static void test_sweep_spares(void **state)
{
    const struct fixture *fixture = *state;
    struct tg_agent *agent = fixture->agent;
    pid_t local = start_child(CHILD_MEEK);
    pid_t opens = start_child(CHILD_STUBBORN);
    write_file(fixture->passwd, "carol:x:20001:20001::/:/bin/sh\n");
    show(fixture, local, 9, 20001);
    tg_sweep(agent, 20001);
    tg_sweep(agent, 0);
    (void)turn_after(fixture, 0);
    (void)turn_after(fixture, 1000);
    assert_true(is_alive(local));
    /* A session opens while its account is swept. */
    show(fixture, opens, 9, 20002);
    tg_sweep(agent, 20002);
    (void)turn_after(fixture, 0);
    (void)turn_after(fixture, HANGUP_MS);
    (void)add_session(fixture, opens, 9, 20002);
    (void)turn_after(fixture, TERMINATE_MS);
    (void)turn_after(fixture, TERMINATE_MS);
    assert_true(is_alive(opens));
    reap(local);
    reap(opens);
}

/* --- Groups of what is in no session
 * ------------------------------------------------------------------------------------------------ */

static void take_ticket(struct tg_agent *agent, const char *changes)
{
    struct tg_error error = {.text = ""};
    char *text = world_ticket_text(changes);
    struct tg_update_ticket offered = {
        .well_formed = true, .document = tg_bytes_of_text(text), .state = TG_TICKET_APPROVED};
    if (tg_tickets_take(&agent->tickets, NULL, "ops1", INT64_MAX, &offered, NULL, NULL, &error) !=
        TG_INTAKE_CHANGED)
        fail_msg("%s", error.text);
    free(text);
}

static struct tg_session *open_by_ticket(const struct fixture *fixture, pid_t monitor, uint32_t audit_id,
                                         const char *ticket)
{
    struct tg_session *session = add_session(fixture, monitor, audit_id, 20001);
    (void)snprintf(session->ticket, sizeof session->ticket, "%s", ticket);
    return session;
}

/* A real process in no session, with alice's uid. */
static pid_t start_stray(const struct fixture *fixture, enum child_kind kind, const char *groups)
{
    pid_t pid = start_child(kind);
    show(fixture, pid, 9, 20001);
    show_groups(fixture, pid, 20001, groups);
    return pid;
}

#define DOCKER_TICKET   "T-000000000000A"
#define OPERATOR_TICKET "T-000000000000B"

/* One session of alice's with docker (20200), another one with operator (20201). */
static void open_two(const struct fixture *fixture, pid_t docker, pid_t operator)
{
    struct tg_agent *agent = fixture->agent;
    agent->policy = world_policy("");
    assert_int_equal(tg_tickets_init(&agent->tickets), 0);
    take_ticket(agent, "id=\"" DOCKER_TICKET "\" groups=[\"docker\"]");
    take_ticket(agent, "id=\"" OPERATOR_TICKET "\" sudo=[\"operator\"]");
    show(fixture, docker, 5, 0);
    show(fixture, operator, 6, 0);
    (void)open_by_ticket(fixture, docker, 5, DOCKER_TICKET);
    (void)open_by_ticket(fixture, operator, 6, OPERATOR_TICKET);
}

static void end_session(const struct fixture *fixture, size_t index)
{
    tg_session_end(fixture->agent, &fixture->agent->sessions.list[index], TG_ticket_revoked, "");
    (void)turn_after(fixture, 0);
    (void)turn_after(fixture, HANGUP_MS);
}

static void test_groups_that_no_session_grants(void **state)
{
    const struct fixture *fixture = *state;
    struct tg_agent *agent = fixture->agent;
    pid_t docker = start_child(CHILD_MEEK);
    pid_t operator= start_child(CHILD_MEEK);
    pid_t inside = start_child(CHILD_MEEK);
    pid_t with_docker = start_stray(fixture, CHILD_MEEK, "27 20001 20200");
    pid_t with_operator = start_stray(fixture, CHILD_MEEK, "27 20001 20200 20201");
    pid_t stubborn = start_stray(fixture, CHILD_STUBBORN, "20201");
    pid_t another = start_stray(fixture, CHILD_MEEK, "20201");
    show(fixture, inside, 5, 20001);
    show_groups(fixture, inside, 20001, "20201");
    show_groups(fixture, another, 20002, "20201");
    open_two(fixture, docker, operator);
    /* As long as one of them grants it. */
    tg_sweep(agent, 20001);
    (void)turn_after(fixture, 100);
    assert_true(is_alive(with_operator));
    end_session(fixture, 1);
    assert_int_equal(wait_for_end(operator), SIGTERM);
    (void)turn_after(fixture, 20);
    assert_int_equal(agent->sessions.count, 1);
    (void)turn_after(fixture, 20);
    assert_int_equal(wait_for_end(with_operator), SIGHUP);
    assert_true(is_alive(stubborn));
    (void)turn_after(fixture, HANGUP_MS);
    (void)turn_after(fixture, TERMINATE_MS);
    assert_int_equal(wait_for_end(stubborn), SIGKILL);
    (void)turn_after(fixture, 20);
    (void)turn_after(fixture, 1000);
    assert_true(is_alive(docker) && is_alive(inside) && is_alive(with_docker) && is_alive(another));
    REAP_ALL(docker, operator, inside, with_docker, with_operator, stubborn, another);
}

/* The last session goes while the groups are looked after: then all go, and from the first signal on. */
static void test_groups_and_then_all(void **state)
{
    const struct fixture *fixture = *state;
    struct tg_agent *agent = fixture->agent;
    pid_t docker = start_child(CHILD_MEEK);
    pid_t operator= start_child(CHILD_MEEK);
    pid_t stubborn = start_stray(fixture, CHILD_STUBBORN, "20201");
    pid_t with_none = start_stray(fixture, CHILD_MEEK, "27 20001");
    open_two(fixture, docker, operator);
    end_session(fixture, 1);
    assert_int_equal(wait_for_end(operator), SIGTERM);
    (void)turn_after(fixture, 20);
    (void)turn_after(fixture, 20); /* SIGHUP */
    assert_true(is_alive(with_none));
    end_session(fixture, 0); /* SIGTERM */
    assert_int_equal(wait_for_end(docker), SIGTERM);
    (void)turn_after(fixture, 20);
    assert_int_equal(agent->sessions.count, 0);
    (void)turn_after(fixture, 0);
    assert_int_equal(wait_for_end(with_none), SIGHUP);
    assert_true(is_alive(stubborn));
    REAP_ALL(docker, operator, stubborn, with_none);
}

/* Nobody can say what is granted, or what a process has. */
static void test_groups_that_are_not_known(void **state)
{
    const struct fixture *fixture = *state;
    struct tg_agent *agent = fixture->agent;
    pid_t docker = start_child(CHILD_MEEK);
    pid_t operator= start_child(CHILD_MEEK);
    pid_t with_docker = start_stray(fixture, CHILD_MEEK, "20200");
    pid_t with_none = start_stray(fixture, CHILD_MEEK, "27 20001");
    pid_t with_many = start_stray(fixture, CHILD_MEEK, "");
    show_many_groups(fixture, with_many, 20001, 700);
    open_two(fixture, docker, operator);
    remember_account(agent, 20001);
    (void)turn_after(fixture, 0);
    (void)turn_after(fixture, 20);
    assert_int_equal(wait_for_end(with_many), SIGHUP);
    reap(with_many);
    (void)turn_after(fixture, HANGUP_MS);
    assert_true(is_alive(with_docker));
    tg_policy_free(agent->policy);
    agent->policy = NULL;
    (void)turn_after(fixture, 60000);
    (void)turn_after(fixture, 20);
    assert_int_equal(wait_for_end(with_docker), SIGHUP);
    assert_true(is_alive(with_none) && is_alive(docker) && is_alive(operator));
    REAP_ALL(docker, operator, with_docker, with_none);
    tg_accounts_free(&agent->accounts);
}

static void test_without_proc(void **state)
{
    const struct fixture *fixture = *state;
    struct tg_agent *agent = fixture->agent;
    pid_t monitor = start_child(CHILD_STUBBORN);
    show(fixture, monitor, 5, 0);
    tg_session_end(agent, add_session(fixture, monitor, 5, 0), TG_ticket_revoked, "");
    agent->proc_root = "/nonexistent";
    (void)turn_after(fixture, 0);
    assert_true(is_alive(monitor));
    (void)turn_after(fixture, 2 * HANGUP_MS + TERMINATE_MS);
    assert_int_equal(wait_for_end(monitor), SIGKILL);
    assert_int_equal(agent->sessions.count, 1);
    agent->proc_root = fixture->proc;
    (void)turn_after(fixture, 100);
    assert_int_equal(agent->sessions.count, 0);
    reap(monitor);
}

static void show_cgroup(const struct fixture *fixture, pid_t pid, const char *text)
{
    write_process_file(fixture->proc, pid, "cgroup", text);
}

/* The scope that systemd has made holds what has left the audit session; one that is the listener's too does
 * not count. */
static void test_scope(void **state)
{
    const struct fixture *fixture = *state;
    struct tg_agent *agent = fixture->agent;
    pid_t monitor = start_child(CHILD_MEEK);
    pid_t other_monitor = start_child(CHILD_MEEK);
    pid_t left = start_child(CHILD_MEEK);
    show(fixture, getpid(), TG_AUDIT_UNSET, 0); /* the listener */
    show(fixture, monitor, 5, 0);
    show(fixture, other_monitor, 6, 0);
    show(fixture, left, 9, 0);
    show_cgroup(fixture, getpid(), "0::/user.slice/session-1.scope\n");
    show_cgroup(fixture, monitor, "0::/user.slice/session-2.scope\n");
    show_cgroup(fixture, other_monitor, "0::/user.slice/session-1.scope\n");
    show_cgroup(fixture, left, "0::/user.slice/session-2.scope\n");
    (void)add_session(fixture, monitor, 5, 0);
    (void)add_session(fixture, other_monitor, 6, 0);
    agent->now += 2;
    (void)turn_after(fixture, 2000);
    assert_string_equal(agent->sessions.list[0].cgroup, "/user.slice/session-2.scope");
    assert_string_equal(agent->sessions.list[1].cgroup, "");
    tg_session_end(agent, &agent->sessions.list[0], TG_ticket_revoked, "");
    (void)turn_after(fixture, 0);
    assert_int_equal(wait_for_end(left), SIGHUP);
    assert_true(is_alive(other_monitor));
    reap(monitor);
    reap(other_monitor);
    reap(left);
}

/* A process of which only the made-up /proc says that it is still there. */
static void test_what_does_not_go(void **state)
{
    const struct fixture *fixture = *state;
    struct tg_agent *agent = fixture->agent;
    pid_t monitor = start_child(CHILD_MEEK);
    const struct made_up hanging = {
        .pid = INT32_MAX, .parent = monitor, .start = UINT32_MAX, .audit_id = "5"};
    show(fixture, monitor, 5, 0);
    make_up(fixture->proc, &hanging);
    tg_session_end(agent, add_session(fixture, monitor, 5, 0), TG_ticket_revoked, "");
    (void)turn_after(fixture, 0);
    (void)turn_after(fixture, HANGUP_MS);
    assert_int_equal(wait_for_end(monitor), SIGTERM);
    assert_int_equal(turn_after(fixture, TERMINATE_MS), 20);
    assert_int_equal(turn_after(fixture, 9000), 20);
    assert_in_range(turn_after(fixture, 1000), 900, 1000);
    assert_int_equal(agent->sessions.count, 1);
    reap(monitor);
}

/* --- Telling
 * --------------------------------------------------------------------------------------------- */

/* A child that has the terminal `name` as its own. */
static pid_t start_child_on(const char *name)
{
    int ready[2];
    char byte;
    assert_int_equal(pipe2(ready, O_CLOEXEC), 0);
    pid_t pid = fork();
    assert_true(pid >= 0);
    if (pid == 0) {
        (void)prctl(PR_SET_PDEATHSIG, SIGKILL);
        (void)setsid();
        if (open(name, O_RDWR | O_CLOEXEC) < 0 || write(ready[1], "r", 1) != 1)
            _exit(1);
        for (;;)
            (void)pause();
    }
    (void)close(ready[1]);
    assert_int_equal(read(ready[0], &byte, 1), 1);
    (void)close(ready[0]);
    return pid;
}

static void test_telling(void **state)
{
    const struct fixture *fixture = *state;
    struct tg_agent *agent = fixture->agent;
    struct tg_process_table table = {0};
    char text[128];
    int terminal = posix_openpt(O_RDWR | O_NOCTTY | O_NONBLOCK | O_CLOEXEC);
    assert_true(terminal >= 0 && grantpt(terminal) == 0 && unlockpt(terminal) == 0);
    pid_t shell = start_child_on(ptsname(terminal));
    pid_t other = start_child(CHILD_MEEK);
    show(fixture, shell, 5, getuid());
    show(fixture, other, 6, getuid());
    struct tg_session *session = add_session(fixture, shell, 5, 0);
    assert_int_equal(tg_process_table_scan(&table, fixture->proc), 0);
    assert_int_equal(tg_session_tell(agent, session, &table, "hello"), 0);
    agent->dev_root = "/dev";
    assert_int_equal(tg_session_tell(agent, session, &table, "hello"), 1);
    ssize_t length = read(terminal, text, sizeof text - 1);
    assert_true(length > 0);
    text[length] = '\0';
    assert_non_null(strstr(text, "\nhello\r"));
    /* Of another session, and of a terminal that is somebody else's. */
    session->audit_id = 6;
    session->monitor.pid = other;
    assert_int_equal(tg_session_tell(agent, session, &table, "hello"), 0);
    session->audit_id = 5;
    (void)snprintf(text, sizeof text, "Uid:\t%u\t%u\t%u\t%u\n", getuid() + 1, getuid(), getuid(), getuid());
    write_process_file(fixture->proc, shell, "status", text);
    assert_int_equal(tg_session_tell(agent, session, &table, "hello"), 0);
    assert_true(read(terminal, text, sizeof text) < 0);
    tg_process_table_free(&table);
    reap(shell);
    reap(other);
    (void)close(terminal);
}

static void test_texts(void **state)
{
    (void)state;
    struct tg_session session = {.ticket = "T-1", .ending = {.reason = TG_ticket_revoked}};
    char line[TG_LINE_SIZE];
    tg_warning_text(&session, 10, line, sizeof line);
    assert_string_equal(
        line, "Tegata: this session ends in 10 minutes (ticket T-1). To go on: tegata extend T-1 30m");
    tg_warning_text(&session, 1, line, sizeof line);
    assert_non_null(strstr(line, "in 1 minute ("));
    tg_ended_text(&session, line, sizeof line);
    assert_string_equal(line, "Tegata: session ended: the ticket was revoked (T-1)");
}

int main(void)
{
#define WITH_AGENT(test) cmocka_unit_test_setup_teardown(test, make_agent, remove_agent)
    const struct CMUnitTest tests[] = {
        WITH_AGENT(test_scan),
        cmocka_unit_test(test_scan_of_the_real_one),
        cmocka_unit_test(test_one_who_is_always_another),
        WITH_AGENT(test_cgroup),
        WITH_AGENT(test_groups),
        WITH_AGENT(test_claims),
        WITH_AGENT(test_claims_are_remembered),
        WITH_AGENT(test_a_revoked_session),
        WITH_AGENT(test_what_a_closed_session_leaves_behind),
        WITH_AGENT(test_a_monitor_that_does_not_finish),
        WITH_AGENT(test_a_reused_pid_is_not_hit),
        WITH_AGENT(test_an_audit_id_that_is_the_listeners),
        WITH_AGENT(test_a_scope_that_comes_late),
        WITH_AGENT(test_sweep),
        WITH_AGENT(test_sweep_spares),
        WITH_AGENT(test_groups_that_no_session_grants),
        WITH_AGENT(test_groups_and_then_all),
        WITH_AGENT(test_groups_that_are_not_known),
        WITH_AGENT(test_without_proc),
        WITH_AGENT(test_scope),
        WITH_AGENT(test_what_does_not_go),
        WITH_AGENT(test_telling),
        cmocka_unit_test(test_texts),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
