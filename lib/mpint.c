/* SPDX-License-Identifier: BSD-2-Clause */
#include "lib/mpint.h"

enum { SIGN_BIT = 0x80 };

bool tg_read_mpint(struct tg_reader *reader, struct tg_bytes *out)
{
    struct tg_bytes number;
    *out = (struct tg_bytes){0};
    if (!tg_read_string(reader, &number) || number.length == 0 || (number.data[0] & SIGN_BIT) != 0)
        return false;
    if (number.data[0] == 0) {
        if (number.length == 1 || (number.data[1] & SIGN_BIT) == 0)
            return false;
        number.data++;
        number.length--;
    }
    *out = number;
    return true;
}

void tg_write_mpint(struct tg_writer *writer, struct tg_bytes magnitude)
{
    while (magnitude.length > 0 && magnitude.data[0] == 0) {
        magnitude.data++;
        magnitude.length--;
    }
    bool padded = magnitude.length > 0 && (magnitude.data[0] & SIGN_BIT) != 0;
    if (magnitude.length >= UINT32_MAX) {
        writer->failed = true;
        return;
    }
    tg_write_u32(writer, (uint32_t)(magnitude.length + padded));
    if (padded)
        tg_write_u8(writer, 0);
    tg_write_bytes(writer, magnitude);
}
