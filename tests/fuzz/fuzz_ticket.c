/* SPDX-License-Identifier: BSD-2-Clause
 *
 * A ticket that is accepted can be carried by sshd and by the roster, an approval can be made for it, and its
 * like may extend it.
 */
#include "lib/ticket.h"
#include "lib/verdict.h"

#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void check(const struct tg_ticket *ticket)
{
    char *text;
    size_t length;
    struct tg_error error;
    struct tg_approval *approval;
    if (strpbrk(ticket->command, "#\"\\\n") != NULL || strchr(ticket->shell, ':') != NULL ||
        ticket->host_count == 0)
        abort();
    for (size_t i = 0; i < ticket->source_count; i++) {
        if (!tg_network_is_within(ticket->source[i], ticket->source, ticket->source_count))
            abort();
    }
    struct tg_ticket extension = *ticket;
    extension.extends = ticket->id;
    if (strcmp(ticket->extends, ticket->id) == 0 || tg_ticket_extension_gap(&extension, ticket) != NULL)
        abort();
    if (tg_approval_compose(ticket, "bob", ticket->created, ticket->seconds, &text, &length) != 0 ||
        tg_approval_parse(tg_bytes_of(text, length), &approval, &error) != 0 ||
        strcmp(approval->ticket, ticket->digest) != 0)
        abort();
    tg_approval_free(approval);
    free(text);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct tg_ticket *ticket;
    struct tg_error error;
    if (tg_ticket_parse(tg_bytes_of(data, size), &ticket, &error) == 0) {
        check(ticket);
        tg_ticket_free(ticket);
    } else if (error.reason != TG_ticket_malformed && error.reason != TG_ticket_command) {
        abort();
    }
    return 0;
}
