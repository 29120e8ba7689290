/* SPDX-License-Identifier: BSD-2-Clause */
#include "lib/krl_list.h"

#include <stdlib.h>

/* A section begins with its type and its length, which is known at its end. */
static size_t begin_section(struct tg_writer *writer, uint8_t type)
{
    tg_write_u8(writer, type);
    tg_write_u32(writer, 0);
    return writer->used;
}

static void end_section(struct tg_writer *writer, size_t start)
{
    if (writer->failed)
        return;
    struct tg_writer length = tg_writer_of(writer->data + start - sizeof(uint32_t), sizeof(uint32_t));
    tg_write_u32(&length, (uint32_t)(writer->used - start));
}

static void write_digests(struct tg_writer *writer, const struct tg_krl *krl)
{
    if (krl->digest_count == 0)
        return;
    size_t section = begin_section(writer, TG_KRL_FINGERPRINT_SHA256);
    for (size_t i = 0; i < krl->digest_count; i++)
        tg_write_string(writer, tg_bytes_of(krl->digests[i].bytes, TG_KRL_DIGEST_SIZE));
    end_section(writer, section);
}

static bool has_single_serials(const struct tg_krl_authority *authority)
{
    for (size_t i = 0; i < authority->range_count; i++) {
        if (authority->ranges[i].low == authority->ranges[i].high)
            return true;
    }
    return false;
}

static void write_serials(struct tg_writer *writer, const struct tg_krl_authority *authority)
{
    if (has_single_serials(authority)) {
        size_t section = begin_section(writer, TG_KRL_SERIAL_LIST);
        for (size_t i = 0; i < authority->range_count; i++) {
            if (authority->ranges[i].low == authority->ranges[i].high)
                tg_write_u64(writer, authority->ranges[i].low);
        }
        end_section(writer, section);
    }
    for (size_t i = 0; i < authority->range_count; i++) {
        if (authority->ranges[i].low == authority->ranges[i].high)
            continue;
        size_t section = begin_section(writer, TG_KRL_SERIAL_RANGE);
        tg_write_u64(writer, authority->ranges[i].low);
        tg_write_u64(writer, authority->ranges[i].high);
        end_section(writer, section);
    }
}

static void write_authority(struct tg_writer *writer, const struct tg_krl_authority *authority)
{
    size_t section = begin_section(writer, TG_KRL_CERTIFICATES);
    tg_write_string(writer, tg_bytes_of(authority->blob, authority->blob_length));
    tg_write_text(writer, ""); /* reserved */
    write_serials(writer, authority);
    if (authority->key_id_count > 0) {
        size_t key_ids = begin_section(writer, TG_KRL_KEY_ID);
        for (size_t i = 0; i < authority->key_id_count; i++)
            tg_write_text(writer, authority->key_ids[i]);
        end_section(writer, key_ids);
    }
    end_section(writer, section);
}

int tg_krl_write(struct tg_krl *krl, uint8_t **out, size_t *length, struct tg_error *error)
{
    *length = 0;
    *out = malloc(TG_KRL_MAX);
    if (*out == NULL)
        return tg_fail(error, TG_internal_error, "no memory for a revocation list");
    struct tg_writer writer = tg_writer_of(*out, TG_KRL_MAX);
    tg_krl_sort(krl);
    tg_write_u64(&writer, TG_KRL_MAGIC);
    tg_write_u32(&writer, TG_KRL_FORMAT);
    tg_write_u64(&writer, krl->version);
    tg_write_u64(&writer, krl->generated);
    tg_write_u64(&writer, 0);   /* flags */
    tg_write_text(&writer, ""); /* reserved */
    tg_write_text(&writer, "tegata");
    write_digests(&writer, krl);
    for (size_t i = 0; i < krl->authority_count; i++)
        write_authority(&writer, &krl->authorities[i]);
    if (!writer.failed) {
        *length = writer.used;
        return 0;
    }
    free(*out);
    *out = NULL;
    return tg_fail(error, TG_revocations_malformed, "revocation list: longer than %d bytes", TG_KRL_MAX);
}
