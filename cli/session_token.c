/* SPDX-License-Identifier: BSD-2-Clause */
#include "cli/session_token.h"

#include "cli/files.h"
#include "lib/public_key.h"

#include <fcntl.h>
#include <jansson.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

enum { STILL_GOOD_FOR = 60, TOKEN_FILE_MAX = 4096 };

/* The directory; NULL if there is none or it is not ours alone. */
static char *token_directory(void)
{
    const char *runtime = getenv("XDG_RUNTIME_DIR");
    char *path = NULL;
    struct stat status;
    if (runtime == NULL || *runtime != '/' || asprintf(&path, "%s/tegata", runtime) < 0)
        return NULL;
    if (tg_directory_make(path) == 0 && lstat(path, &status) == 0 && S_ISDIR(status.st_mode) &&
        status.st_uid == geteuid() && (status.st_mode & 077) == 0)
        return path;
    free(path);
    return NULL;
}

/* DIRECTORY/token-FINGERPRINT of service and key, with the base64 made fit for a file name. */
static char *token_path(const char *url, const char *fingerprint)
{
    char *directory = token_directory();
    char *subject = NULL;
    char *path = NULL;
    char digest[TG_FINGERPRINT_SIZE];
    if (directory == NULL || asprintf(&subject, "%s\n%s", url, fingerprint) < 0)
        goto out;
    tg_fingerprint(tg_bytes_of_text(subject), digest);
    for (char *at = digest; *at != '\0'; at++) {
        if (*at == '/' || *at == ':' || *at == '+')
            *at = '_';
    }
    if (asprintf(&path, "%s/token-%s", directory, digest) < 0)
        path = NULL;
    free(subject);
out:
    free(directory);
    return path;
}

static json_t *read_token(const char *path)
{
    struct stat status;
    json_t *token = NULL;
    int fd = open(path, O_RDONLY | O_CLOEXEC | O_NOFOLLOW);
    if (fd < 0)
        return NULL;
    if (fstat(fd, &status) == 0 && S_ISREG(status.st_mode) && status.st_uid == geteuid() &&
        (status.st_mode & 077) == 0 && status.st_size <= TOKEN_FILE_MAX)
        token = json_loadfd(fd, JSON_REJECT_DUPLICATES, NULL);
    (void)close(fd);
    return token;
}

char *tg_session_token_load(const char *url, const char *fingerprint, int64_t now)
{
    char *found = NULL;
    char *path = token_path(url, fingerprint);
    json_t *kept = path != NULL ? read_token(path) : NULL;
    const char *token = json_string_value(json_object_get(kept, "token"));
    if (token != NULL && json_integer_value(json_object_get(kept, "expires")) > now + STILL_GOOD_FOR)
        found = strdup(token);
    json_decref(kept);
    free(path);
    return found;
}

void tg_session_token_store(const char *url, const char *fingerprint, const char *token, int64_t expires)
{
    char *path = token_path(url, fingerprint);
    json_t *kept = json_pack("{s:s, s:I}", "token", token, "expires", (json_int_t)expires);
    char *text = kept != NULL ? json_dumps(kept, JSON_COMPACT) : NULL;
    if (path != NULL && text != NULL)
        (void)tg_file_replace(path, 0600, text, strlen(text), NULL);
    free(text);
    json_decref(kept);
    free(path);
}

void tg_session_token_forget(const char *url, const char *fingerprint)
{
    char *path = token_path(url, fingerprint);
    if (path != NULL)
        (void)unlink(path);
    free(path);
}
