/* SPDX-License-Identifier: BSD-2-Clause
 *
 * CTAPHID framing and the list of devices; what a device does is in software_ctap2.c.
 */
#include "tests/security_key/software_authenticator.h"

#include "tests/security_key/software_ctap2.h"

#include <dirent.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <fido/credman.h>
#include <fido/eddsa.h>
#include <fido/es256.h>

/* CTAP 2.0 section 8.1. */
enum {
    PACKET = 64,
    INIT_HEADER = 7,
    NEXT_HEADER = 5,
    FRAME_INIT = 0x80,
    COMMAND_INIT = 0x06,
    COMMAND_CBOR = 0x10,
    COMMAND_CANCEL = 0x11,
    COMMAND_KEEPALIVE = 0x3b,
    COMMAND_ERROR = 0x3f,
    CAPABILITY_CBOR = 0x04,
    CAPABILITY_NO_MSG = 0x08,
    STATUS_TOUCH_NEEDED = 2,
    MESSAGE_MAX = 7609,
};

/* One opened device: the message that is coming in, and the one that goes out. */
struct channel {
    struct software_device *device;
    uint8_t channel_id[4];
    uint8_t in[MESSAGE_MAX];
    size_t in_size; /* as announced */
    size_t in_used;
    uint8_t in_command;
    uint8_t out[MESSAGE_MAX];
    size_t out_size;
    size_t out_used;
    uint8_t out_command;
    uint8_t sequence;
    bool waiting; /* for a touch */
};

static void *open_channel(const char *path)
{
    if (software_behaves(path, "locked")) {
        errno = EACCES;
        return NULL;
    }
    struct channel *channel = calloc(1, sizeof *channel);
    if (channel != NULL)
        channel->device = software_device_open(path);
    return channel;
}

static void close_channel(void *handle)
{
    struct channel *channel = handle;
    software_device_close(channel->device);
    free(channel);
}

static void answer(struct channel *channel, uint8_t command, const uint8_t *data, size_t size)
{
    memcpy(channel->out, data, size);
    channel->out_command = command;
    channel->out_size = size;
    channel->out_used = 0;
    channel->sequence = 0;
}

/* Answers INIT: the nonce, a channel, and what the device can do. */
static void handle_init(struct channel *channel)
{
    uint8_t reply[17] = {0};
    memcpy(reply, channel->in, 8);
    memcpy(reply + 8, "\1\2\3\4", 4);
    memcpy(channel->channel_id, "\1\2\3\4", 4);
    reply[12] = 2; /* version of the protocol */
    reply[16] = CAPABILITY_CBOR | CAPABILITY_NO_MSG;
    answer(channel, COMMAND_INIT, reply, sizeof reply);
}

static void handle_message(struct channel *channel)
{
    uint8_t reply[MESSAGE_MAX];
    size_t size = 0;
    if (channel->in_command == COMMAND_INIT) {
        handle_init(channel);
    } else if (channel->in_command == COMMAND_CANCEL) {
        static const uint8_t cancelled[] = {0x2d};
        if (channel->waiting)
            answer(channel, COMMAND_CBOR, cancelled, sizeof cancelled);
        channel->waiting = false;
    } else if (channel->in_command == COMMAND_CBOR) {
        channel->waiting = !software_device_handle(channel->device, channel->in, channel->in_size, reply,
                                                   sizeof reply, &size);
        if (!channel->waiting)
            answer(channel, COMMAND_CBOR, reply, size);
    } else {
        static const uint8_t invalid_command[] = {0x01};
        answer(channel, COMMAND_ERROR, invalid_command, sizeof invalid_command);
    }
}

/* libfido2 writes a report number before the packet. */
static int write_packet(void *handle, const unsigned char *report, size_t length)
{
    struct channel *channel = handle;
    const uint8_t *packet = report + 1;
    const uint8_t *data = packet + NEXT_HEADER;
    size_t part = PACKET - NEXT_HEADER;
    if (length != PACKET + 1 || software_device_is_gone(channel->device))
        return -1;
    if ((packet[4] & FRAME_INIT) != 0) {
        channel->in_command = packet[4] & 0x7f;
        channel->in_size = (size_t)packet[5] << 8 | packet[6];
        channel->in_used = 0;
        data = packet + INIT_HEADER;
        part = PACKET - INIT_HEADER;
    }
    if (channel->in_size > MESSAGE_MAX)
        return -1;
    if (part > channel->in_size - channel->in_used)
        part = channel->in_size - channel->in_used;
    memcpy(channel->in + channel->in_used, data, part);
    channel->in_used += part;
    if (channel->in_used == channel->in_size)
        handle_message(channel);
    return (int)length;
}

static void write_header(struct channel *channel, unsigned char *packet, uint8_t command, size_t size)
{
    memset(packet, 0, PACKET);
    memcpy(packet, channel->channel_id, 4);
    if (memcmp(channel->channel_id, "\0\0\0\0", 4) == 0 || command == COMMAND_INIT)
        memset(packet, 0xff, 4); /* the channel on which one asks for a channel */
    packet[4] = FRAME_INIT | command;
    packet[5] = (uint8_t)(size >> 8);
    packet[6] = (uint8_t)size;
}

/* While nobody touches: a sign of life every so often, until the test, or libfido2, has had enough. */
static int sign_of_life(struct channel *channel, unsigned char *packet, int milliseconds)
{
    enum { SIGN_OF_LIFE_MS = 50 };
    bool short_time = milliseconds >= 0 && milliseconds < SIGN_OF_LIFE_MS;
    (void)usleep((useconds_t)(short_time ? milliseconds : SIGN_OF_LIFE_MS) * 1000);
    if (short_time || software_device_is_gone(channel->device))
        return -1;
    write_header(channel, packet, COMMAND_KEEPALIVE, 1);
    packet[INIT_HEADER] = STATUS_TOUCH_NEEDED;
    return PACKET;
}

static int read_packet(void *handle, unsigned char *packet, size_t length, int milliseconds)
{
    struct channel *channel = handle;
    if (length != PACKET || software_device_is_gone(channel->device))
        return -1;
    if (channel->waiting)
        handle_message(channel); /* it may have been touched by now */
    if (channel->waiting)
        return sign_of_life(channel, packet, milliseconds);
    if (channel->out_size == 0)
        return -1; /* nothing is coming */
    size_t header = channel->out_used == 0 ? INIT_HEADER : NEXT_HEADER;
    write_header(channel, packet, channel->out_command, channel->out_size);
    if (channel->out_used > 0)
        packet[4] = channel->sequence++;
    size_t part = channel->out_size - channel->out_used;
    if (part > PACKET - header)
        part = PACKET - header;
    memset(packet + header, 0, PACKET - header);
    memcpy(packet + header, channel->out + channel->out_used, part);
    channel->out_used += part;
    if (channel->out_used == channel->out_size)
        channel->out_size = 0;
    return PACKET;
}

static fido_dev_t *open_device(void *context, const char *path)
{
    static const fido_dev_io_t functions = {open_channel, close_channel, read_packet, write_packet};
    (void)context;
    fido_init(0);
    fido_dev_t *device = fido_dev_new();
    if (device != NULL && (fido_dev_set_io_functions(device, &functions) != FIDO_OK ||
                           fido_dev_open(device, path) != FIDO_OK)) {
        int why = errno;
        fido_dev_free(&device);
        errno = why;
    }
    return device;
}

static int by_name(const void *a, const void *b)
{
    return strcmp(((const struct tg_security_device *)a)->path, ((const struct tg_security_device *)b)->path);
}

static size_t list(void *context, struct tg_security_device *devices, size_t size)
{
    const char *folder = context;
    size_t found = 0;
    DIR *stream = opendir(folder);
    for (struct dirent *entry; stream != NULL && found < size && (entry = readdir(stream)) != NULL;) {
        struct tg_security_device *device = &devices[found];
        if (entry->d_name[0] == '.')
            continue;
        (void)snprintf(device->path, sizeof device->path, "%.150s/%.90s", folder, entry->d_name);
        (void)snprintf(device->name, sizeof device->name, "%.90s", entry->d_name);
        if (!software_behaves(device->path, "absent"))
            found++;
    }
    if (stream != NULL)
        (void)closedir(stream);
    qsort(devices, found, sizeof *devices, by_name);
    return found;
}

struct tg_security_devices software_devices(const char *folder)
{
    return (struct tg_security_devices){
        .list = list, .open = open_device, .context = (void *)(uintptr_t)folder};
}

int software_make_credential(const char *path, int cose_algorithm, const char *application, int protection,
                             const char *pin, uint8_t id[64], size_t *id_length, uint8_t public_key[64],
                             size_t *public_key_length)
{
    static const uint8_t user[] = {1};
    static const uint8_t client_data[] = "a test";
    fido_cred_t *credential = fido_cred_new();
    fido_dev_t *device = open_device(NULL, path);
    int code = device == NULL || credential == NULL ? FIDO_ERR_INTERNAL : FIDO_OK;
    if (code == FIDO_OK &&
        (fido_cred_set_type(credential, cose_algorithm) != FIDO_OK ||
         fido_cred_set_clientdata(credential, client_data, sizeof client_data) != FIDO_OK ||
         fido_cred_set_rp(credential, application, NULL) != FIDO_OK ||
         fido_cred_set_user(credential, user, sizeof user, "test", NULL, NULL) != FIDO_OK ||
         (protection > 1 && (fido_cred_set_extensions(credential, FIDO_EXT_CRED_PROTECT) != FIDO_OK ||
                             fido_cred_set_prot(credential, protection) != FIDO_OK))))
        code = FIDO_ERR_INVALID_ARGUMENT;
    if (code == FIDO_OK)
        code = fido_dev_make_cred(device, credential, pin);
    if (code == FIDO_OK)
        code = pin == NULL ? fido_cred_verify_self(credential) : FIDO_OK;
    if (code == FIDO_OK) {
        *id_length = fido_cred_id_len(credential);
        *public_key_length = fido_cred_pubkey_len(credential);
        memcpy(id, fido_cred_id_ptr(credential), *id_length);
        memcpy(public_key, fido_cred_pubkey_ptr(credential), *public_key_length);
    }
    if (device != NULL)
        (void)fido_dev_close(device);
    fido_dev_free(&device);
    fido_cred_free(&credential);
    return code;
}
