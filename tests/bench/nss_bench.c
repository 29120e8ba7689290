/* SPDX-License-Identifier: BSD-2-Clause
 *
 * How long NSS modules take for a lookup. tests/bench/nss_bench.sh lays the files out in a tree of its own
 * and prints the table.
 *
 *     nss_bench prepare DIRECTORY COUNT        the same COUNT users for every module: our roster, passwd,
 *                                              passwd.cache, userdb/, extrausers/
 *     nss_bench roster COUNT                   our roster alone
 *     nss_bench visit MODULE PREFIX COUNT      looks each user up once, for modules whose daemon keeps a
 * cache nss_bench measure MODULE PREFIX COUNT    the process's first lookup in microseconds; then nanoseconds
 * by name, by uid, of a name that nobody has, and by name of a few nss_bench memory COUNT nanoseconds for two
 * reads, the second where the first says, in as much memory as our roster of COUNT users takes nss_bench
 * steady MODULE PREFIX LOOKUPS COUNT   one lookup, a mark on stderr, LOOKUPS lookups, a mark (for strace)
 *
 * What is measured is the thread's own processor time, so that other work on the machine disturbs it little.
 * Where a module asks a daemon, the daemon's share is not in it.
 */
#include "lib/roster.h"
#include "nss/nss_tegata.h"

#include <dlfcn.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

enum {
    FIRST = 100000,
    BATCH = 256,
    FEW = 20,           /* users that are asked for again and again */
    ROUNDS = 9,         /* their median counts */
    ROUND = 20000000,   /* nanoseconds of a round, at least */
    ENTRY = 32,         /* bytes of an entry of passwd.cache's indices, with their newline */
    LINE = 64,          /* bytes of a cache line */
    BYTES_A_USER = 170, /* of our roster */
    HUGE_PAGE = 2 * 1024 * 1024,
};

typedef __typeof__(&_nss_tegata_getpwnam_r) by_name;
typedef __typeof__(&_nss_tegata_getpwuid_r) by_uid;

struct module {
    by_name getpwnam;
    by_uid getpwuid;
};

/* Whom to look up: the number'th user, or the number'th of those that are not there. */
struct question {
    char name[24];
    uint32_t number;
};

/* One lookup; true if it came out as it should. */
typedef bool look(const struct module *module, const struct question *question);

static bool look_name(const struct module *module, const struct question *question)
{
    struct passwd user;
    char buffer[1024];
    int error = 0;
    return module->getpwnam(question->name, &user, buffer, sizeof buffer, &error) == NSS_STATUS_SUCCESS &&
           user.pw_uid == FIRST + question->number;
}

static bool look_uid(const struct module *module, const struct question *question)
{
    struct passwd user;
    char buffer[1024];
    int error = 0;
    return module->getpwuid(FIRST + question->number, &user, buffer, sizeof buffer, &error) ==
               NSS_STATUS_SUCCESS &&
           user.pw_uid == FIRST + question->number;
}

static bool look_miss(const struct module *module, const struct question *question)
{
    struct passwd user;
    char buffer[1024];
    int error = 0;
    return module->getpwnam(question->name, &user, buffer, sizeof buffer, &error) == NSS_STATUS_NOTFOUND;
}

static struct question user_number(uint32_t number)
{
    struct question question = {.number = number};
    (void)snprintf(question.name, sizeof question.name, "user%u", number);
    return question;
}

static struct question absent_number(uint32_t number)
{
    struct question question = {.number = number};
    (void)snprintf(question.name, sizeof question.name, "absent%u", number);
    return question;
}

static int64_t used_time(void)
{
    struct timespec used;
    (void)clock_gettime(CLOCK_THREAD_CPUTIME_ID, &used);
    return (int64_t)used.tv_sec * 1000000000 + used.tv_nsec;
}

static uint32_t draw(uint64_t *state)
{
    *state = *state * 6364136223846793005u + 1442695040888963407u;
    return (uint32_t)(*state >> 33);
}

/* What is looked up in one row: questions about `distinct` of `count` users, in no order. */
struct task {
    look *look_up;
    struct question (*ask)(uint32_t number);
    uint32_t distinct;
    uint32_t count;
};

/* Nanoseconds for one lookup in one round; -1 if one came out wrong. The questions are made up outside of the
 * measured time, 1, 2, 4 ... and at most BATCH at once, which the processor's first cache holds. */
static double measure_round(const struct module *module, const struct task *task, uint64_t *state)
{
    struct question questions[BATCH];
    uint64_t done = 0;
    int64_t taken = 0;
    for (uint32_t batch = 1; taken < ROUND; batch = batch < BATCH ? 2 * batch : batch) {
        for (uint32_t i = 0; i < batch; i++)
            questions[i] = task->ask(draw(state) % task->distinct * (task->count / task->distinct));
        int64_t began = used_time();
        for (uint32_t i = 0; i < batch; i++) {
            if (!task->look_up(module, &questions[i]))
                return -1;
        }
        taken += used_time() - began;
        done += batch;
    }
    return (double)taken / (double)done;
}

static int compare_times(const void *a, const void *b)
{
    const double *first = a, *second = b;
    return (*first > *second) - (*first < *second);
}

static double measure(const struct module *module, const struct task *task)
{
    double times[ROUNDS];
    uint64_t state = 1;
    for (size_t i = 0; i < ROUNDS; i++)
        times[i] = measure_round(module, task, &state);
    qsort(times, ROUNDS, sizeof times[0], compare_times);
    return times[0] < 0 ? -1 : times[ROUNDS / 2];
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
    uint32_t some = count < FEW ? count : FEW;
    const struct question somebody = user_number(0);
    int64_t began = used_time();
    bool sound = look_name(&module, &somebody);
    double first = (double)(used_time() - began) / 1000;
    double name = measure(&module, &(struct task){look_name, user_number, count, count});
    double uid = measure(&module, &(struct task){look_uid, user_number, count, count});
    double miss = measure(&module, &(struct task){look_miss, absent_number, count, count});
    double few = measure(&module, &(struct task){look_name, user_number, some, count});
    if (!sound || name < 0 || uid < 0 || miss < 0 || few < 0) {
        (void)fprintf(stderr, "nss_bench: %s answers wrongly\n", path);
        return 1;
    }
    (void)printf("%.1f %.1f %.1f %.1f %.1f\n", first, name, uid, miss, few);
    return 0;
}

static int run_visit(const char *path, const char *prefix, uint32_t count)
{
    struct module module;
    bool sound = load(path, prefix, &module);
    for (uint32_t i = 0; sound && i < count; i++) {
        const struct question question = user_number(i);
        sound = look_name(&module, &question);
    }
    return sound ? 0 : 1;
}

/* A ring of cache lines, each of which names another at random. */
static uint32_t *make_lines(size_t size)
{
    uint32_t lines = (uint32_t)(size / LINE);
    uint64_t state = 1;
    uint32_t *memory = aligned_alloc(HUGE_PAGE, size);
    if (memory == NULL)
        return NULL;
    (void)madvise(memory, size, MADV_HUGEPAGE);
    for (uint32_t i = 0; i < lines; i++)
        memory[(size_t)i * (LINE / sizeof *memory)] = i;
    for (uint32_t i = lines - 1; i > 0; i--) {
        uint32_t *one = &memory[(size_t)i * (LINE / sizeof *memory)];
        uint32_t *other = &memory[(size_t)(draw(&state) % i) * (LINE / sizeof *memory)];
        uint32_t kept = *one;
        *one = *other;
        *other = kept;
    }
    return memory;
}

static int run_memory(uint32_t count)
{
    enum { READS = 200000 };
    double times[ROUNDS];
    size_t size = ((size_t)count * BYTES_A_USER / HUGE_PAGE + 1) * HUGE_PAGE;
    if (count * (size_t)BYTES_A_USER < HUGE_PAGE)
        size = ((size_t)count * BYTES_A_USER / LINE + 1) * LINE;
    const uint32_t *memory = make_lines(size);
    if (memory == NULL)
        return 1;
    uint32_t at = 0;
    for (size_t round = 0; round < ROUNDS; round++) {
        int64_t began = used_time();
        for (int i = 0; i < READS; i++)
            at = *(const volatile uint32_t *)&memory[(size_t)at * (LINE / sizeof *memory)];
        times[round] = 2.0 * (double)(used_time() - began) / READS;
    }
    qsort(times, ROUNDS, sizeof times[0], compare_times);
    (void)printf("%.1f\n", times[ROUNDS / 2]);
    free((void *)(uintptr_t)memory);
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
    const struct question somebody = user_number(0);
    bool sound = load(path, prefix, &module) && look_name(&module, &somebody);
    mark("steady begins\n");
    for (uint32_t i = 0; sound && i < lookups; i++) {
        const struct question user = user_number(i % count), nobody = absent_number(i);
        sound = look_name(&module, &user) && look_uid(&module, &user) && look_miss(&module, &nobody);
    }
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

static int compare_entries(const void *a, const void *b)
{
    return strcmp(a, b);
}

/* An index of libnss-cache: entries of one size, sorted as bytes: key, NUL, position of its line, NULs,
 * newline. */
static void write_index(const char *directory, const char *name, char (*entries)[ENTRY], uint32_t count)
{
    qsort(entries, count, ENTRY, compare_entries);
    FILE *file = create(directory, name);
    (void)fwrite(entries, ENTRY, count, file);
    (void)fclose(file);
}

static void fill_entry(char *entry, const char *key, long position)
{
    size_t length = strlen(key);
    memset(entry, 0, ENTRY);
    memcpy(entry, key, length);
    (void)snprintf(entry + length + 1, ENTRY - length - 2, "%ld", position);
    entry[ENTRY - 1] = '\n';
}

static int prepare_cache(const char *directory, uint32_t count)
{
    char(*names)[ENTRY] = calloc(count, ENTRY);
    char(*ids)[ENTRY] = calloc(count, ENTRY);
    char key[16];
    if (names == NULL || ids == NULL)
        return 1;
    FILE *file = create(directory, "passwd.cache");
    for (uint32_t i = 0; i < count; i++) {
        (void)snprintf(key, sizeof key, "user%u", i);
        fill_entry(names[i], key, ftell(file));
        (void)snprintf(key, sizeof key, "%u", FIRST + i);
        fill_entry(ids[i], key, ftell(file));
        (void)fprintf(file, "user%u:*:%u:%u:User %u:/home/user%u:/bin/bash\n", i, FIRST + i, FIRST + i, i, i);
    }
    (void)fclose(file);
    write_index(directory, "passwd.cache.ixname", names, count);
    write_index(directory, "passwd.cache.ixuid", ids, count);
    free(ids);
    free(names);
    return 0;
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

static int prepare_roster(uint32_t count)
{
    const char *path = TG_TEST_NSS_DIRECTORY "/roster";
    enum { WIDTH = 32 };
    struct tg_roster_user *users = calloc(count, sizeof *users);
    char(*texts)[3][WIDTH] = calloc(count, sizeof *texts);
    int64_t later = time(NULL) + 86400;
    struct tg_error error = {0};
    (void)mkdir(TG_TEST_NSS_DIRECTORY, 0755);
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
    (void)snprintf(path, sizeof path, "%s/extrausers", directory);
    (void)mkdir(path, 0755);
    prepare_passwd(directory, "passwd", count);
    prepare_passwd(path, "passwd", count);
    (void)snprintf(path, sizeof path, "%s/userdb", directory);
    (void)mkdir(path, 0755);
    prepare_userdb(path, count);
    return prepare_cache(directory, count) == 0 ? prepare_roster(count) : 1;
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
    if (argc == 3 && strcmp(argv[1], "roster") == 0)
        return prepare_roster(number_of(argv[2]));
    if (argc == 3 && strcmp(argv[1], "memory") == 0)
        return run_memory(number_of(argv[2]));
    if (argc == 5 && strcmp(argv[1], "visit") == 0)
        return run_visit(argv[2], argv[3], number_of(argv[4]));
    if (argc == 5 && strcmp(argv[1], "measure") == 0)
        return run_measure(argv[2], argv[3], number_of(argv[4]));
    if (argc == 6 && strcmp(argv[1], "steady") == 0)
        return run_steady(argv[2], argv[3], number_of(argv[4]), number_of(argv[5]));
    (void)fputs("usage: nss_bench prepare DIRECTORY COUNT | roster COUNT | memory COUNT | visit MODULE "
                "PREFIX COUNT |\n"
                "       measure MODULE PREFIX COUNT | steady MODULE PREFIX LOOKUPS COUNT\n",
                stderr);
    return 2;
}
