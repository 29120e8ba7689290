/* SPDX-License-Identifier: BSD-2-Clause
 *
 * Asking somebody on a Unix stream socket: connect, send, receive a frame (u32 length, then that many bytes),
 * all by one end on the monotonic clock. Raises no signal. libc only, also for the PAM module.
 */
#ifndef TEGATA_LIB_STREAM_H
#define TEGATA_LIB_STREAM_H

#include "lib/wire.h"

/* `end` is a time of tg_monotonic_ms(). Each returns 0 or -errno: -ETIMEDOUT once the end has come, and
 * -EPROTO for a frame that is empty or longer than `size`. On 0, *fd is the caller's to close, else it is -1.
 */
int tg_stream_connect(const char *path, int64_t end, int *fd);
int tg_stream_send(int fd, struct tg_bytes bytes, int64_t end);
int tg_stream_receive_frame(int fd, uint8_t *data, size_t size, size_t *length, int64_t end);

#endif
