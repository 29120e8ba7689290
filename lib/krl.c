/* SPDX-License-Identifier: BSD-2-Clause */
#include "lib/krl.h"

#include "lib/base64.h"
#include "lib/form.h"
#include "lib/grow.h"
#include "lib/krl_list.h"

#include <stdlib.h>
#include <string.h>

struct tg_krl *tg_krl_new(uint64_t version, uint64_t generated)
{
    struct tg_krl *krl = calloc(1, sizeof *krl);
    if (krl == NULL)
        return NULL;
    krl->version = version;
    krl->generated = generated;
    return krl;
}

static void clear_authority(struct tg_krl_authority *authority)
{
    for (size_t i = 0; i < authority->key_id_count; i++)
        free(authority->key_ids[i]);
    free(authority->key_ids);
    free(authority->ranges);
    free(authority->blob);
}

void tg_krl_free(struct tg_krl *krl)
{
    if (krl == NULL)
        return;
    for (size_t i = 0; i < krl->authority_count; i++)
        clear_authority(&krl->authorities[i]);
    free(krl->digests);
    free(krl);
}

uint64_t tg_krl_version(const struct tg_krl *krl)
{
    return krl->version;
}

uint64_t tg_krl_generated(const struct tg_krl *krl)
{
    return krl->generated;
}

struct tg_krl_counts tg_krl_count(const struct tg_krl *krl)
{
    struct tg_krl_counts counts = {.keys = krl->digest_count};
    for (size_t i = 0; i < krl->authority_count; i++) {
        counts.serials += krl->authorities[i].range_count;
        counts.key_ids += krl->authorities[i].key_id_count;
    }
    return counts;
}

/* --- Adding
 * ---------------------------------------------------------------------------------------------------------
 */

static int no_memory(struct tg_error *error)
{
    return tg_fail(error, TG_internal_error, "no memory for a revocation list");
}

/* Room for one more in one of the lists; NULL with *error filled in. */
static void *make_room(struct tg_krl *krl, void *list, size_t count, size_t *size, size_t element,
                       struct tg_error *error)
{
    if (krl->entries == TG_KRL_ENTRIES_MAX) {
        (void)tg_fail(error, TG_revocations_malformed, "revocation list: more than %d entries",
                      TG_KRL_ENTRIES_MAX);
        return NULL;
    }
    void *grown = tg_grow(list, count, size, element);
    if (grown == NULL)
        (void)no_memory(error);
    else
        krl->entries++;
    return grown;
}

int tg_krl_add_digest(struct tg_krl *krl, const uint8_t digest[TG_KRL_DIGEST_SIZE], struct tg_error *error)
{
    struct tg_krl_digest *list =
        make_room(krl, krl->digests, krl->digest_count, &krl->digest_size, sizeof *list, error);
    if (list == NULL)
        return -1;
    krl->digests = list;
    memcpy(list[krl->digest_count++].bytes, digest, TG_KRL_DIGEST_SIZE);
    return 0;
}

/* The 32 bytes behind "SHA256:". False if the text is no such fingerprint. */
static bool read_fingerprint(const char *fingerprint, uint8_t digest[TG_KRL_DIGEST_SIZE])
{
    char padded[TG_FINGERPRINT_SIZE + 1];
    size_t used;
    if (!tg_form_fingerprint.matches(fingerprint))
        return false;
    (void)snprintf(padded, sizeof padded, "%s=", fingerprint + strlen("SHA256:"));
    return tg_base64_decode(TG_BASE64, tg_bytes_of_text(padded), digest, TG_KRL_DIGEST_SIZE, &used) &&
           used == TG_KRL_DIGEST_SIZE;
}

int tg_krl_add_key(struct tg_krl *krl, const char *fingerprint, struct tg_error *error)
{
    uint8_t digest[TG_KRL_DIGEST_SIZE];
    if (!read_fingerprint(fingerprint, digest))
        return tg_fail(error, TG_revocations_malformed, "revocation list: '%s' is no SHA256 fingerprint",
                       fingerprint);
    return tg_krl_add_digest(krl, digest, error);
}

static struct tg_bytes blob_of(const struct tg_krl_authority *authority)
{
    return tg_bytes_of(authority->blob, authority->blob_length);
}

/* The authority with this blob, put in if it is not there. NULL with *error filled in. */
static struct tg_krl_authority *authority_of(struct tg_krl *krl, struct tg_bytes blob, struct tg_error *error)
{
    for (size_t i = 0; i < krl->authority_count; i++) {
        if (tg_bytes_equal(blob_of(&krl->authorities[i]), blob))
            return &krl->authorities[i];
    }
    if (krl->authority_count == TG_KRL_AUTHORITIES_MAX) {
        (void)tg_fail(error, TG_revocations_malformed, "revocation list: more than %d authorities",
                      TG_KRL_AUTHORITIES_MAX);
        return NULL;
    }
    uint8_t *copy = malloc(blob.length + 1);
    if (copy == NULL) {
        (void)no_memory(error);
        return NULL;
    }
    if (blob.length > 0)
        memcpy(copy, blob.data, blob.length);
    struct tg_krl_authority *authority = &krl->authorities[krl->authority_count++];
    authority->blob = copy;
    authority->blob_length = blob.length;
    return authority;
}

int tg_krl_add_serials(struct tg_krl *krl, struct tg_bytes authority, uint64_t low, uint64_t high,
                       struct tg_error *error)
{
    if (low == 0 || high < low)
        return tg_fail(error, TG_revocations_malformed,
                       "revocation list: serials must be from 1, and a range must not run backwards");
    struct tg_krl_authority *of = authority_of(krl, authority, error);
    if (of == NULL)
        return -1;
    struct tg_krl_range *list =
        make_room(krl, of->ranges, of->range_count, &of->range_size, sizeof *list, error);
    if (list == NULL)
        return -1;
    of->ranges = list;
    list[of->range_count++] = (struct tg_krl_range){.low = low, .high = high};
    return 0;
}

int tg_krl_add_key_id(struct tg_krl *krl, struct tg_bytes authority, const char *key_id,
                      struct tg_error *error)
{
    if (strlen(key_id) > TG_KRL_KEY_ID_MAX)
        return tg_fail(error, TG_revocations_malformed, "revocation list: a key id of more than %d bytes",
                       TG_KRL_KEY_ID_MAX);
    struct tg_krl_authority *of = authority_of(krl, authority, error);
    if (of == NULL)
        return -1;
    char **list = make_room(krl, of->key_ids, of->key_id_count, &of->key_id_size, sizeof *list, error);
    if (list == NULL)
        return -1;
    of->key_ids = list;
    list[of->key_id_count] = strdup(key_id);
    if (list[of->key_id_count] == NULL)
        return no_memory(error);
    of->key_id_count++;
    return 0;
}

/* --- Order
 * ----------------------------------------------------------------------------------------------------------
 */

static int compare_digests(const void *a, const void *b)
{
    return memcmp(a, b, TG_KRL_DIGEST_SIZE);
}

static int compare_ranges(const void *a, const void *b)
{
    const struct tg_krl_range *one = a;
    const struct tg_krl_range *other = b;
    return one->low < other->low ? -1 : one->low > other->low;
}

static int compare_texts(const void *a, const void *b)
{
    return strcmp(*(char *const *)a, *(char *const *)b);
}

static int compare_authorities(const void *a, const void *b)
{
    const struct tg_krl_authority *one = a;
    const struct tg_krl_authority *other = b;
    if (one->blob_length != other->blob_length)
        return one->blob_length < other->blob_length ? -1 : 1;
    return memcmp(one->blob, other->blob, one->blob_length);
}

static void sort_digests(struct tg_krl *krl)
{
    size_t kept = 0;
    if (krl->digest_count == 0)
        return;
    qsort(krl->digests, krl->digest_count, sizeof *krl->digests, compare_digests);
    for (size_t i = 1; i < krl->digest_count; i++) {
        if (compare_digests(&krl->digests[kept], &krl->digests[i]) != 0)
            krl->digests[++kept] = krl->digests[i];
    }
    krl->digest_count = kept + 1;
}

static void sort_ranges(struct tg_krl_authority *authority)
{
    struct tg_krl_range *list = authority->ranges;
    size_t kept = 0;
    if (authority->range_count == 0)
        return;
    qsort(list, authority->range_count, sizeof *list, compare_ranges);
    for (size_t i = 1; i < authority->range_count; i++) {
        if (list[kept].high != UINT64_MAX && list[i].low > list[kept].high + 1)
            list[++kept] = list[i];
        else if (list[i].high > list[kept].high)
            list[kept].high = list[i].high;
    }
    authority->range_count = kept + 1;
}

static void sort_key_ids(struct tg_krl_authority *authority)
{
    char **list = authority->key_ids;
    size_t kept = 0;
    if (authority->key_id_count == 0)
        return;
    qsort(list, authority->key_id_count, sizeof *list, compare_texts);
    for (size_t i = 1; i < authority->key_id_count; i++) {
        if (strcmp(list[kept], list[i]) != 0)
            list[++kept] = list[i];
        else
            free(list[i]);
    }
    authority->key_id_count = kept + 1;
}

void tg_krl_sort(struct tg_krl *krl)
{
    sort_digests(krl);
    qsort(krl->authorities, krl->authority_count, sizeof *krl->authorities, compare_authorities);
    for (size_t i = 0; i < krl->authority_count; i++) {
        sort_ranges(&krl->authorities[i]);
        sort_key_ids(&krl->authorities[i]);
    }
}

/* --- Lookups
 * -------------------------------------------------------------------------------------------------------- */

bool tg_krl_revokes_key(const struct tg_krl *krl, const char *fingerprint)
{
    uint8_t digest[TG_KRL_DIGEST_SIZE];
    if (krl == NULL || krl->digest_count == 0 || !read_fingerprint(fingerprint, digest))
        return false;
    return bsearch(digest, krl->digests, krl->digest_count, sizeof *krl->digests, compare_digests) != NULL;
}

static int compare_serial_to_range(const void *serial, const void *range)
{
    uint64_t number = *(const uint64_t *)serial;
    const struct tg_krl_range *among = range;
    if (number < among->low)
        return -1;
    return number > among->high;
}

static bool revokes(const struct tg_krl_authority *authority, uint64_t serial, const char *key_id)
{
    if (serial != 0 && authority->range_count > 0 &&
        bsearch(&serial, authority->ranges, authority->range_count, sizeof *authority->ranges,
                compare_serial_to_range) != NULL)
        return true;
    return authority->key_id_count > 0 && bsearch(&key_id, authority->key_ids, authority->key_id_count,
                                                  sizeof *authority->key_ids, compare_texts) != NULL;
}

bool tg_krl_revokes_certificate(const struct tg_krl *krl, struct tg_bytes authority, uint64_t serial,
                                const char *key_id)
{
    for (size_t i = 0; krl != NULL && i < krl->authority_count; i++) {
        const struct tg_krl_authority *listed = &krl->authorities[i];
        if ((listed->blob_length == 0 || tg_bytes_equal(blob_of(listed), authority)) &&
            revokes(listed, serial, key_id))
            return true;
    }
    return false;
}
