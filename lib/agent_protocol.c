/* SPDX-License-Identifier: BSD-2-Clause */
#include "lib/agent_protocol.h"

#include <string.h>

/* The fields of a request. The enumerators index the tables below. */
enum field { END, ACCOUNT, SERVICE, RHOST, CONNECTION, KEY_TYPE, CERTIFICATE, TEXT };

enum { FIELDS_MAX = 7 };

/* The fields of each kind, in the order in which they travel. */
static const enum field fields_of_kind[][FIELDS_MAX] = {
    [TG_AGENT_PRINCIPALS] = {ACCOUNT, CERTIFICATE, KEY_TYPE, CONNECTION},
    [TG_AGENT_ACCOUNT] = {ACCOUNT, SERVICE, RHOST, CONNECTION},
    [TG_AGENT_SESSION_OPEN] = {ACCOUNT, SERVICE, RHOST, CONNECTION, CERTIFICATE, KEY_TYPE},
    [TG_AGENT_SESSION_CLOSE] = {TEXT},
    [TG_AGENT_STATUS] = {END},
    [TG_AGENT_IMPORT] = {TEXT},
    [TG_AGENT_EXEMPT] = {ACCOUNT, SERVICE, RHOST},
    [TG_AGENT_SUDO] = {ACCOUNT, SERVICE},
    [TG_AGENT_STEP_UP] = {ACCOUNT, SERVICE},
    [TG_AGENT_STEP_UP_PROOF] = {TEXT},
    [TG_AGENT_JOB] = {ACCOUNT, SERVICE},
    [TG_AGENT_TEARDOWN] = {END},
    [TG_AGENT_WIPED] = {TEXT},
    [TG_AGENT_ACCOUNTS] = {END},
};

/* The longest text of each field, without terminator. Together, with their terminators, they fit into
 * tg_agent_request.storage. */
static const size_t longest[] = {
    [ACCOUNT] = 255, [SERVICE] = 63, [RHOST] = 255, [CONNECTION] = 255, [KEY_TYPE] = 127,
};

static bool kind_is_known(unsigned kind)
{
    return kind >= TG_AGENT_PRINCIPALS && kind < sizeof fields_of_kind / sizeof fields_of_kind[0];
}

/* The member that holds a text field; NULL for the two fields that are bytes. */
static const char **text_member(struct tg_agent_request *request, enum field field)
{
    switch (field) {
    case ACCOUNT:
        return &request->account;
    case SERVICE:
        return &request->service;
    case RHOST:
        return &request->rhost;
    case CONNECTION:
        return &request->connection;
    case KEY_TYPE:
        return &request->key_type;
    case END:
    case CERTIFICATE:
    case TEXT:
        break;
    }
    return NULL;
}

static struct tg_bytes *bytes_member(struct tg_agent_request *request, enum field field)
{
    return field == CERTIFICATE ? &request->certificate : &request->text;
}

size_t tg_agent_request_encode(const struct tg_agent_request *request, uint8_t *packet, size_t size)
{
    struct tg_writer writer = tg_writer_of(packet, size < TG_AGENT_REQUEST_MAX ? size : TG_AGENT_REQUEST_MAX);
    struct tg_agent_request copy = *request;
    if (!kind_is_known((unsigned)request->kind))
        return 0;
    tg_write_u8(&writer, TG_AGENT_PROTOCOL_VERSION);
    tg_write_u8(&writer, (uint8_t)request->kind);
    for (const enum field *field = fields_of_kind[request->kind]; *field != END; field++) {
        const char **text = text_member(&copy, *field);
        if (text == NULL) {
            tg_write_string(&writer, *bytes_member(&copy, *field));
            continue;
        }
        const char *value = *text != NULL ? *text : "";
        if (strlen(value) > longest[*field])
            return 0;
        tg_write_text(&writer, value);
    }
    return writer.failed ? 0 : writer.used;
}

static void clear_request(struct tg_agent_request *request)
{
    *request = (struct tg_agent_request){
        .account = "", .service = "", .rhost = "", .connection = "", .key_type = ""};
}

bool tg_agent_request_decode(struct tg_bytes packet, struct tg_agent_request *request)
{
    struct tg_reader reader = tg_reader_of(packet);
    uint8_t version;
    uint8_t kind;
    size_t used = 0;
    clear_request(request);
    if (packet.length > TG_AGENT_REQUEST_MAX || !tg_read_u8(&reader, &version) ||
        !tg_read_u8(&reader, &kind) || version != TG_AGENT_PROTOCOL_VERSION || !kind_is_known(kind))
        return false;
    request->kind = kind;
    for (const enum field *field = fields_of_kind[kind]; *field != END; field++) {
        const char **text = text_member(request, *field);
        bool read = text == NULL ? tg_read_string(&reader, bytes_member(request, *field))
                                 : tg_read_text(&reader, request->storage + used, longest[*field] + 1);
        if (!read) {
            clear_request(request);
            return false;
        }
        if (text == NULL)
            continue;
        *text = request->storage + used;
        used += strlen(*text) + 1;
    }
    if (tg_read_end(&reader))
        return true;
    clear_request(request);
    return false;
}

/* The groups travel as one string of uint32s. */
static void write_gids(struct tg_writer *writer, const struct tg_agent_answer *answer)
{
    if (answer->gid_count > TG_AGENT_GIDS_MAX) {
        writer->failed = true;
        return;
    }
    tg_write_u32(writer, (uint32_t)(answer->gid_count * sizeof(uint32_t)));
    for (size_t i = 0; i < answer->gid_count; i++)
        tg_write_u32(writer, answer->gids[i]);
}

static bool read_gids(struct tg_reader *reader, struct tg_agent_answer *answer)
{
    struct tg_bytes bytes;
    answer->gid_count = 0;
    if (!tg_read_string(reader, &bytes) || bytes.length > sizeof answer->gids ||
        bytes.length % sizeof(uint32_t) != 0)
        return false;
    struct tg_reader gids = tg_reader_of(bytes);
    for (size_t i = 0; i < bytes.length / sizeof(uint32_t); i++) {
        if (!tg_read_u32(&gids, &answer->gids[answer->gid_count++]))
            return false;
    }
    return tg_read_end(&gids);
}

size_t tg_agent_answer_encode(enum tg_agent_kind kind, const struct tg_agent_answer *answer, uint8_t *packet,
                              size_t size)
{
    struct tg_writer writer = tg_writer_of(packet, size < TG_AGENT_ANSWER_MAX ? size : TG_AGENT_ANSWER_MAX);
    tg_write_u8(&writer, TG_AGENT_PROTOCOL_VERSION);
    tg_write_u8(&writer, (uint8_t)kind);
    tg_write_u32(&writer, (uint32_t)answer->reason);
    tg_write_text(&writer, answer->ticket);
    tg_write_text(&writer, answer->detail);
    tg_write_text(&writer, answer->text);
    tg_write_u32(&writer, answer->seconds);
    tg_write_text(&writer, answer->person);
    tg_write_text(&writer, answer->shell);
    tg_write_u32(&writer, answer->flags);
    write_gids(&writer, answer);
    return writer.failed ? 0 : writer.used;
}

static bool is_printable(const char *text)
{
    for (; *text != '\0'; text++) {
        if (*text < 0x20 || *text > 0x7e)
            return false;
    }
    return true;
}

bool tg_agent_answer_decode(struct tg_bytes packet, enum tg_agent_kind kind, struct tg_agent_answer *answer)
{
    struct tg_reader reader = tg_reader_of(packet);
    uint8_t version;
    uint8_t answered;
    uint32_t reason;
    if (packet.length <= TG_AGENT_ANSWER_MAX && tg_read_u8(&reader, &version) &&
        tg_read_u8(&reader, &answered) && version == TG_AGENT_PROTOCOL_VERSION && answered == kind &&
        tg_read_u32(&reader, &reason) && tg_read_text(&reader, answer->ticket, sizeof answer->ticket) &&
        is_printable(answer->ticket) && tg_read_text(&reader, answer->detail, sizeof answer->detail) &&
        is_printable(answer->detail) && tg_read_text(&reader, answer->text, sizeof answer->text) &&
        tg_read_u32(&reader, &answer->seconds) &&
        tg_read_text(&reader, answer->person, sizeof answer->person) && is_printable(answer->person) &&
        tg_read_text(&reader, answer->shell, sizeof answer->shell) && is_printable(answer->shell) &&
        tg_read_u32(&reader, &answer->flags) && read_gids(&reader, answer) && tg_read_end(&reader)) {
        answer->reason = tg_reason_from_number(reason);
        return true;
    }
    *answer = (struct tg_agent_answer){.reason = TG_message_malformed};
    return false;
}
