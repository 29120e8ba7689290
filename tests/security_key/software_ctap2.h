/* SPDX-License-Identifier: BSD-2-Clause
 *
 * What an authenticator in software does with one CTAP2 message.
 */
#ifndef TEGATA_TESTS_SECURITY_KEY_SOFTWARE_CTAP2_H
#define TEGATA_TESTS_SECURITY_KEY_SOFTWARE_CTAP2_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct software_device;

/* `path` is the device's folder (software_authenticator.h). */
struct software_device *software_device_open(const char *path);
void software_device_close(struct software_device *device);

/* Answers one message (CTAP 2.0 section 6: command, CBOR). False: it waits for a touch that does not come. */
bool software_device_handle(struct software_device *device, const uint8_t *message, size_t length,
                            uint8_t *reply, size_t size, size_t *reply_length);

/* Was it taken out since it was opened? */
bool software_device_is_gone(const struct software_device *device);

/* Is this word in the file "behaviour"? */
bool software_behaves(const char *path, const char *word);

#endif
