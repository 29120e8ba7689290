/* SPDX-License-Identifier: BSD-2-Clause
 *
 * The directory that says which devices are believed.
 */
#include "lib/attestation_parts.h"

#include <openssl/err.h>
#include <openssl/pem.h>

#include <dirent.h>
#include <errno.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

enum { MODELS_MAX = 1000, LINE_SIZE = 256, AAGUID_TEXT = TG_AAGUID_SIZE - 1 };

static const char without_extension[] = "without-extension";

__attribute__((format(printf, 2, 3))) static int fail(struct tg_error *error, const char *format, ...)
{
    char what[200];
    va_list arguments;
    va_start(arguments, format);
    (void)vsnprintf(what, sizeof what, format, arguments);
    va_end(arguments);
    return tg_fail(error, TG_attestation_trust, "%s", what);
}

static int join(char path[PATH_MAX], const char *directory, const char *name, struct tg_error *error)
{
    int length = snprintf(path, PATH_MAX, "%s/%s", directory, name);
    return length > 0 && length < PATH_MAX ? 0 : fail(error, "%s: the path is too long", directory);
}

/* A file that somebody else could have written must not be believed. */
static FILE *open_file(const char *path, struct tg_error *error)
{
    struct stat status;
    FILE *stream = fopen(path, "re");
    if (stream == NULL || fstat(fileno(stream), &status) != 0) {
        (void)fail(error, "%s: cannot be read: %s", path, strerror(errno));
    } else if (!S_ISREG(status.st_mode)) {
        (void)fail(error, "%s: is not a regular file", path);
    } else if ((status.st_mode & (S_IWGRP | S_IWOTH)) != 0) {
        (void)fail(error, "%s: others may write it; chmod go-w it", path);
    } else {
        return stream;
    }
    if (stream != NULL)
        (void)fclose(stream);
    return NULL;
}

static bool keep(struct tg_attestation_trust *trust, bool root, X509 *certificate)
{
    if (root)
        return X509_STORE_add_cert(trust->roots, certificate) == 1;
    return X509_add_cert(trust->intermediates, certificate, X509_ADD_FLAG_UP_REF) == 1;
}

/* Every certificate of one file; there must be one. */
static int read_certificates(struct tg_attestation_trust *trust, const char *path, bool root,
                             struct tg_error *error)
{
    int count = 0;
    X509 *certificate;
    FILE *stream = open_file(path, error);
    if (stream == NULL)
        return -1;
    bool good = true;
    while (good && (certificate = PEM_read_X509(stream, NULL, NULL, NULL)) != NULL) {
        good = keep(trust, root, certificate);
        X509_free(certificate);
        count++;
    }
    /* PEM_read_X509() says with the same NULL that there is no more and that the next one is damaged. */
    good = good && count > 0 && ERR_GET_REASON(ERR_peek_last_error()) == PEM_R_NO_START_LINE;
    ERR_clear_error();
    (void)fclose(stream);
    return good ? 0 : fail(error, "%s: is not a file of PEM certificates", path);
}

static int is_pem(const struct dirent *entry)
{
    size_t length = strlen(entry->d_name);
    return entry->d_name[0] != '.' && length > 4 && strcmp(entry->d_name + length - 4, ".pem") == 0;
}

static int read_folder(struct tg_attestation_trust *trust, const char *directory, bool root,
                       struct tg_error *error)
{
    char folder[PATH_MAX];
    char path[PATH_MAX];
    struct dirent **entries = NULL;
    if (join(folder, directory, root ? "roots" : "intermediates", error) != 0)
        return -1;
    int count = scandir(folder, &entries, is_pem, alphasort);
    if (count < 0 && errno == ENOENT && !root)
        return 0;
    if (count < 0)
        return fail(error, "%s: cannot be read: %s", folder, strerror(errno));
    int result = count == 0 && root ? fail(error, "%s: has no file NAME.pem", folder) : 0;
    for (int i = 0; i < count; i++) {
        if (result == 0)
            result = join(path, folder, entries[i]->d_name, error);
        if (result == 0)
            result = read_certificates(trust, path, root, error);
        free(entries[i]);
    }
    free(entries);
    return result;
}

/* "01020304-0506-0708-0102-030405060708", lower case, followed by a blank. */
static bool parse_aaguid(const char *text, uint8_t aaguid[TG_AAGUID_BYTES])
{
    static const char digits[] = "0123456789abcdef";
    size_t count = 0;
    for (size_t i = 0; i < AAGUID_TEXT; i++) {
        bool dash = i == 8 || i == 13 || i == 18 || i == 23;
        const char *digit = text[i] == '\0' ? NULL : strchr(digits, text[i]);
        if (dash ? text[i] != '-' : digit == NULL)
            return false;
        if (dash)
            continue;
        unsigned value = (unsigned)(digit - digits);
        aaguid[count / 2] = (uint8_t)(count % 2 == 0 ? value << 4 : aaguid[count / 2] | value);
        count++;
    }
    return text[AAGUID_TEXT] == ' ';
}

/* "AAGUID [without-extension] NAME" */
static bool parse_model(const char *line, struct tg_attestation_model *model)
{
    if (!parse_aaguid(line, model->aaguid))
        return false;
    const char *name = line + AAGUID_TEXT;
    name += strspn(name, " ");
    size_t flag = sizeof without_extension - 1;
    model->without_extension = strncmp(name, without_extension, flag) == 0 && name[flag] == ' ';
    if (model->without_extension)
        name += flag + strspn(name + flag, " ");
    size_t length = strlen(name);
    for (size_t i = 0; i < length; i++) {
        if (name[i] < ' ' || name[i] > '~')
            return false;
    }
    if (length == 0 || length >= sizeof model->name || name[length - 1] == ' ')
        return false;
    memcpy(model->name, name, length + 1);
    return true;
}

static int add_model(struct tg_attestation_trust *trust, const char *path, int number, const char *line,
                     struct tg_error *error)
{
    struct tg_attestation_model model = {0};
    if (!parse_model(line, &model))
        return fail(error, "%s:%d: must be AAGUID [without-extension] NAME, the AAGUID in lower case", path,
                    number);
    if (tg_attestation_model(trust, tg_bytes_of(model.aaguid, sizeof model.aaguid)) != NULL)
        return fail(error, "%s:%d: the AAGUID is listed twice", path, number);
    if (trust->model_count == MODELS_MAX)
        return fail(error, "%s: lists more than %d models", path, MODELS_MAX);
    trust->models[trust->model_count++] = model;
    return 0;
}

static int read_models(struct tg_attestation_trust *trust, const char *directory, struct tg_error *error)
{
    char path[PATH_MAX];
    char line[LINE_SIZE];
    int number = 0;
    int result = 0;
    if (join(path, directory, "aaguids", error) != 0)
        return -1;
    FILE *stream = open_file(path, error);
    if (stream == NULL)
        return -1;
    while (result == 0 && fgets(line, sizeof line, stream) != NULL) {
        size_t length = strcspn(line, "\n");
        number++;
        if (line[length] != '\n' && !feof(stream))
            result = fail(error, "%s:%d: the line is too long", path, number);
        line[length] = '\0';
        if (result == 0 && line[0] != '#' && line[0] != '\0')
            result = add_model(trust, path, number, line, error);
    }
    if (result == 0 && ferror(stream))
        result = fail(error, "%s: cannot be read", path);
    (void)fclose(stream);
    if (result == 0 && trust->model_count == 0)
        result = fail(error, "%s: lists no model", path);
    return result;
}

int tg_attestation_trust_read(const char *directory, struct tg_attestation_trust **out,
                              struct tg_error *error)
{
    *out = NULL;
    struct tg_attestation_trust *trust = calloc(1, sizeof *trust);
    if (trust != NULL) {
        trust->roots = X509_STORE_new();
        trust->intermediates = sk_X509_new_null();
        trust->models = calloc(MODELS_MAX, sizeof *trust->models);
    }
    if (trust == NULL || trust->roots == NULL || trust->intermediates == NULL || trust->models == NULL) {
        tg_attestation_trust_free(trust);
        return tg_fail(error, TG_internal_error, "out of memory");
    }
    if (read_folder(trust, directory, true, error) != 0 || read_folder(trust, directory, false, error) != 0 ||
        read_models(trust, directory, error) != 0) {
        tg_attestation_trust_free(trust);
        return -1;
    }
    *out = trust;
    return 0;
}

void tg_attestation_trust_free(struct tg_attestation_trust *trust)
{
    if (trust == NULL)
        return;
    X509_STORE_free(trust->roots);
    sk_X509_pop_free(trust->intermediates, X509_free);
    free(trust->models);
    free(trust);
}

const struct tg_attestation_model *tg_attestation_model(const struct tg_attestation_trust *trust,
                                                        struct tg_bytes aaguid)
{
    for (size_t i = 0; i < trust->model_count; i++) {
        if (tg_bytes_equal(aaguid, tg_bytes_of(trust->models[i].aaguid, TG_AAGUID_BYTES)))
            return &trust->models[i];
    }
    return NULL;
}
