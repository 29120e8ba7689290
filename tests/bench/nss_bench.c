/* SPDX-License-Identifier: BSD-2-Clause
 *
 * How long NSS modules take for a lookup. tests/bench/nss_bench.sh lays the files out in a namespace of its
 * own and prints the table.
 *
 *     nss_bench prepare DIRECTORY COUNT      the same COUNT users for every module: our roster, passwd,
 * userdb/, extrausers/ nss_bench measure MODULE PREFIX COUNT  prints nanoseconds by name, by uid, and for
 * names that nobody has nss_bench steady MODULE PREFIX LOOKUPS COUNT  one lookup, a mark on stderr, LOOKUPS
 * lookups, a mark (for strace)
 */
#include "lib/roster.h"
#include "nss/nss_tegata.h"

#include <dlfcn.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

enum {
    FIRST = 100000,
    BATCH = 64,
    NANOSECONDS = 1000000000,
    ENOUGH = 300000000, /* nanoseconds for one number */
};

typedef __typeof__(&_nss_tegata_getpwnam_r) by_name;
typedef __typeof__(&_nss_tegata_getpwuid_r) by_uid;

struct module {
    by_name getpwnam;
    by_uid getpwuid;
};

/* One lookup of the number'th user; true if it came out as it should. */
typedef bool look(const struct module *module, uint32_t number);

static bool look_name(const struct module *module, uint32_t number)
{
    struct passwd user;
    char name[32], buffer[1024];
    int error = 0;
    (void)snprintf(name, sizeof name, "user%u", number);
    return module->getpwnam(name, &user, buffer, sizeof buffer, &error) == NSS_STATUS_SUCCESS &&
           user.pw_uid == FIRST + number;
}

static bool look_uid(const struct module *module, uint32_t number)
{
    struct passwd user;
    char buffer[1024];
    int error = 0;
    return module->getpwuid(FIRST + number, &user, buffer, sizeof buffer, &error) == NSS_STATUS_SUCCESS &&
           user.pw_uid == FIRST + number;
}

static bool look_miss(const struct module *module, uint32_t number)
{
    struct passwd user;
    char name[32], buffer[1024];
    int error = 0;
    (void)snprintf(name, sizeof name, "absent%u", number);
    return module->getpwnam(name, &user, buffer, sizeof buffer, &error) == NSS_STATUS_NOTFOUND;
}

/* The cost of making up the name, to be taken off. */
static bool look_nowhere(const struct module *module, uint32_t number)
{
    char name[32];
    (void)module;
    (void)snprintf(name, sizeof name, "user%u", number);
    __asm__ volatile("" : : "r"(name) : "memory");
    return true;
}

static int64_t monotonic(void)
{
    struct timespec now;
    (void)clock_gettime(CLOCK_MONOTONIC, &now);
    return (int64_t)now.tv_sec * NANOSECONDS + now.tv_nsec;
}

/* Nanoseconds for one lookup, of users in no order; -1 if one came out wrong. */
static double measure(const struct module *module, look *look_up, uint32_t count)
{
    uint64_t number = 1, done = 0;
    int64_t began = monotonic(), taken = 0;
    /* A clock read for every lookup of a slow module, and for every 64 of a fast one. */
    for (uint64_t batch = 1; taken < ENOUGH; batch = taken < (int64_t)done * 10000 ? BATCH : 1) {
        for (uint64_t i = 0; i < batch; i++) {
            number = number * 6364136223846793005u + 1442695040888963407u;
            if (!look_up(module, (uint32_t)((number >> 33) % count)))
                return -1;
        }
        done += batch;
        taken = monotonic() - began;
    }
    return (double)taken / (double)done;
}

static bool load(const char *path, const char *prefix, struct module *module)
{
    char name[128];
    void *library = dlopen(path, RTLD_NOW);
    if (library == NULL)
        return false;
    (void)snprintf(name, sizeof name, "%sgetpwnam_r", prefix);
    module->getpwnam = dlsym(library, name);
    (void)snprintf(name, sizeof name, "%sgetpwuid_r", prefix);
    module->getpwuid = dlsym(library, name);
    return module->getpwnam != NULL && module->getpwuid != NULL;
}

static int run_measure(const char *path, const char *prefix, uint32_t count)
{
    struct module module;
    if (!load(path, prefix, &module)) {
        (void)fprintf(stderr, "nss_bench: %s\n", dlerror());
        return 1;
    }
    double nothing = measure(&module, look_nowhere, count);
    double name = measure(&module, look_name, count);
    double uid = measure(&module, look_uid, count);
    double miss = measure(&module, look_miss, count);
    if (name < 0 || uid < 0 || miss < 0) {
        (void)fprintf(stderr, "nss_bench: %s answers wrongly\n", path);
        return 1;
    }
    (void)printf("%.1f %.1f %.1f\n", name - nothing, uid, miss - nothing);
    return 0;
}

static void mark(const char *text)
{
    ssize_t ignored = write(STDERR_FILENO, text, strlen(text));
    (void)ignored;
}

static int run_steady(const char *path, const char *prefix, uint32_t lookups, uint32_t count)
{
    struct module module;
    bool sound = load(path, prefix, &module) && look_name(&module, 0);
    mark("steady begins\n");
    for (uint32_t i = 0; i < lookups; i++)
        sound =
            sound && look_name(&module, i % count) && look_uid(&module, i % count) && look_miss(&module, i);
    mark("steady ends\n");
    return sound ? 0 : 1;
}

static FILE *create(const char *directory, const char *name)
{
    char path[1024];
    (void)snprintf(path, sizeof path, "%s/%s", directory, name);
    FILE *file = fopen(path, "we");
    if (file == NULL) {
        perror(path);
        exit(1);
    }
    return file;
}

static void prepare_passwd(const char *directory, const char *name, uint32_t count)
{
    FILE *file = create(directory, name);
    (void)fputs("root:x:0:0:root:/root:/bin/bash\n", file);
    for (uint32_t i = 0; i < count; i++)
        (void)fprintf(file, "user%u:*:%u:%u:User %u:/home/user%u:/bin/bash\n", i, FIRST + i, FIRST + i, i, i);
    (void)fclose(file);
}

/* The static records of nss-systemd(8). */
static void prepare_userdb(const char *directory, uint32_t count)
{
    char name[64], link[600];
    for (uint32_t i = 0; i < count; i++) {
        (void)snprintf(name, sizeof name, "user%u.user", i);
        FILE *file = create(directory, name);
        (void)fprintf(file,
                      "{\"userName\":\"user%u\",\"uid\":%u,\"gid\":%u,\"realName\":\"User "
                      "%u\",\"homeDirectory\":\"/home/user%u\","
                      "\"shell\":\"/bin/bash\",\"disposition\":\"regular\"}\n",
                      i, FIRST + i, FIRST + i, i, i);
        (void)fclose(file);
        (void)snprintf(link, sizeof link, "%s/%u.user", directory, FIRST + i);
        if (symlink(name, link) != 0)
            perror(link);
    }
}

static int prepare_roster(const char *path, uint32_t count)
{
    enum { WIDTH = 32 };
    struct tg_roster_user *users = calloc(count, sizeof *users);
    char(*texts)[3][WIDTH] = calloc(count, sizeof *texts);
    int64_t later = time(NULL) + 86400;
    struct tg_error error = {0};
    if (users == NULL || texts == NULL)
        return 1;
    for (uint32_t i = 0; i < count; i++) {
        (void)snprintf(texts[i][0], WIDTH, "user%u", i);
        (void)snprintf(texts[i][1], WIDTH, "User %u", i);
        (void)snprintf(texts[i][2], WIDTH, "/home/user%u", i);
        users[i] = (struct tg_roster_user){
            texts[i][0], FIRST + i, texts[i][1], texts[i][2], "/bin/bash", later, later, NULL, 0};
    }
    struct tg_roster roster = {
        .generation = tg_roster_generation(path) + 1, .users = users, .user_count = count};
    int status = tg_roster_write(path, &roster, &error);
    if (status != 0)
        (void)fprintf(stderr, "nss_bench: %s\n", error.text);
    free(texts);
    free(users);
    return status == 0 ? 0 : 1;
}

static int run_prepare(const char *directory, uint32_t count)
{
    char path[512];
    (void)mkdir(TG_TEST_NSS_DIRECTORY, 0755);
    (void)snprintf(path, sizeof path, "%s/extrausers", directory);
    (void)mkdir(path, 0755);
    prepare_passwd(directory, "passwd", count);
    prepare_passwd(path, "passwd", count);
    (void)snprintf(path, sizeof path, "%s/userdb", directory);
    (void)mkdir(path, 0755);
    prepare_userdb(path, count);
    return prepare_roster(TG_TEST_NSS_DIRECTORY "/roster", count);
}

static uint32_t number_of(const char *text)
{
    unsigned long number = strtoul(text, NULL, 10);
    return number >= 1 && number <= 100000000 ? (uint32_t)number : 1;
}

int main(int argc, char **argv)
{
    if (argc == 4 && strcmp(argv[1], "prepare") == 0)
        return run_prepare(argv[2], number_of(argv[3]));
    if (argc == 5 && strcmp(argv[1], "measure") == 0)
        return run_measure(argv[2], argv[3], number_of(argv[4]));
    if (argc == 6 && strcmp(argv[1], "steady") == 0)
        return run_steady(argv[2], argv[3], number_of(argv[4]), number_of(argv[5]));
    (void)fprintf(stderr, "usage: nss_bench prepare DIRECTORY COUNT | measure MODULE PREFIX COUNT | "
                          "steady MODULE PREFIX LOOKUPS COUNT\n");
    return 2;
}
