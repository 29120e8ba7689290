/* SPDX-License-Identifier: BSD-2-Clause */
#include "tests/unit/crypto_help.h"
#include "tests/unit/temporary.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <fcntl.h>
#include <ftw.h>
#include <spawn.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

extern char **environ; /* POSIX declares it nowhere */

enum { PATHS = 4, PATH_SIZE = 1024, ARGUMENTS_MAX = 24 };

int make_folder(void **state)
{
    char *folder = malloc(TEMPORARY_SIZE);
    *state = folder == NULL ? NULL : mkdtemp(temporary_template(folder));
    return *state == NULL ? -1 : 0;
}

static int remove_one(const char *path, const struct stat *status, int kind, struct FTW *position)
{
    (void)status, (void)kind, (void)position;
    return remove(path);
}

int remove_folder(void **state)
{
    int result = nftw(*state, remove_one, 8, FTW_DEPTH | FTW_PHYS);
    free(*state);
    return result;
}

static const char *join(const char *folder, const char *name)
{
    static char paths[PATHS][PATH_SIZE];
    static size_t next;
    char *path = paths[next++ % PATHS];
    assert_true(snprintf(path, PATH_SIZE, "%s/%s", folder, name) < PATH_SIZE);
    return path;
}

const char *in_folder(void **state, const char *name)
{
    return join(*state, name);
}

const char *in_vectors(const char *name)
{
    char folder[PATH_SIZE];
    const char *tree = getenv("TG_TEST_SRCDIR");
    (void)snprintf(folder, sizeof folder, "%s/tests/vectors/ssh", tree == NULL ? "." : tree);
    return join(folder, name);
}

int run_program(const char *const *arguments)
{
    posix_spawn_file_actions_t actions;
    pid_t child;
    int status = -1;
    assert_int_equal(posix_spawn_file_actions_init(&actions), 0);
    assert_int_equal(posix_spawn_file_actions_addopen(&actions, 0, "/dev/null", O_RDONLY, 0), 0);
    assert_int_equal(posix_spawn_file_actions_addopen(&actions, 1, "/dev/null", O_WRONLY, 0), 0);
    assert_int_equal(posix_spawn_file_actions_addopen(&actions, 2, "/dev/null", O_WRONLY, 0), 0);
    assert_int_equal(posix_spawnp(&child, arguments[0], &actions, NULL, (char *const *)arguments, environ),
                     0);
    (void)posix_spawn_file_actions_destroy(&actions);
    assert_int_equal(waitpid(child, &status, 0), child);
    return WIFEXITED(status) ? WEXITSTATUS(status) : -1;
}

void generate_key(const char *path, const char *const *options)
{
    const char *arguments[ARGUMENTS_MAX] = {"ssh-keygen", "-q", "-N", "", "-f", path};
    for (size_t i = 0; options[i] != NULL; i++)
        arguments[6 + i] = options[i];
    assert_int_equal(run_program(arguments), 0);
}

char *read_file(const char *path, size_t *length)
{
    char *text = malloc(1048576);
    FILE *stream = fopen(path, "rb");
    assert_non_null(text);
    assert_non_null(stream);
    *length = fread(text, 1, 1048575, stream);
    text[*length] = '\0';
    (void)fclose(stream);
    return text;
}

void write_file(const char *path, struct tg_bytes bytes, unsigned mode)
{
    FILE *stream = fopen(path, "wb");
    assert_non_null(stream);
    assert_int_equal(fwrite(bytes.data, 1, bytes.length, stream), bytes.length);
    assert_int_equal(fclose(stream), 0);
    assert_int_equal(chmod(path, mode), 0);
}

struct tg_public_key *read_public_key(const char *path)
{
    struct tg_public_key *key;
    struct tg_error error;
    size_t length;
    char with_suffix[PATH_SIZE];
    (void)snprintf(with_suffix, sizeof with_suffix, "%s.pub", path);
    char *line = read_file(with_suffix, &length);
    assert_int_equal(tg_public_key_parse_line(line, &key, &error), 0);
    free(line);
    return key;
}

uint8_t *read_signature(const char *path, size_t *length)
{
    uint8_t *blob;
    struct tg_error error;
    size_t armored_length;
    char *armored = read_file(path, &armored_length);
    assert_int_equal(tg_sshsig_dearmor(armored, &blob, length, &error), 0);
    free(armored);
    return blob;
}

void assert_refused(int result, const struct tg_error *error, enum tg_reason reason)
{
    assert_int_equal(result, -1);
    assert_string_equal(tg_reason_name(error->reason), tg_reason_name(reason));
    assert_true(strlen(error->text) > 0);
}
