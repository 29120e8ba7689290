/* SPDX-License-Identifier: BSD-2-Clause
 *
 * The NSS module as glibc sees it: loaded with dlopen(), its functions found by name. The module under test
 * is built from the same sources as the real one, but reads files in TG_TEST_NSS_DIRECTORY. What a program
 * may do to a guest is done in child processes.
 */
#include "lib/roster.h"
#include "lib/roster_format.h"
#include "nss/nss_tegata.h"
#include "tests/unit/roster_sample.h"

#include <dirent.h>
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/seccomp.h>
#include <pthread.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include <cmocka.h>

#define ROSTER TG_TEST_NSS_DIRECTORY "/roster"
#define PASSWD TG_TEST_NSS_DIRECTORY "/passwd"

enum { BUFFER = 1024 };

/* The module's functions, as dlsym() finds them. */
static struct {
    __typeof__(&_nss_tegata_getpwnam_r) getpwnam;
    __typeof__(&_nss_tegata_getpwuid_r) getpwuid;
    __typeof__(&_nss_tegata_setpwent) setpwent;
    __typeof__(&_nss_tegata_getpwent_r) getpwent;
    __typeof__(&_nss_tegata_endpwent) endpwent;
    __typeof__(&_nss_tegata_getgrnam_r) getgrnam;
    __typeof__(&_nss_tegata_getgrgid_r) getgrgid;
    __typeof__(&_nss_tegata_setgrent) setgrent;
    __typeof__(&_nss_tegata_getgrent_r) getgrent;
    __typeof__(&_nss_tegata_endgrent) endgrent;
    __typeof__(&_nss_tegata_initgroups_dyn) initgroups;
} nss;

static uint64_t generation;

static void publish(void)
{
    struct tg_roster_user users[4];
    struct tg_roster roster = sample_roster(users, ++generation, time(NULL));
    struct tg_error error;
    if (tg_roster_write(ROSTER, &roster, &error) != 0)
        fail_msg("%s", error.text);
}

static int load_module(void **state)
{
    (void)state;
    void *module = dlopen(TG_TEST_NSS_MODULE, RTLD_NOW | RTLD_LOCAL);
    if (module == NULL)
        return -1;
    nss.getpwnam = dlsym(module, "_nss_tegata_getpwnam_r");
    nss.getpwuid = dlsym(module, "_nss_tegata_getpwuid_r");
    nss.setpwent = dlsym(module, "_nss_tegata_setpwent");
    nss.getpwent = dlsym(module, "_nss_tegata_getpwent_r");
    nss.endpwent = dlsym(module, "_nss_tegata_endpwent");
    nss.getgrnam = dlsym(module, "_nss_tegata_getgrnam_r");
    nss.getgrgid = dlsym(module, "_nss_tegata_getgrgid_r");
    nss.setgrent = dlsym(module, "_nss_tegata_setgrent");
    nss.getgrent = dlsym(module, "_nss_tegata_getgrent_r");
    nss.endgrent = dlsym(module, "_nss_tegata_endgrent");
    nss.initgroups = dlsym(module, "_nss_tegata_initgroups_dyn");
    if (mkdir(TG_TEST_NSS_DIRECTORY, 0755) != 0 && errno != EEXIST)
        return -1;
    return chmod(TG_TEST_NSS_DIRECTORY, 0755);
}

static int remove_files(void **state)
{
    (void)state;
    (void)unlink(ROSTER);
    (void)unlink(PASSWD);
    (void)rmdir(TG_TEST_NSS_DIRECTORY);
    return 0;
}

static enum nss_status find(const char *name, struct passwd *result, int *error)
{
    static _Thread_local char buffer[BUFFER];
    *error = 0;
    return nss.getpwnam(name, result, buffer, sizeof buffer, error);
}

/* Comes first, while nothing is published. */
static void test_missing_is_unavailable(void **state)
{
    (void)state;
    struct passwd user;
    struct group group;
    char buffer[BUFFER];
    gid_t *gids = NULL;
    long int used = 0, size = 0;
    int error = 0;
    (void)unlink(ROSTER);
    assert_int_equal(find("alice", &user, &error), NSS_STATUS_UNAVAIL);
    assert_int_equal(error, ENOENT);
    assert_int_equal(nss.getpwuid(ALICE, &user, buffer, BUFFER, &error), NSS_STATUS_UNAVAIL);
    assert_int_equal(nss.getpwent(&user, buffer, BUFFER, &error), NSS_STATUS_UNAVAIL);
    assert_int_equal(nss.getgrnam("ops", &group, buffer, BUFFER, &error), NSS_STATUS_UNAVAIL);
    assert_int_equal(nss.getgrgid(OPS, &group, buffer, BUFFER, &error), NSS_STATUS_UNAVAIL);
    assert_int_equal(nss.getgrent(&group, buffer, BUFFER, &error), NSS_STATUS_UNAVAIL);
    assert_int_equal(nss.initgroups("alice", ALICE, &used, &size, &gids, -1, &error), NSS_STATUS_UNAVAIL);
    assert_null(gids);
    int fd = open(ROSTER, O_WRONLY | O_CREAT | O_CLOEXEC, 0644);
    assert_int_equal(write(fd, "damaged", 7), 7);
    close(fd);
    assert_int_equal(find("alice", &user, &error), NSS_STATUS_UNAVAIL);
    assert_int_equal(error, EBADMSG);
}

static void test_passwd(void **state)
{
    (void)state;
    struct passwd user;
    char buffer[BUFFER];
    int error = 0;
    publish();
    errno = 77;
    assert_int_equal(find("alice", &user, &error), NSS_STATUS_SUCCESS);
    assert_int_equal(errno, 77);
    assert_string_equal(user.pw_name, "alice");
    assert_string_equal(user.pw_passwd, "*");
    assert_int_equal(user.pw_uid, ALICE);
    assert_int_equal(user.pw_gid, ALICE);
    assert_string_equal(user.pw_gecos, "Alice \xc3\x84");
    assert_string_equal(user.pw_dir, "/home/alice");
    assert_string_equal(user.pw_shell, "/bin/bash");
    assert_int_equal(nss.getpwuid(BOB, &user, buffer, BUFFER, &error), NSS_STATUS_SUCCESS);
    assert_string_equal(user.pw_name, "bob");
    assert_int_equal(find("old", &user, &error), NSS_STATUS_SUCCESS);
    assert_string_equal(user.pw_shell, "/usr/sbin/nologin");
    assert_int_equal(find("gone", &user, &error), NSS_STATUS_NOTFOUND);
    assert_int_equal(error, ENOENT);
    assert_int_equal(find("Alice", &user, &error), NSS_STATUS_NOTFOUND);
    assert_int_equal(nss.getpwuid(0, &user, buffer, BUFFER, &error), NSS_STATUS_NOTFOUND);
}

static void test_group(void **state)
{
    (void)state;
    struct group group;
    char buffer[BUFFER];
    int error = 0;
    publish();
    assert_int_equal(nss.getgrnam("ops", &group, buffer, BUFFER, &error), NSS_STATUS_SUCCESS);
    assert_string_equal(group.gr_name, "ops");
    assert_string_equal(group.gr_passwd, "*");
    assert_int_equal(group.gr_gid, OPS);
    assert_null(group.gr_mem[0]); /* though alice and bob are in it: see nss/group.c */
    assert_int_equal(nss.getgrgid(ALICE, &group, buffer, BUFFER, &error), NSS_STATUS_SUCCESS);
    assert_string_equal(group.gr_name, "alice");
    assert_null(group.gr_mem[0]);
    assert_int_equal(nss.getgrgid(0, &group, buffer, BUFFER, &error), NSS_STATUS_NOTFOUND);
    assert_int_equal(nss.getgrnam("wheel", &group, buffer, BUFFER, &error), NSS_STATUS_NOTFOUND);
}

/* Every size that is too small asks for more; the first that fits is filled to the last byte. (The sanitizer
 * sees any byte beyond.) */
static void test_small_buffers(void **state)
{
    (void)state;
    static const size_t passwd_size =
        sizeof "alice" + sizeof "*" + sizeof "Alice \xc3\x84" + sizeof "/home/alice" + sizeof "/bin/bash";
    static const size_t group_size = sizeof(char *) + sizeof "ops" + sizeof "*";
    publish();
    for (size_t size = 0; size <= passwd_size; size++) {
        struct passwd user;
        int error = 0;
        char *buffer = malloc(size == 0 ? 1 : size);
        enum nss_status status = nss.getpwnam("alice", &user, buffer, size, &error);
        assert_int_equal(status, size == passwd_size ? NSS_STATUS_SUCCESS : NSS_STATUS_TRYAGAIN);
        assert_int_equal(error, size == passwd_size ? 0 : ERANGE);
        free(buffer);
    }
    for (size_t odd = 0; odd < sizeof(char *); odd++) {
        size_t needed = odd == 0 ? group_size : group_size + sizeof(char *) - odd;
        for (size_t size = 0; size <= needed; size++) {
            struct group group;
            int error = 0;
            char *buffer = malloc(odd + size + 1);
            enum nss_status status = nss.getgrnam("ops", &group, buffer + odd, size, &error);
            assert_int_equal(status, size == needed ? NSS_STATUS_SUCCESS : NSS_STATUS_TRYAGAIN);
            assert_int_equal(error, size == needed ? 0 : ERANGE);
            free(buffer);
        }
    }
}

static void test_enumeration(void **state)
{
    (void)state;
    static const uint32_t uids[] = {ALICE, BOB, EXPIRED}, gids[] = {ALICE, BOB, EXPIRED, OPS, DATABASE};
    struct passwd user;
    struct group group;
    char buffer[BUFFER];
    int error = 0;
    for (int round = 0; round < 2; round++) {
        assert_int_equal(nss.setpwent(0), NSS_STATUS_SUCCESS);
        assert_int_equal(nss.setgrent(0), NSS_STATUS_SUCCESS);
        for (size_t i = 0; i < sizeof uids / sizeof uids[0]; i++) {
            assert_int_equal(nss.getpwent(&user, buffer, 3, &error), NSS_STATUS_TRYAGAIN);
            assert_int_equal(error, ERANGE);
            assert_int_equal(nss.getpwent(&user, buffer, BUFFER, &error), NSS_STATUS_SUCCESS);
            assert_int_equal(user.pw_uid, uids[i]);
            publish(); /* a replacement in between neither repeats nor skips anybody */
        }
        for (size_t i = 0; i < sizeof gids / sizeof gids[0]; i++) {
            assert_int_equal(nss.getgrent(&group, buffer, 3, &error), NSS_STATUS_TRYAGAIN);
            assert_int_equal(nss.getgrent(&group, buffer, BUFFER, &error), NSS_STATUS_SUCCESS);
            assert_int_equal(group.gr_gid, gids[i]);
        }
        assert_int_equal(nss.getpwent(&user, buffer, BUFFER, &error), NSS_STATUS_NOTFOUND);
        assert_int_equal(nss.getgrent(&group, buffer, BUFFER, &error), NSS_STATUS_NOTFOUND);
    }
    assert_int_equal(nss.endpwent(), NSS_STATUS_SUCCESS);
    assert_int_equal(nss.endgrent(), NSS_STATUS_SUCCESS);
}

static void test_initgroups(void **state)
{
    (void)state;
    static const struct {
        const char *user;
        gid_t primary;
        long int room, limit;
        enum nss_status status;
        long int used;
    } cases[] = {
        {"alice", ALICE, 16, -1, NSS_STATUS_SUCCESS, 3},     {"alice", ALICE, 1, -1, NSS_STATUS_SUCCESS, 3},
        {"alice", ALICE, 1, 0, NSS_STATUS_SUCCESS, 3},       {"alice", ALICE, 1, 2, NSS_STATUS_SUCCESS, 2},
        {"alice", ALICE, 1, 1, NSS_STATUS_SUCCESS, 1},       {"alice", ALICE, 1, 100, NSS_STATUS_SUCCESS, 3},
        {"bob", BOB, 1, -1, NSS_STATUS_SUCCESS, 2},          {"alice", BOB, 16, -1, NSS_STATUS_NOTFOUND, 1},
        {"alice", 0, 16, -1, NSS_STATUS_NOTFOUND, 1},        {"old", EXPIRED, 16, -1, NSS_STATUS_NOTFOUND, 1},
        {"gone", FORGOTTEN, 16, -1, NSS_STATUS_NOTFOUND, 1}, {"root", 0, 16, -1, NSS_STATUS_NOTFOUND, 1},
    };
    publish();
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        long int used = 1, size = cases[i].room;
        int error = 0;
        gid_t *gids = calloc((size_t)size, sizeof *gids);
        gids[0] = cases[i].primary;
        enum nss_status status =
            nss.initgroups(cases[i].user, cases[i].primary, &used, &size, &gids, cases[i].limit, &error);
        assert_int_equal(status, cases[i].status);
        assert_int_equal(used, cases[i].used);
        assert_true(used <= size && (cases[i].limit <= 0 || size <= cases[i].limit));
        assert_int_equal(gids[0], cases[i].primary);
        if (used == 3)
            assert_true(gids[1] == OPS && gids[2] == DATABASE);
        free(gids);
    }
}

/* --- What the programs around it do
 * --------------------------------------------------------------------------------- */

/* Runs `act` in a child, which must come to true. */
static void in_child(bool (*act)(void))
{
    pid_t child = fork();
    assert_true(child >= 0);
    if (child == 0)
        syscall(SYS_exit, act() ? 0 : 1);
    int status = 0;
    assert_int_equal(waitpid(child, &status, 0), child);
    assert_int_equal(status, 0);
}

static bool finds_alice(void)
{
    struct passwd user;
    int error = 0;
    return find("alice", &user, &error) == NSS_STATUS_SUCCESS && user.pw_uid == ALICE;
}

static bool no_fd_is_open(void)
{
    for (int fd = 0; fd < 1024; fd++) {
        if (fcntl(fd, F_GETFD) != -1)
            return false;
    }
    return true;
}

static bool without_fds(void)
{
    closefrom(0);
    publish();
    return finds_alice() && no_fd_is_open() && finds_alice();
}

static bool with_three_fds(void)
{
    struct rlimit three = {3, 3};
    closefrom(0);
    publish();
    return setrlimit(RLIMIT_NOFILE, &three) == 0 && finds_alice() && no_fd_is_open();
}

/* 0 to 2 are open and there may be no more: what is held is served; what would have to be read is not
 * available. */
static bool with_no_fd_to_spare(void)
{
    struct rlimit three = {3, 1024}, more = {1024, 1024};
    struct passwd user;
    int error = 0;
    if (setrlimit(RLIMIT_NOFILE, &three) != 0 || !finds_alice())
        return false;
    if (setrlimit(RLIMIT_NOFILE, &more) != 0)
        return false;
    publish();
    if (setrlimit(RLIMIT_NOFILE, &three) != 0 || find("alice", &user, &error) != NSS_STATUS_UNAVAIL ||
        error != EMFILE)
        return false;
    return setrlimit(RLIMIT_NOFILE, &more) == 0 && finds_alice();
}

static bool with_children_ignored(void)
{
    publish();
    return signal(SIGCHLD, SIG_IGN) != SIG_ERR && finds_alice();
}

static bool without_memory(void)
{
    struct rlimit none = {1, RLIM_INFINITY}, all = {RLIM_INFINITY, RLIM_INFINITY};
    struct passwd user;
    int error = 0;
    publish();
    if (setrlimit(RLIMIT_AS, &none) != 0 || find("alice", &user, &error) != NSS_STATUS_UNAVAIL ||
        error != ENOMEM)
        return false;
    return setrlimit(RLIMIT_AS, &all) == 0 && finds_alice();
}

/* In seccomp's strict mode any system call but read(), write() and exit() is death: in the steady state there
 * is none. */
static bool without_system_calls(void)
{
    struct passwd user;
    struct group group;
    char buffer[BUFFER];
    int error = 0;
    if (!finds_alice() || prctl(PR_SET_SECCOMP, SECCOMP_MODE_STRICT) != 0)
        return false;
    for (int i = 0; i < 1000; i++) {
        if (nss.getpwnam("alice", &user, buffer, BUFFER, &error) != NSS_STATUS_SUCCESS ||
            nss.getpwuid(BOB, &user, buffer, BUFFER, &error) != NSS_STATUS_SUCCESS ||
            nss.getpwnam("nobody-here", &user, buffer, BUFFER, &error) != NSS_STATUS_NOTFOUND ||
            nss.getgrnam("ops", &group, buffer, BUFFER, &error) != NSS_STATUS_SUCCESS ||
            nss.getgrgid(DATABASE, &group, buffer, BUFFER, &error) != NSS_STATUS_SUCCESS)
            return false;
    }
    return true;
}

/* A child of fork() has the parent's view, and sees what is published after. */
static bool after_fork(void)
{
    struct passwd user;
    int error = 0;
    if (!finds_alice())
        return false;
    struct tg_roster_user users[4];
    struct tg_roster roster = sample_roster(users, ++generation, time(NULL));
    users[1].name = "alicia";
    if (tg_roster_write(ROSTER, &roster, NULL) != 0)
        return false;
    return find("alicia", &user, &error) == NSS_STATUS_SUCCESS &&
           find("alice", &user, &error) == NSS_STATUS_NOTFOUND;
}

static void test_guests_life(void **state)
{
    (void)state;
    static bool (*const acts[])(void) = {
        without_fds,    with_three_fds,       with_no_fd_to_spare, with_children_ignored,
        without_memory, without_system_calls, after_fork,
    };
    for (size_t i = 0; i < sizeof acts / sizeof acts[0]; i++) {
        publish();
        assert_true(finds_alice());
        in_child(acts[i]);
    }
}

static size_t open_fds(void)
{
    size_t count = 0;
    DIR *directory = opendir("/proc/self/fd");
    while (readdir(directory) != NULL)
        count++;
    (void)closedir(directory);
    return count;
}

static void test_keeps_no_fd(void **state)
{
    (void)state;
    size_t before = open_fds();
    for (int i = 0; i < 50; i++) {
        publish();
        assert_true(finds_alice());
    }
    assert_int_equal(open_fds(), before);
}

/* Threads look up while the roster is replaced all the time. */
static _Atomic bool stop;
static _Atomic uint32_t wrong;

static void *look_on(void *unused)
{
    (void)unused;
    while (!stop)
        wrong += !finds_alice();
    return NULL;
}

static void test_threads(void **state)
{
    (void)state;
    pthread_t threads[4];
    publish();
    for (size_t i = 0; i < 4; i++)
        assert_int_equal(pthread_create(&threads[i], NULL, look_on, NULL), 0);
    for (int i = 0; i < 200; i++)
        publish();
    stop = true;
    for (size_t i = 0; i < 4; i++)
        assert_int_equal(pthread_join(threads[i], NULL), 0);
    assert_int_equal(wrong, 0);
}

static void test_local_user_is_never_served(void **state)
{
    (void)state;
    struct passwd user;
    int error = 0;
    int fd = open(PASSWD, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0644);
    assert_int_equal(write(fd, "alice:x:1000:1000::/:/bin/sh\n", 29), 29);
    close(fd);
    publish();
    assert_int_equal(find("alice", &user, &error), NSS_STATUS_NOTFOUND);
    assert_int_equal(find("bob", &user, &error), NSS_STATUS_SUCCESS);
    assert_int_equal(unlink(PASSWD), 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_missing_is_unavailable),
        cmocka_unit_test(test_passwd),
        cmocka_unit_test(test_group),
        cmocka_unit_test(test_small_buffers),
        cmocka_unit_test(test_enumeration),
        cmocka_unit_test(test_initgroups),
        cmocka_unit_test(test_guests_life),
        cmocka_unit_test(test_keeps_no_fd),
        cmocka_unit_test(test_threads),
        cmocka_unit_test(test_local_user_is_never_served),
    };
    return cmocka_run_group_tests(tests, load_module, remove_files);
}
