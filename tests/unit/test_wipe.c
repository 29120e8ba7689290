/* SPDX-License-Identifier: BSD-2-Clause
 *
 * tegata-wipe's walks, and the texts that it exchanges with the agent.
 */
#include "lib/wipe_lines.h"
#include "tests/unit/temporary.h"
#include "wipe/kernel.h"
#include "wipe/mounts.h"
#include "wipe/report.h"

#include <errno.h>
#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>
/* Last: it needs the headers above. */
#include <cmocka.h>

/* --- The texts -------------------------------------------------------------------------------------------
 */

static void test_accounts_text(void **state)
{
    (void)state;
    char text[64] = "";
    struct tg_wipe_account *list;
    size_t count;
    const struct tg_wipe_account alice = {
        .name = "alice", .uid = 20001, .home = "/home/alice", .sessions = 2};
    assert_true(tg_wipe_account_write(&alice, text, sizeof text));
    assert_string_equal(text, "alice 20001 /home/alice 2\n");
    assert_true(tg_wipe_account_write(&alice, text, sizeof text));
    assert_false(tg_wipe_account_write(&alice, text, sizeof text));
    text[26] = '\0';
    assert_true(tg_wipe_accounts_read(tg_bytes_of_text(text), &list, &count));
    assert_int_equal(count, 1);
    assert_string_equal(list[0].name, "alice");
    assert_int_equal(list[0].uid, 20001);
    assert_string_equal(list[0].home, "/home/alice");
    assert_int_equal(list[0].sessions, 2);
    free(list);
    assert_true(tg_wipe_accounts_read(tg_bytes_of_text(""), &list, &count));
    assert_int_equal(count, 0);
    free(list);
}

static void test_accounts_text_refused(void **state)
{
    (void)state;
    static const char *const wrong[] = {
        "alice 20001 /home/alice 2",
        "\n",
        "alice 20001 /home/alice\n",
        "alice 20001 /home/alice 0 \n",
        "alice  20001 /home/alice 0\n",
        " alice 20001 /home/alice 0\n",
        "alice 20001 home/alice 0\n",
        "alice 020001 /home/alice 0\n",
        "alice -1 /home/alice 0\n",
        "alice 4294967296 /home/alice 0\n",
        "alice 99999999999999999999 /home/alice 0\n",
        "root 20001 /home/root 0\n",
        "../etc 20001 /home/x 0\n",
        "a/b 20001 /home/x 0\n",
        "alice 20001 /home/alice 0\nalice 20001 /home/alice 0\n",
        "alice 20001 /home/\x1b[1m 0\n",
    };
    struct tg_wipe_account *list;
    size_t count;
    for (size_t i = 0; i < sizeof wrong / sizeof wrong[0]; i++) {
        if (tg_wipe_accounts_read(tg_bytes_of_text(wrong[i]), &list, &count))
            fail_msg("accepted: %s", wrong[i]);
        assert_null(list);
    }
}

static void test_wiped_text(void **state)
{
    (void)state;
    struct tg_wiped wiped;
    assert_true(tg_wiped_read(tg_bytes_of_text("account alice\nreport one thing\nleft bob 3\naccount bob\n"
                                               "report and another\nhost\n"),
                              &wiped));
    assert_int_equal(wiped.count, 2);
    assert_string_equal(wiped.list[0].name, "alice");
    assert_true(wiped.list[0].wiped);
    assert_int_equal(wiped.list[0].count, 0);
    assert_true(wiped.list[1].wiped);
    assert_int_equal(wiped.list[1].count, 3);
    assert_true(wiped.host);
    assert_string_equal(wiped.report, "one thing; and another");
    tg_wiped_free(&wiped);
    assert_true(tg_wiped_read(tg_bytes_of_text("left alice 1\n"), &wiped));
    assert_false(wiped.list[0].wiped);
    assert_false(wiped.host);
    tg_wiped_free(&wiped);
}

static void test_wiped_text_refused(void **state)
{
    (void)state;
    static const char *const wrong[] = {
        "account alice",
        "account\n",
        "account root\n",
        "account alice bob\n",
        "left alice\n",
        "left alice 0\n",
        "left alice x\n",
        "left alice 1 2\n",
        "host \n",
        "host\nhost\n",
        "account a\naccount a\n",
        "left a 1\nleft a 1\n",
        "report\n",
        "report \n",
        "report \x1b\n",
        "nonsense\n",
        "\n",
        "account alice\n\n",
    };
    struct tg_wiped wiped;
    for (size_t i = 0; i < sizeof wrong / sizeof wrong[0]; i++) {
        if (tg_wiped_read(tg_bytes_of_text(wrong[i]), &wiped))
            fail_msg("accepted: %s", wrong[i]);
        assert_null(wiped.list);
        assert_false(wiped.host);
    }
}

static void test_report_text(void **state)
{
    (void)state;
    struct tg_target targets[2] = {{.account = {.name = "alice", .uid = 20001}, .home = 7},
                                   {.account = {.name = "bob", .uid = 20002}}};
    struct tg_found found[2] = {{.uid = 20001}, {.uid = 20002, .count = 1, .first = {"/srv/x"}}};
    struct tg_search search = {.list = found, .count = 2};
    struct tg_wiped wiped;
    tg_target_fail(&targets[1], "%s: %s", "/home/bob\n/x", "something is mounted there");
    char *text = tg_report_text(targets, &search, false);
    assert_non_null(text);
    assert_true(tg_wiped_read(tg_bytes_of_text(text), &wiped));
    assert_int_equal(wiped.count, 2);
    assert_true(wiped.list[0].wiped);
    assert_int_equal(wiped.list[0].count, 0);
    assert_false(wiped.list[1].wiped);
    assert_int_equal(wiped.list[1].count, 1);
    assert_false(wiped.host);
    tg_wiped_free(&wiped);
    free(text);
    /* Where nobody could look there may be anything. */
    search.unseen = 1;
    text = tg_report_text(targets, &search, true);
    assert_true(tg_wiped_read(tg_bytes_of_text(text), &wiped));
    assert_int_equal(wiped.list[0].count, 1);
    tg_wiped_free(&wiped);
    free(text);
}

/* --- Mounts ----------------------------------------------------------------------------------------------
 */

static void test_mounts(void **state)
{
    (void)state;
    struct tg_mounts mounts;
    assert_true(
        tg_mounts_parse(tg_bytes_of_text("22 1 8:1 / / rw,relatime shared:1 - ext4 /dev/sda1 rw\n"
                                         "36 22 8:1 /srv /mnt/with\\040blank\\134 rw - ext4 /dev/sda1 rw\n"
                                         "40 22 0:5 / /proc rw master:2 propagate_from:3 - proc proc rw\n"),
                        &mounts));
    assert_int_equal(mounts.count, 3);
    assert_int_equal(mounts.list[0].id, 22);
    assert_string_equal(mounts.list[1].place, "/mnt/with blank\\");
    assert_string_equal(mounts.list[1].root, "/srv");
    assert_string_equal(mounts.list[2].type, "proc");
    assert_true(tg_mount_covers(&mounts.list[0], &mounts.list[1]));
    assert_false(tg_mount_covers(&mounts.list[1], &mounts.list[0]));
    assert_false(tg_mount_covers(&mounts.list[0], &mounts.list[2]));
    tg_mounts_free(&mounts);
    static const char *const wrong[] = {"x 1 8:1 / / rw - ext4 a b\n", "22 1 8:1 / / rw\n",
                                        "22 1 8:1 / / rw shared:1\n",  "22 1 8:1 / / rw - ext4",
                                        "22 1 8:1 / / rw -\n",         "\n"};
    for (size_t i = 0; i < sizeof wrong / sizeof wrong[0]; i++)
        assert_false(tg_mounts_parse(tg_bytes_of_text(wrong[i]), &mounts));
    assert_int_equal(tg_mounts_read("/proc/self/mountinfo", &mounts), 0);
    assert_true(mounts.count > 0);
    tg_mounts_free(&mounts);
}

static void test_which_mounts_are_local(void **state)
{
    (void)state;
    static const char filesystems[] = "nodev\tproc\nnodev\tnfs\n\text4\n\tfuseblk\nnodev\ttmpfs\n";
    assert_true(tg_mount_is_local("ext4", filesystems));
    assert_true(tg_mount_is_local("tmpfs", filesystems));
    assert_true(tg_mount_is_local("overlay", filesystems));
    assert_false(tg_mount_is_local("nfs", filesystems));
    assert_false(tg_mount_is_local("proc", filesystems));
    assert_false(tg_mount_is_local("ext", filesystems));
    assert_false(tg_mount_is_local("fuse.sshfs", filesystems));
}

/* --- Walks, in a folder of the test's own ----------------------------------------------------------------
 */

static int open_here(const char *path)
{
    int fd = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    assert_true(fd >= 0);
    return fd;
}

static void write_file(const char *path)
{
    int fd = open(path, O_WRONLY | O_CREAT | O_CLOEXEC, 0600);
    assert_true(fd >= 0);
    assert_int_equal(close(fd), 0);
}

static void test_a_directory_is_not_left(void **state)
{
    (void)state;
    assert_int_equal(mkdir("inside", 0700), 0);
    assert_int_equal(symlink("inside", "link"), 0);
    int here = open_here(".");
    int fd = tg_open_directory(here, "inside");
    assert_true(fd >= 0);
    assert_int_equal(tg_open_directory(fd, ".."), -EXDEV);
    (void)close(fd);
    assert_int_equal(tg_open_directory(here, "link"), -ENOTDIR);
    assert_int_equal(tg_open_directory(here, "/"), -EXDEV);
    assert_int_equal(tg_open_directory(here, "none"), -ENOENT);
    (void)close(here);
    assert_int_equal(unlink("link"), 0);
    assert_int_equal(rmdir("inside"), 0);
}

/* A chain of directories that is longer than any path, with a file at its end. Stays where it was. */
static void make_chain(const char *top, unsigned int length)
{
    int here = open_here(".");
    assert_int_equal(mkdir(top, 0700), 0);
    assert_int_equal(chdir(top), 0);
    for (unsigned int i = 0; i < length; i++) {
        assert_int_equal(mkdir("chain", 0700), 0);
        assert_int_equal(chdir("chain"), 0);
    }
    write_file("end");
    assert_int_equal(fchdir(here), 0);
    (void)close(here);
}

static void test_a_tree_is_emptied_however_deep(void **state)
{
    (void)state;
    struct tg_tree tree = {.uid = getuid()};
    make_chain("deep", 3000);
    write_file("outside");
    assert_int_equal(link("outside", "deep/hard"), 0);
    assert_int_equal(symlink("../outside", "deep/soft"), 0);
    assert_int_equal(symlink("..", "deep/up"), 0);
    assert_int_equal(mkfifo("deep/fifo", 0600), 0);
    tg_tree_begin(&tree, "deep");
    tg_tree_empty(&tree, open_here("deep"));
    assert_int_equal(tree.failed, 0);
    assert_int_equal(tree.removed, 3000 + 1 + 4);
    assert_string_equal(tree.complaint, "");
    assert_int_equal(rmdir("deep"), 0);
    assert_int_equal(access("outside", F_OK), 0);
    assert_int_equal(unlink("outside"), 0);
}

static void test_a_dry_run_changes_nothing(void **state)
{
    (void)state;
    struct tg_tree tree = {.uid = getuid(), .dry_run = true};
    make_chain("dry", 3);
    tg_tree_begin(&tree, "dry");
    tg_tree_empty(&tree, open_here("dry"));
    assert_int_equal(tree.removed, 4);
    assert_int_equal(tree.failed, 0);
    assert_int_equal(access("dry/chain/chain/chain/end", F_OK), 0);
    tree = (struct tg_tree){.uid = getuid()};
    tg_tree_begin(&tree, "dry");
    tg_tree_empty(&tree, open_here("dry"));
    assert_int_equal(rmdir("dry"), 0);
}

static void test_others_files_stay(void **state)
{
    (void)state;
    /* To this uid everything here belongs to somebody else. */
    struct tg_tree tree = {.uid = getuid() + 1};
    make_chain("others", 3);
    tg_tree_begin(&tree, "others");
    tg_tree_sift(&tree, open_here("others"));
    assert_int_equal(tree.removed, 0);
    assert_int_equal(tree.failed, 0);
    assert_int_equal(access("others/chain/chain/chain/end", F_OK), 0);
    tree = (struct tg_tree){.uid = getuid()};
    tg_tree_begin(&tree, "others");
    tg_tree_sift(&tree, open_here("others"));
    assert_int_equal(tree.removed, 4);
    assert_int_equal(rmdir("others"), 0);
}

static void test_a_search_finds_what_lies_deep(void **state)
{
    (void)state;
    struct tg_found found[2] = {{.uid = getuid()}, {.uid = 0x7ffffff0}};
    struct tg_search search = {.list = found, .count = 2};
    struct tg_tree tree = {.uid = getuid()};
    make_chain("found", 2500);
    tg_search_below(&search, open_here("found"), "found");
    assert_int_equal(found[0].count, 1 + 2500 + 1);
    assert_string_equal(found[0].first[1], "found/chain");
    assert_int_equal(found[1].count, 0);
    assert_int_equal(search.unseen, 0);
    tg_tree_begin(&tree, "found");
    tg_tree_empty(&tree, open_here("found"));
    assert_int_equal(rmdir("found"), 0);
}

int main(void)
{
    char folder[TEMPORARY_SIZE];
    if (mkdtemp(temporary_template(folder)) == NULL || chdir(folder) != 0)
        return EXIT_FAILURE;
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_accounts_text),
        cmocka_unit_test(test_accounts_text_refused),
        cmocka_unit_test(test_wiped_text),
        cmocka_unit_test(test_wiped_text_refused),
        cmocka_unit_test(test_report_text),
        cmocka_unit_test(test_mounts),
        cmocka_unit_test(test_which_mounts_are_local),
        cmocka_unit_test(test_a_directory_is_not_left),
        cmocka_unit_test(test_a_tree_is_emptied_however_deep),
        cmocka_unit_test(test_a_dry_run_changes_nothing),
        cmocka_unit_test(test_others_files_stay),
        cmocka_unit_test(test_a_search_finds_what_lies_deep),
    };
    int failed = cmocka_run_group_tests(tests, NULL, NULL);
    (void)rmdir(folder);
    return failed;
}
