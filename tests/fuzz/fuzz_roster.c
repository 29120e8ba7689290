/* SPDX-License-Identifier: BSD-2-Clause
 *
 * The roster's reader over arbitrary bytes. The checksum is made right first: it is no secret, and would keep
 * the fuzzer out.
 */
#include "lib/crc32c.h"
#include "lib/roster_reader.h"

#include <stdlib.h>
#include <string.h>

enum { NOW = 1790000000 };

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void seal(uint8_t *bytes, size_t size)
{
    size_t summed = offsetof(struct tg_roster_header, crc),
           rest = offsetof(struct tg_roster_header, file_size);
    uint32_t crc = tg_crc32c(tg_crc32c(0, bytes, summed), bytes + rest, size - rest);
    memcpy(bytes + summed, &crc, sizeof crc);
}

/* Everything that a lookup can touch, in every entry. What was accepted must hold together. */
static void search_users(const struct tg_roster_view *view)
{
    struct tg_roster_account account = {0};
    for (uint32_t user = tg_roster_user_after(view, 0, NOW); user != TG_ROSTER_NONE;
         user = tg_roster_user_after(view, account.uid, NOW)) {
        tg_roster_account(view, user, NOW, &account);
        size_t length = strlen(account.gecos) + strlen(account.home) + strlen(account.shell);
        uint32_t position = 0;
        while (tg_roster_next_gid(view, user, NOW, &position) != 0)
            length++;
        if (tg_roster_user_by_name(view, account.name, NOW) != user || !tg_roster_id_allowed(account.uid) ||
            tg_roster_user_by_uid(view, account.uid, NOW) != user || length > SIZE_MAX / 2)
            abort();
    }
}

static void search_groups(const struct tg_roster_view *view)
{
    uint32_t gid = 0;
    for (uint32_t group = tg_roster_group_after(view, 0, NOW); group != TG_ROSTER_NONE;
         group = tg_roster_group_after(view, gid, NOW)) {
        gid = tg_roster_group_gid(view, group);
        if (tg_roster_group_by_name(view, tg_roster_group_name(view, group), NOW) != group ||
            tg_roster_group_by_gid(view, gid, NOW) != group || !tg_roster_id_allowed(gid))
            abort();
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct tg_roster_view view;
    const char *problem = NULL;
    uint8_t *bytes = malloc(size + 1);
    if (bytes == NULL)
        return 0;
    memcpy(bytes, data, size);
    if (size >= sizeof(struct tg_roster_header))
        seal(bytes, size);
    if (tg_roster_view_of_bytes(bytes, size, &view, &problem) == 0) {
        search_users(&view);
        search_groups(&view);
        if (tg_roster_user_by_name(&view, "nobody-has-this", NOW) != TG_ROSTER_NONE)
            abort();
    }
    free(bytes);
    return 0;
}
