/* SPDX-License-Identifier: BSD-2-Clause
 *
 * The roster: what is written comes back; what is odd is refused as a whole; a process that holds one follows
 * its replacement.
 */
#include "lib/crc32c.h"
#include "lib/roster.h"
#include "lib/roster_build.h"
#include "lib/roster_reader.h"
#include "tests/unit/roster_sample.h"
#include "tests/unit/temporary.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

enum { NOW = 1790000000 };

/* A folder of one test, with the paths of its roster and local files. */
struct folder {
    char path[TEMPORARY_SIZE];
    char roster[128];
    char passwd[80];
    char group[80];
    struct tg_roster_paths paths;
};

static int make_folder(void **state)
{
    struct folder *folder = calloc(1, sizeof *folder);
    if (mkdtemp(temporary_template(folder->path)) == NULL)
        return -1;
    (void)snprintf(folder->roster, sizeof folder->roster, "%s/roster", folder->path);
    (void)snprintf(folder->passwd, sizeof folder->passwd, "%s/passwd", folder->path);
    (void)snprintf(folder->group, sizeof folder->group, "%s/group", folder->path);
    folder->paths = (struct tg_roster_paths){folder->roster, folder->passwd, folder->group};
    *state = folder;
    return 0;
}

static int remove_folder(void **state)
{
    struct folder *folder = *state;
    DIR *directory = opendir(folder->path);
    for (struct dirent *entry = readdir(directory); entry != NULL; entry = readdir(directory)) {
        if (strcmp(entry->d_name, ".") != 0 && strcmp(entry->d_name, "..") != 0)
            (void)unlinkat(dirfd(directory), entry->d_name, entry->d_type == DT_DIR ? AT_REMOVEDIR : 0);
    }
    (void)closedir(directory);
    (void)rmdir(folder->path);
    free(folder);
    return 0;
}

static void write_text(const char *path, const char *text)
{
    int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0644);
    assert_true(fd >= 0);
    assert_int_equal(write(fd, text, strlen(text)), strlen(text));
    close(fd);
}

static void write_sample(const struct folder *folder, uint64_t generation)
{
    struct tg_roster_user users[4];
    struct tg_roster roster = sample_roster(users, generation, NOW);
    struct tg_error error;
    if (tg_roster_write(folder->roster, &roster, &error) != 0)
        fail_msg("%s", error.text);
}

/* A roster in memory that a test may damage; `seal` makes the checksum right again. */
struct image {
    uint8_t *bytes;
    size_t size;
};

static struct image sample_image(void)
{
    struct tg_roster_user users[4];
    struct tg_roster roster = sample_roster(users, 7, NOW);
    struct image image;
    struct tg_error error;
    if (tg_roster_build(&roster, &image.bytes, &image.size, &error) != 0)
        fail_msg("%s", error.text);
    return image;
}

static struct tg_roster_header *header_of(const struct image *image)
{
    return (void *)image->bytes;
}

static void seal(const struct image *image)
{
    size_t summed = offsetof(struct tg_roster_header, crc),
           rest = offsetof(struct tg_roster_header, file_size);
    header_of(image)->crc =
        tg_crc32c(tg_crc32c(0, image->bytes, summed), image->bytes + rest, image->size - rest);
}

static struct tg_roster_user_record *users_of(const struct image *image)
{
    return (void *)(image->bytes + header_of(image)->users_at);
}

static struct tg_roster_group_record *groups_of(const struct image *image)
{
    return (void *)(image->bytes + header_of(image)->groups_at);
}

static struct tg_roster_bucket *table_of(const struct image *image, uint32_t at)
{
    return (void *)(image->bytes + at);
}

static void rebuild_table(const struct image *image, uint32_t at, uint32_t buckets, const uint8_t *records,
                          size_t record_size, uint32_t count, bool by_name)
{
    struct tg_roster_bucket *table = table_of(image, at);
    memset(table, 0, buckets * sizeof *table);
    for (uint32_t i = 0; i < count; i++) {
        const struct tg_roster_key *key = (const void *)(records + i * record_size);
        const char *name = (const char *)image->bytes + header_of(image)->strings_at + key->name;
        uint32_t hash = by_name ? tg_roster_hash_name(name) : tg_roster_hash_id(key->id),
                 bucket = hash & (buckets - 1);
        while (table[bucket].entry != 0)
            bucket = (bucket + 1) & (buckets - 1);
        table[bucket] = (struct tg_roster_bucket){tg_roster_entry(hash, i), key->name};
    }
}

/* Makes the hash tables fit the records again, so that a damage of the records is the only thing that is
 * wrong. */
static void rebuild_tables(const struct image *image)
{
    const struct tg_roster_header *header = header_of(image);
    const uint8_t *users = (const void *)users_of(image), *groups = (const void *)groups_of(image);
    const size_t user = sizeof(struct tg_roster_user_record), group = sizeof(struct tg_roster_group_record);
    rebuild_table(image, header->user_names_at, header->user_buckets, users, user, header->user_count, true);
    rebuild_table(image, header->user_ids_at, header->user_buckets, users, user, header->user_count, false);
    rebuild_table(image, header->group_names_at, header->group_buckets, groups, group, header->group_count,
                  true);
    rebuild_table(image, header->group_ids_at, header->group_buckets, groups, group, header->group_count,
                  false);
}

static int check_image(const struct image *image)
{
    struct tg_roster_view view;
    const char *problem = NULL;
    int status = tg_roster_view_of_bytes(image->bytes, image->size, &view, &problem);
    assert_true((status == 0) == (problem == NULL));
    return status;
}

static void test_checksum(void **state)
{
    (void)state;
    assert_int_equal(tg_crc32c(0, "123456789", 9), 0xe3069283);
    assert_int_equal(tg_crc32c(0, "", 0), 0);
    assert_int_equal(tg_crc32c(tg_crc32c(0, "1234", 4), "56789", 5), 0xe3069283);
    /* RFC 3720 B.4: 32 bytes of zeros, of ones. */
    uint8_t bytes[32] = {0};
    assert_int_equal(tg_crc32c(0, bytes, sizeof bytes), 0x8a9136aa);
    memset(bytes, 0xff, sizeof bytes);
    assert_int_equal(tg_crc32c(0, bytes, sizeof bytes), 0x62a8ab43);
}

static void test_round_trip(void **state)
{
    (void)state;
    struct image image = sample_image();
    struct tg_roster_view view;
    struct tg_roster_account account;
    const char *problem = NULL;
    assert_int_equal(tg_roster_view_of_bytes(image.bytes, image.size, &view, &problem), 0);
    assert_int_equal(view.header.generation, 7);
    assert_int_equal(view.header.built_at, NOW);
    uint32_t alice = tg_roster_user_by_name(&view, "alice", NOW);
    assert_int_equal(tg_roster_user_by_uid(&view, ALICE, NOW), alice);
    tg_roster_account(&view, alice, NOW, &account);
    assert_string_equal(account.name, "alice");
    assert_int_equal(account.uid, ALICE);
    assert_string_equal(account.gecos, "Alice \xc3\x84");
    assert_string_equal(account.home, "/home/alice");
    assert_string_equal(account.shell, "/bin/bash");
    assert_false(account.expired);
    uint32_t position = 0;
    assert_int_equal(tg_roster_next_gid(&view, alice, NOW, &position), OPS);
    assert_int_equal(tg_roster_next_gid(&view, alice, NOW, &position), DATABASE);
    assert_int_equal(tg_roster_next_gid(&view, alice, NOW, &position), 0);
    uint32_t own = tg_roster_group_by_name(&view, "alice", NOW);
    assert_int_equal(tg_roster_group_gid(&view, own), ALICE);
    free(image.bytes);
}

static void test_names_match_exactly(void **state)
{
    (void)state;
    static const char *const others[] = {"", "Alice", "alic", "alicee", "alice ", "bob\n", "root"};
    struct image image = sample_image();
    struct tg_roster_view view;
    const char *problem = NULL;
    assert_int_equal(tg_roster_view_of_bytes(image.bytes, image.size, &view, &problem), 0);
    for (size_t i = 0; i < sizeof others / sizeof others[0]; i++)
        assert_int_equal(tg_roster_user_by_name(&view, others[i], NOW), TG_ROSTER_NONE);
    assert_int_equal(tg_roster_user_by_uid(&view, 0, NOW), TG_ROSTER_NONE);
    assert_int_equal(tg_roster_user_by_uid(&view, OPS, NOW), TG_ROSTER_NONE);
    assert_int_equal(tg_roster_user_by_name(&view, "ops", NOW), TG_ROSTER_NONE);
    free(image.bytes);
}

static void test_expiry(void **state)
{
    (void)state;
    struct image image = sample_image();
    struct tg_roster_view view;
    struct tg_roster_account account;
    const char *problem = NULL;
    uint32_t position = 0;
    assert_int_equal(tg_roster_view_of_bytes(image.bytes, image.size, &view, &problem), 0);
    /* Forgotten: nothing is left, not even the own group. */
    assert_int_equal(tg_roster_user_by_name(&view, "gone", NOW), TG_ROSTER_NONE);
    assert_int_equal(tg_roster_user_by_uid(&view, FORGOTTEN, NOW), TG_ROSTER_NONE);
    assert_int_equal(tg_roster_group_by_name(&view, "gone", NOW), TG_ROSTER_NONE);
    assert_int_equal(tg_roster_group_by_gid(&view, FORGOTTEN, NOW), TG_ROSTER_NONE);
    assert_true(tg_roster_user_by_name(&view, "gone", NOW - 1) != TG_ROSTER_NONE);
    /* Expired: a name without powers. */
    uint32_t old = tg_roster_user_by_name(&view, "old", NOW);
    tg_roster_account(&view, old, NOW, &account);
    assert_true(account.expired);
    assert_string_equal(account.shell, TG_ROSTER_NOLOGIN);
    assert_int_equal(tg_roster_next_gid(&view, old, NOW, &position), 0);
    tg_roster_account(&view, old, NOW - 1, &account);
    assert_string_equal(account.shell, "/bin/bash");
    assert_int_equal(tg_roster_next_gid(&view, old, NOW - 1, &position), OPS);
    assert_true(tg_roster_group_by_gid(&view, EXPIRED, NOW) != TG_ROSTER_NONE);
    free(image.bytes);
}

static void test_enumeration(void **state)
{
    (void)state;
    static const uint32_t uids[] = {ALICE, BOB, EXPIRED}, gids[] = {ALICE, BOB, EXPIRED, OPS, DATABASE};
    struct image image = sample_image();
    struct tg_roster_view view;
    struct tg_roster_account account = {0};
    const char *problem = NULL;
    assert_int_equal(tg_roster_view_of_bytes(image.bytes, image.size, &view, &problem), 0);
    for (size_t i = 0; i < sizeof uids / sizeof uids[0]; i++) {
        tg_roster_account(&view, tg_roster_user_after(&view, account.uid, NOW), NOW, &account);
        assert_int_equal(account.uid, uids[i]);
    }
    assert_int_equal(tg_roster_user_after(&view, account.uid, NOW), TG_ROSTER_NONE);
    uint32_t gid = 0;
    for (size_t i = 0; i < sizeof gids / sizeof gids[0]; i++) {
        gid = tg_roster_group_gid(&view, tg_roster_group_after(&view, gid, NOW));
        assert_int_equal(gid, gids[i]);
    }
    assert_int_equal(tg_roster_group_after(&view, gid, NOW), TG_ROSTER_NONE);
    free(image.bytes);
}

static void test_writer_refuses(void **state)
{
    struct folder *folder = *state;
    static const struct {
        const char *name;
        uint32_t uid;
    } refused[] = {
        {"", ALICE},         {"0day", ALICE},
        {"-x", ALICE},       {"a b", ALICE},
        {"a:b", ALICE},      {"Alice", ALICE},
        {"root", ALICE},     {"wheel", ALICE},
        {"sudo", ALICE},     {"a.b", ALICE},
        {"a\nb", ALICE},     {"\xc3\xa4", ALICE},
        {"zoe", 0},          {"zoe", 1},
        {"zoe", 1000},       {"zoe", 19999},
        {"zoe", 61184},      {"zoe", 65534},
        {"zoe", 65535},      {"zoe", 0x80000000},
        {"zoe", UINT32_MAX}, {"a23456789012345678901234567890123", ALICE},
        {"bob", 25000},      {"zoe", BOB},
        {"ops", 25000},      {"zoe", OPS},
    };
    struct tg_error error;
    write_sample(folder, 1);
    for (size_t i = 0; i < sizeof refused / sizeof refused[0]; i++) {
        struct tg_roster_user users[4];
        struct tg_roster roster = sample_roster(users, 2, NOW);
        users[1].name = refused[i].name;
        users[1].uid = refused[i].uid;
        assert_int_equal(tg_roster_write(folder->roster, &roster, &error), -1);
        assert_int_equal(tg_roster_generation(folder->roster), 1);
    }
}

static void test_writer_refuses_fields(void **state)
{
    struct folder *folder = *state;
    char longest[TG_ROSTER_STRING_MAX + 2];
    memset(longest, 'x', sizeof longest);
    longest[0] = '/';
    longest[TG_ROSTER_STRING_MAX + 1] = '\0';
    struct tg_error error;
    struct tg_roster_user users[4], fresh[4];
    struct tg_roster roster = sample_roster(users, 2, NOW);
    (void)sample_roster(fresh, 2, NOW);
    static const uint32_t stranger[] = {31000}, own[] = {BOB};
    const struct tg_roster_user wrong[] = {
        {"alice", ALICE, "a:b", "/h", "/s", NOW, NOW, NULL, 0},
        {"alice", ALICE, "a\nb", "/h", "/s", NOW, NOW, NULL, 0},
        {"alice", ALICE, "", "h", "/s", NOW, NOW, NULL, 0},
        {"alice", ALICE, "", "/h", "s", NOW, NOW, NULL, 0},
        {"alice", ALICE, "", "/h", "", NOW, NOW, NULL, 0},
        {"alice", ALICE, "", longest, "/s", NOW, NOW, NULL, 0},
        {"alice", ALICE, "", "/h", "/s", NOW, NOW - 1, NULL, 0},
        {"alice", ALICE, "", "/h", "/s", NOW, NOW, stranger, 1},
        {"alice", ALICE, "", "/h", "/s", NOW, NOW, own, 1},
    };
    for (size_t i = 0; i < sizeof wrong / sizeof wrong[0]; i++) {
        users[1] = wrong[i];
        assert_int_equal(tg_roster_write(folder->roster, &roster, &error), -1);
    }
    users[1] = fresh[1];
    roster.generation = 0;
    assert_int_equal(tg_roster_write(folder->roster, &roster, &error), -1);
    roster.generation = 2;
    longest[TG_ROSTER_STRING_MAX] = '\0';
    users[1].home = longest;
    users[1].name = "a2345678901234567890123456789012";
    assert_int_equal(tg_roster_write(folder->roster, &roster, &error), 0);
    assert_int_equal(tg_roster_write("roster", &roster, &error), -1);
    assert_int_equal(tg_roster_write("/roster", &roster, &error), -1);
}

static void test_empty_and_large(void **state)
{
    struct folder *folder = *state;
    enum { MANY = 100000 };
    struct tg_error error;
    struct tg_roster roster = {.generation = 1};
    size_t served = 1;
    assert_int_equal(tg_roster_write(folder->roster, &roster, &error), 0);
    assert_int_equal(tg_roster_check(folder->roster, &served, &error), 0);
    assert_int_equal(served, 0);
    struct tg_roster_user *users = calloc(MANY, sizeof *users);
    char(*names)[16] = calloc(MANY, sizeof *names);
    for (uint32_t i = 0; i < MANY; i++) {
        (void)snprintf(names[i], sizeof names[i], "user%u", i);
        users[i] = (struct tg_roster_user){names[i], 100000 + i,       "", "/home/x", "/bin/sh", NOW,
                                           NOW,      sample_one_group, 1};
    }
    roster = (struct tg_roster){
        .generation = 2, .users = users, .user_count = MANY, .groups = sample_groups, .group_count = 2};
    assert_int_equal(tg_roster_write(folder->roster, &roster, &error), 0);
    assert_int_equal(tg_roster_check(folder->roster, &served, &error), 0);
    assert_int_equal(served, MANY);
    free(names);
    free(users);
}

static void test_every_bit(void **state)
{
    (void)state;
    struct image image = sample_image();
    size_t mark = offsetof(struct tg_roster_header, superseded);
    for (size_t i = 0; i < image.size * 8; i++) {
        image.bytes[i / 8] ^= (uint8_t)(1u << (i % 8));
        bool outside = i / 8 >= mark && i / 8 < mark + sizeof(uint32_t);
        assert_int_equal(check_image(&image), outside ? 0 : -EBADMSG);
        image.bytes[i / 8] ^= (uint8_t)(1u << (i % 8));
    }
    assert_int_equal(check_image(&image), 0);
    free(image.bytes);
}

/* The same with the checksum made right, so that the other checks are alone: a file that is accepted all the
 * same must be harmless. */
static void test_every_bit_sealed(void **state)
{
    (void)state;
    struct image image = sample_image();
    for (size_t i = 0; i < image.size * 8; i++) {
        struct tg_roster_view view;
        const char *problem = NULL;
        image.bytes[i / 8] ^= (uint8_t)(1u << (i % 8));
        seal(&image);
        if (tg_roster_view_of_bytes(image.bytes, image.size, &view, &problem) == 0) {
            struct tg_roster_account account = {0};
            for (uint32_t user = tg_roster_user_after(&view, 0, NOW); user != TG_ROSTER_NONE;
                 user = tg_roster_user_after(&view, account.uid, NOW)) {
                tg_roster_account(&view, user, NOW, &account);
                assert_true(tg_roster_id_allowed(account.uid) && tg_roster_name_allowed(account.name));
                assert_int_equal(tg_roster_user_by_name(&view, account.name, NOW), user);
            }
            assert_int_equal(tg_roster_user_by_name(&view, "nobody-has-this", NOW), TG_ROSTER_NONE);
        }
        image.bytes[i / 8] ^= (uint8_t)(1u << (i % 8));
    }
    free(image.bytes);
}

static void test_every_length(void **state)
{
    struct folder *folder = *state;
    struct image image = sample_image();
    struct tg_roster_cache cache = {0};
    struct tg_roster_handle handle;
    for (size_t size = 0; size <= image.size + 1; size++) {
        int fd = open(folder->roster, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0644);
        struct image cut = {calloc(1, image.size + 1), size};
        memcpy(cut.bytes, image.bytes, image.size);
        assert_int_equal(write(fd, cut.bytes, size), size);
        close(fd);
        int status = tg_roster_acquire(&cache, &folder->paths, &handle);
        assert_int_equal(status, size == image.size ? 0 : -EBADMSG);
        free(cut.bytes);
        if (status == 0) {
            /* Cut in place: the process that holds it must neither fall nor change its answer. */
            assert_int_equal(truncate(folder->roster, 1), 0);
            assert_int_equal(tg_roster_user_by_name(handle.view, "alice", NOW), 0);
            tg_roster_release(&handle);
            for (size_t slot = 0; slot < TG_ROSTER_SLOTS; slot++)
                tg_roster_unload(cache.slots[slot].view);
            cache = (struct tg_roster_cache){0};
        }
        assert_int_equal(unlink(folder->roster), 0);
    }
    free(image.bytes);
}

typedef void damage(const struct image *image);

/* Gives the first user and its own group another id. */
static void change_id(const struct image *image, uint32_t id)
{
    users_of(image)[0].key.id = groups_of(image)[0].key.id = id;
    rebuild_tables(image);
}

/* Gives the second user, bob, and its own group another name of three letters. */
static void change_name(const struct image *image, const char *name)
{
    char *strings = (char *)image->bytes + header_of(image)->strings_at;
    strcpy(strings + users_of(image)[1].key.name, name);
    strcpy(strings + groups_of(image)[1].key.name, name);
    rebuild_tables(image);
}

static void zero_uid(const struct image *image)
{
    change_id(image, 0);
}
static void low_uid(const struct image *image)
{
    change_id(image, 19999);
}
static void zero_gid(const struct image *image)
{
    groups_of(image)[0].key.id = 0;
    rebuild_tables(image);
}
static void dynamic_gid(const struct image *image)
{
    groups_of(image)[header_of(image)->group_count - 1].key.id = 61184;
    rebuild_tables(image);
}
static void same_uid(const struct image *image)
{
    change_id(image, BOB);
}
static void root_name(const struct image *image)
{
    change_name(image, "adm");
}
static void same_name(const struct image *image)
{
    change_name(image, "old");
}
static void upper_case_name(const struct image *image)
{
    change_name(image, "Bob");
}
static void same_id_not_owner(const struct image *image)
{
    groups_of(image)[4].key.id = groups_of(image)[5].key.id;
    rebuild_tables(image);
}
static void far_string(const struct image *image)
{
    users_of(image)[0].gecos = header_of(image)->strings_size;
}
static void huge_string(const struct image *image)
{
    users_of(image)[0].shell = UINT32_MAX;
}
static void unended_string(const struct image *image)
{
    image->bytes[image->size - 1] = 'x';
}
static void far_groups(const struct image *image)
{
    users_of(image)[3].groups_count = UINT32_MAX;
}
static void overlapping_groups(const struct image *image)
{
    users_of(image)[1].groups_first = 0;
}
static void far_group_index(const struct image *image)
{
    *(uint32_t *)(void *)(image->bytes + header_of(image)->user_groups_at) = 6;
}
static void other_group_index(const struct image *image)
{
    uint32_t *pairs = (void *)(image->bytes + header_of(image)->user_groups_at);
    pairs[2] = 0; /* bob in alice's own group */
}
static void far_owner(const struct image *image)
{
    groups_of(image)[0].owner = 5;
}
static void other_owner(const struct image *image)
{
    groups_of(image)[0].owner = 2;
}
static void no_owner(const struct image *image)
{
    groups_of(image)[0].owner = 0;
}
static void full_table(const struct image *image)
{
    struct tg_roster_bucket *table = table_of(image, header_of(image)->user_names_at);
    struct tg_roster_bucket used = {0};
    for (uint32_t i = 0; i < header_of(image)->user_buckets; i++) {
        if (table[i].entry != 0)
            used = table[i];
    }
    for (uint32_t i = 0; i < header_of(image)->user_buckets; i++) {
        if (table[i].entry == 0)
            table[i] = used;
    }
}
static void far_entry(const struct image *image)
{
    struct tg_roster_bucket *table = table_of(image, header_of(image)->group_ids_at);
    for (uint32_t i = 0; i < header_of(image)->group_buckets; i++) {
        if (table[i].entry != 0)
            table[i].entry = UINT32_MAX;
    }
}
/* Swaps a used and an empty bucket of the table: the record is there, but a search does not come by. */
static void hidden_entry(const struct image *image)
{
    struct tg_roster_bucket *table = table_of(image, header_of(image)->user_ids_at);
    uint32_t mask = header_of(image)->user_buckets - 1;
    for (uint32_t i = 0; i <= mask; i++) {
        if (table[i].entry != 0 && table[(i - 1) & mask].entry == 0) {
            table[(i - 1) & mask] = table[i];
            table[i] = (struct tg_roster_bucket){0};
            return;
        }
    }
}
static void other_name(const struct image *image)
{
    struct tg_roster_bucket *table = table_of(image, header_of(image)->user_names_at);
    for (uint32_t i = 0; i < header_of(image)->user_buckets; i++) {
        if (table[i].entry != 0)
            table[i].name = UINT32_MAX;
    }
}
static void many_users(const struct image *image)
{
    header_of(image)->user_count = UINT32_MAX;
}
static void many_buckets(const struct image *image)
{
    header_of(image)->user_buckets = 1u << 31;
}
static void moved_section(const struct image *image)
{
    header_of(image)->strings_at--;
}
static void reserved_word(const struct image *image)
{
    header_of(image)->reserved[4] = 1;
}
static void other_version(const struct image *image)
{
    header_of(image)->version = 2;
}
static void no_generation(const struct image *image)
{
    header_of(image)->generation = 0;
}
static void early_forgotten(const struct image *image)
{
    users_of(image)[0].forgotten = users_of(image)[0].expires - 1;
}
static void relative_home(const struct image *image)
{
    ((char *)image->bytes)[header_of(image)->strings_at + users_of(image)[0].home] = 'h';
}
static void colon_in_gecos(const struct image *image)
{
    ((char *)image->bytes)[header_of(image)->strings_at + users_of(image)[0].gecos] = ':';
}

static void test_crafted(void **state)
{
    (void)state;
    static damage *const damages[] = {
        zero_uid,        low_uid,           zero_gid,        dynamic_gid,        same_uid,
        root_name,       same_name,         upper_case_name, same_id_not_owner,  far_string,
        huge_string,     unended_string,    far_groups,      overlapping_groups, far_owner,
        far_group_index, other_group_index, other_owner,     no_owner,           full_table,
        far_entry,       hidden_entry,      other_name,      many_users,         many_buckets,
        moved_section,   reserved_word,     other_version,   no_generation,      early_forgotten,
        relative_home,   colon_in_gecos,
    };
    struct image sound = sample_image();
    change_name(&sound, "bab");
    change_id(&sound, 20000);
    seal(&sound);
    assert_int_equal(check_image(&sound), 0);
    free(sound.bytes);
    for (size_t i = 0; i < sizeof damages / sizeof damages[0]; i++) {
        struct image image = sample_image();
        damages[i](&image);
        seal(&image);
        if (check_image(&image) != -EBADMSG)
            fail_msg("damage %zu was not noticed", i);
        free(image.bytes);
    }
}

static uint32_t lookup(struct tg_roster_cache *cache, const struct folder *folder, const char *name,
                       int *status)
{
    struct tg_roster_handle handle;
    *status = tg_roster_acquire(cache, &folder->paths, &handle);
    uint32_t uid = 0;
    if (*status == 0) {
        struct tg_roster_account account;
        uint32_t index = tg_roster_user_by_name(handle.view, name, NOW);
        if (index != TG_ROSTER_NONE) {
            tg_roster_account(handle.view, index, NOW, &account);
            uid = account.uid;
        }
    }
    tg_roster_release(&handle);
    return uid;
}

static void unload(struct tg_roster_cache *cache)
{
    for (size_t i = 0; i < TG_ROSTER_SLOTS; i++)
        tg_roster_unload(cache->slots[i].view);
    *cache = (struct tg_roster_cache){0};
}

static void test_local_files(void **state)
{
    struct folder *folder = *state;
    static const struct {
        const char *passwd, *group;
        bool alice, bob, ops;
    } cases[] = {
        {"", "", true, true, true},
        {"root:x:0:0::/root:/bin/sh\nalice:x:1000:1000::/:/bin/sh\n", "", false, true, true},
        {"eve:x:20001:1000::/:/bin/sh", "", false, true, true},   /* alice's uid, and no newline at the end */
        {"eve:x:1000:20002::/:/bin/sh\n", "", true, false, true}, /* bob's gid is eve's primary group */
        {"eve:x:1000:30000::/:/bin/sh\n", "", true, true, false},
        {"", "ops:x:999:\n", true, true, false},
        {"", "eve:x:30000:alice,bob\n", true, true, false},
        {"", "bob:x:999:\n", true, false, true},
        {"", "eve:x:20002:\n", true, false, true},
        {"alicealicealicealicealicealicealicealicealice:x:1:1::/:/bin/sh\nalic:x:2:2:alice:/alice:/\n", "",
         true, true, true},
        {"eve:x:4294987297:1::/:/bin/sh\n", "", true, true, true}, /* 2^32 + 20001 is not 20001 */
        {"+::::::\n:::\n\n\nalice\n", "", false, true, true},
    };
    int status = 0;
    write_sample(folder, 1);
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct tg_roster_cache cache = {0};
        struct tg_roster_handle handle;
        write_text(folder->passwd, cases[i].passwd);
        write_text(folder->group, cases[i].group);
        bool alice = lookup(&cache, folder, "alice", &status) != 0,
             bob = lookup(&cache, folder, "bob", &status) != 0;
        assert_int_equal(tg_roster_acquire(&cache, &folder->paths, &handle), 0);
        bool ops = tg_roster_group_by_name(handle.view, "ops", NOW) != TG_ROSTER_NONE;
        assert_int_equal(tg_roster_user_by_uid(handle.view, ALICE, NOW) != TG_ROSTER_NONE, alice);
        assert_int_equal(tg_roster_group_by_gid(handle.view, ALICE, NOW) != TG_ROSTER_NONE, alice);
        assert_int_equal(tg_roster_group_by_name(handle.view, "bob", NOW) != TG_ROSTER_NONE, bob);
        /* A group that is not ours is not given to alice either. */
        uint32_t position = 0, gid = alice ? tg_roster_next_gid(handle.view, 0, NOW, &position) : 0;
        tg_roster_release(&handle);
        if (alice != cases[i].alice || bob != cases[i].bob || ops != cases[i].ops ||
            (alice && (gid == OPS) != ops))
            fail_msg("case %zu: alice %d bob %d ops %d gid %u", i, alice, bob, ops, gid);
        unload(&cache);
    }
    assert_int_equal(unlink(folder->passwd), 0);
    assert_int_equal(mkdir(folder->passwd, 0755), 0);
    struct tg_roster_cache cache = {0};
    assert_int_equal(lookup(&cache, folder, "alice", &status), 0);
    assert_int_equal(status, -EISDIR);
}

static void test_owner_and_mode(void **state)
{
    (void)state;
    static const struct {
        uid_t directory_owner;
        mode_t directory_mode;
        uid_t owner;
        mode_t mode;
        bool allowed;
    } cases[] = {
        {0, 0755, 0, 0644, true},    {500, 0755, 500, 0644, true},  {500, 0755, 0, 0644, true},
        {0, 0755, 500, 0644, false}, {500, 0755, 501, 0644, false}, {0, 0775, 0, 0644, false},
        {0, 0757, 0, 0644, false},   {0, 01777, 0, 0644, false},    {0, 0755, 0, 0664, false},
        {0, 0755, 0, 0646, false},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct stat directory = {.st_uid = cases[i].directory_owner,
                                 .st_mode = S_IFDIR | cases[i].directory_mode};
        struct stat file = {.st_uid = cases[i].owner, .st_mode = S_IFREG | cases[i].mode};
        const char *problem = NULL;
        assert_int_equal(tg_roster_check_stat(&directory, &file, &problem), cases[i].allowed ? 0 : -EPERM);
        file.st_mode = S_IFIFO | 0644;
        assert_int_equal(tg_roster_check_stat(&directory, &file, &problem), -EPERM);
    }
}

static void test_what_is_opened(void **state)
{
    struct folder *folder = *state;
    char elsewhere[96], link_path[96];
    struct tg_roster_cache cache = {0};
    int status = 0;
    write_sample(folder, 1);
    assert_int_equal(chmod(folder->roster, 0664), 0);
    assert_int_equal(lookup(&cache, folder, "alice", &status), 0);
    assert_int_equal(status, -EPERM);
    assert_int_equal(chmod(folder->roster, 0644), 0);
    assert_int_equal(chmod(folder->path, 0777), 0);
    (void)lookup(&cache, folder, "alice", &status);
    assert_int_equal(status, -EPERM);
    assert_int_equal(chmod(folder->path, 0755), 0);
    assert_int_equal(lookup(&cache, folder, "alice", &status), ALICE);
    unload(&cache);
    /* Through a symbolic link, of the file or of the directory, and a FIFO. */
    (void)snprintf(elsewhere, sizeof elsewhere, "%s/elsewhere", folder->path);
    (void)snprintf(link_path, sizeof link_path, "%s-link", folder->path);
    assert_int_equal(rename(folder->roster, elsewhere), 0);
    assert_int_equal(symlink(elsewhere, folder->roster), 0);
    (void)lookup(&cache, folder, "alice", &status);
    assert_int_equal(status, -ELOOP);
    assert_int_equal(unlink(folder->roster), 0);
    assert_int_equal(mkfifo(folder->roster, 0644), 0);
    (void)lookup(&cache, folder, "alice", &status);
    assert_int_equal(status, -EPERM);
    assert_int_equal(unlink(folder->roster), 0);
    assert_int_equal(rename(elsewhere, folder->roster), 0);
    assert_int_equal(symlink(folder->path, link_path), 0);
    struct folder linked = *folder;
    (void)snprintf(linked.roster, sizeof linked.roster, "%s/roster", link_path);
    linked.paths.roster = linked.roster;
    (void)lookup(&cache, &linked, "alice", &status);
    assert_int_equal(status, -ENOTDIR);
    assert_int_equal(unlink(link_path), 0);
}

static void test_replacement(void **state)
{
    struct folder *folder = *state;
    struct tg_roster_cache cache = {0};
    struct tg_roster_handle first, second;
    int status = 0;
    assert_int_equal(lookup(&cache, folder, "alice", &status), 0);
    assert_int_equal(status, -ENOENT);
    write_sample(folder, 1);
    assert_int_equal(tg_roster_acquire(&cache, &folder->paths, &first), 0);
    assert_int_equal(tg_roster_acquire(&cache, &folder->paths, &second), 0);
    assert_ptr_equal(first.view, second.view);
    tg_roster_release(&second);
    write_sample(folder, 2);
    /* A call that has begun keeps the view that it has; the next one sees the new file. */
    assert_int_equal(first.view->header.generation, 1);
    assert_int_equal(tg_roster_acquire(&cache, &folder->paths, &second), 0);
    assert_int_equal(second.view->header.generation, 2);
    assert_int_equal(tg_roster_user_by_name(first.view, "alice", NOW), 0);
    tg_roster_release(&first);
    tg_roster_release(&second);
    /* Replaced by something damaged, or by nothing: no answer rather than the old one. */
    write_sample(folder, 3);
    write_text(folder->roster, "not a roster");
    assert_int_equal(lookup(&cache, folder, "alice", &status), 0);
    assert_int_equal(status, -EBADMSG);
    assert_int_equal(unlink(folder->roster), 0);
    assert_int_equal(lookup(&cache, folder, "alice", &status), 0);
    assert_int_equal(status, -ENOENT);
    write_sample(folder, 4);
    assert_int_equal(lookup(&cache, folder, "alice", &status), ALICE);
    /* Gone without a successor: what is held stays good until it expires. */
    assert_int_equal(unlink(folder->roster), 0);
    assert_int_equal(lookup(&cache, folder, "alice", &status), ALICE);
    unload(&cache);
}

static size_t views_held(const struct tg_roster_cache *cache)
{
    size_t held = 0;
    for (size_t i = 0; i < TG_ROSTER_SLOTS; i++)
        held += cache->slots[i].view != NULL;
    return held;
}

static void test_many_replacements(void **state)
{
    struct folder *folder = *state;
    struct tg_roster_cache cache = {0};
    struct tg_roster_handle pinned[TG_ROSTER_SLOTS + 3], handle;
    int status = 0;
    for (uint64_t i = 1; i < 100; i++) {
        write_sample(folder, i);
        assert_int_equal(lookup(&cache, folder, "alice", &status), ALICE);
        assert_int_equal(views_held(&cache), 1);
    }
    /* More readers of old views than slots: those that find none read for themselves, and nothing is taken
     * from under anybody. */
    for (uint64_t i = 0; i < TG_ROSTER_SLOTS + 3; i++) {
        write_sample(folder, 100 + i);
        assert_int_equal(tg_roster_acquire(&cache, &folder->paths, &pinned[i]), 0);
        assert_int_equal(pinned[i].view->header.generation, 100 + i);
    }
    assert_null(pinned[TG_ROSTER_SLOTS + 2].slot);
    for (uint64_t i = 0; i < TG_ROSTER_SLOTS + 3; i++) {
        assert_int_equal(pinned[i].view->header.generation, 100 + i);
        tg_roster_release(&pinned[i]);
    }
    write_sample(folder, 200);
    assert_int_equal(tg_roster_acquire(&cache, &folder->paths, &handle), 0);
    assert_non_null(handle.slot);
    tg_roster_release(&handle);
    assert_int_equal(views_held(&cache), 1);
    unload(&cache);
}

/* A damaged file is read once, not at every lookup; repaired or replaced, it is read again. */
static void test_damaged_is_remembered(void **state)
{
    struct folder *folder = *state;
    struct tg_roster_cache cache = {0};
    int status = 0;
    write_text(folder->roster, "not a roster");
    (void)lookup(&cache, folder, "alice", &status);
    assert_int_equal(status, -EBADMSG);
    uint64_t refused = cache.refused;
    assert_true(refused != 0);
    (void)lookup(&cache, folder, "alice", &status);
    assert_int_equal(status, -EBADMSG);
    assert_int_equal(cache.refused, refused);
    write_sample(folder, 1);
    assert_int_equal(lookup(&cache, folder, "alice", &status), ALICE);
    unload(&cache);
}

/* A writer that died after the rename has left PATH.old without its mark. */
static void test_dead_writer(void **state)
{
    struct folder *folder = *state;
    struct tg_roster_cache cache = {0};
    struct tg_roster_handle handle;
    char old[192], aside[128];
    int status = 0;
    (void)snprintf(old, sizeof old, "%s.old", folder->roster);
    (void)snprintf(aside, sizeof aside, "%s/aside", folder->path);
    write_sample(folder, 1);
    assert_int_equal(lookup(&cache, folder, "alice", &status), ALICE);
    struct folder other = *folder;
    (void)snprintf(other.roster, sizeof other.roster, "%s", aside);
    write_sample(&other, 2);
    assert_int_equal(link(folder->roster, old), 0);
    assert_int_equal(rename(aside, folder->roster), 0);
    assert_int_equal(tg_roster_acquire(&cache, &folder->paths, &handle), 0);
    assert_int_equal(handle.view->header.generation, 1);
    tg_roster_release(&handle);
    write_sample(folder, 3);
    assert_int_equal(tg_roster_acquire(&cache, &folder->paths, &handle), 0);
    assert_int_equal(handle.view->header.generation, 3);
    tg_roster_release(&handle);
    assert_int_equal(access(old, F_OK), -1);
    /* One that died before the rename has left a marked file in place: it is served, and read anew until it
     * is replaced. */
    assert_int_equal(link(folder->roster, old), 0);
    int fd = open(folder->roster, O_WRONLY | O_CLOEXEC);
    assert_int_equal(pwrite(fd, "\1", 1, offsetof(struct tg_roster_header, superseded)), 1);
    close(fd);
    assert_int_equal(lookup(&cache, folder, "alice", &status), ALICE);
    write_sample(folder, 4);
    assert_int_equal(tg_roster_acquire(&cache, &folder->paths, &handle), 0);
    assert_int_equal(handle.view->header.generation, 4);
    tg_roster_release(&handle);
    unload(&cache);
}

static void test_failed_write_changes_nothing(void **state)
{
    struct folder *folder = *state;
    struct tg_roster_user users[4];
    struct tg_roster roster = sample_roster(users, 2, NOW);
    struct tg_error error;
    char path[192];
    write_sample(folder, 1);
    (void)snprintf(path, sizeof path, "%s.new", folder->roster);
    assert_int_equal(mkdir(path, 0755), 0);
    assert_int_equal(tg_roster_write(folder->roster, &roster, &error), -1);
    assert_int_equal(tg_roster_generation(folder->roster), 1);
    assert_int_equal(rmdir(path), 0);
    (void)snprintf(path, sizeof path, "%s.old", folder->roster);
    assert_int_equal(symlink("/nowhere", path), 0);
    assert_int_equal(tg_roster_write(folder->roster, &roster, &error), -1);
    assert_int_equal(tg_roster_generation(folder->roster), 1);
    assert_int_equal(unlink(path), 0);
    assert_int_equal(tg_roster_write(folder->roster, &roster, &error), 0);
    assert_int_equal(tg_roster_generation(folder->roster), 2);
    struct stat file;
    assert_int_equal(stat(folder->roster, &file), 0);
    assert_int_equal(file.st_mode, S_IFREG | 0644);
}

static void test_check(void **state)
{
    struct folder *folder = *state;
    struct tg_error error;
    size_t users = 9;
    assert_int_equal(tg_roster_check(folder->roster, &users, &error), -1);
    assert_int_equal(users, 0);
    assert_int_equal(tg_roster_generation(folder->roster), 0);
    write_sample(folder, 5);
    assert_int_equal(tg_roster_check(folder->roster, &users, &error), 0);
    assert_int_equal(users, 4);
    assert_int_equal(chmod(folder->roster, 0666), 0);
    assert_int_equal(tg_roster_check(folder->roster, &users, &error), -1);
    assert_non_null(strstr(error.text, "written by group or others"));
    assert_int_equal(tg_roster_generation(folder->roster), 0);
}

/* Readers and a writer at once, with forks in between. */
struct crowd {
    const struct folder *folder;
    struct tg_roster_cache cache;
    _Atomic bool stop;
    _Atomic uint32_t wrong;
};

static void *read_on(void *argument)
{
    struct crowd *crowd = argument;
    uint64_t newest = 0;
    while (!crowd->stop) {
        struct tg_roster_handle handle;
        if (tg_roster_acquire(&crowd->cache, &crowd->folder->paths, &handle) != 0) {
            crowd->wrong++;
            continue;
        }
        struct tg_roster_account account = {0};
        uint32_t index = tg_roster_user_by_name(handle.view, "bob", NOW);
        if (index != TG_ROSTER_NONE)
            tg_roster_account(handle.view, index, NOW, &account);
        if (index == TG_ROSTER_NONE || account.uid != BOB || strcmp(account.home, "/home/bob") != 0)
            crowd->wrong++;
        if (handle.view->header.generation > newest)
            newest = handle.view->header.generation;
        tg_roster_release(&handle);
    }
    return NULL;
}

static void fork_and_look(struct crowd *crowd)
{
    pid_t child = fork();
    if (child == 0) {
        int status = 0;
        for (int i = 0; i < 20; i++) {
            if (lookup(&crowd->cache, crowd->folder, "alice", &status) != ALICE)
                _exit(1);
        }
        _exit(0);
    }
    int status = 0;
    assert_int_equal(waitpid(child, &status, 0), child);
    assert_int_equal(status, 0);
}

static void test_threads_and_forks(void **state)
{
    struct folder *folder = *state;
    struct crowd crowd = {.folder = folder};
    struct tg_roster_handle handle;
    pthread_t threads[4];
    write_sample(folder, 1);
    for (size_t i = 0; i < 4; i++)
        assert_int_equal(pthread_create(&threads[i], NULL, read_on, &crowd), 0);
    for (uint64_t generation = 2; generation < 200; generation++) {
        write_sample(folder, generation);
        if (generation % 10 == 0)
            fork_and_look(&crowd);
    }
    crowd.stop = true;
    for (size_t i = 0; i < 4; i++)
        assert_int_equal(pthread_join(threads[i], NULL), 0);
    assert_int_equal(crowd.wrong, 0);
    assert_int_equal(tg_roster_acquire(&crowd.cache, &folder->paths, &handle), 0);
    assert_int_equal(handle.view->header.generation, 199);
    tg_roster_release(&handle);
    for (size_t i = 0; i < TG_ROSTER_SLOTS; i++)
        assert_int_equal(crowd.cache.slots[i].readers, 0);
    unload(&crowd.cache);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_checksum),
        cmocka_unit_test(test_round_trip),
        cmocka_unit_test(test_names_match_exactly),
        cmocka_unit_test(test_expiry),
        cmocka_unit_test(test_enumeration),
        cmocka_unit_test_setup_teardown(test_writer_refuses, make_folder, remove_folder),
        cmocka_unit_test_setup_teardown(test_writer_refuses_fields, make_folder, remove_folder),
        cmocka_unit_test_setup_teardown(test_empty_and_large, make_folder, remove_folder),
        cmocka_unit_test(test_every_bit),
        cmocka_unit_test(test_every_bit_sealed),
        cmocka_unit_test_setup_teardown(test_every_length, make_folder, remove_folder),
        cmocka_unit_test(test_crafted),
        cmocka_unit_test_setup_teardown(test_local_files, make_folder, remove_folder),
        cmocka_unit_test(test_owner_and_mode),
        cmocka_unit_test_setup_teardown(test_what_is_opened, make_folder, remove_folder),
        cmocka_unit_test_setup_teardown(test_replacement, make_folder, remove_folder),
        cmocka_unit_test_setup_teardown(test_many_replacements, make_folder, remove_folder),
        cmocka_unit_test_setup_teardown(test_damaged_is_remembered, make_folder, remove_folder),
        cmocka_unit_test_setup_teardown(test_dead_writer, make_folder, remove_folder),
        cmocka_unit_test_setup_teardown(test_failed_write_changes_nothing, make_folder, remove_folder),
        cmocka_unit_test_setup_teardown(test_check, make_folder, remove_folder),
        cmocka_unit_test_setup_teardown(test_threads_and_forks, make_folder, remove_folder),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
