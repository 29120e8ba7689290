/* SPDX-License-Identifier: BSD-2-Clause
 *
 * Passwords, hashed with yescrypt by libcrypt. A hash takes as long as it costs, so these run in a worker's
 * thread; they share nothing.
 */
#ifndef TEGATA_APPROVAL_SERVICE_PASSWORD_H
#define TEGATA_APPROVAL_SERVICE_PASSWORD_H

#include "lib/error.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum { TG_PASSWORD_MIN = 12, TG_PASSWORD_MAX = 512, TG_PASSWORD_HASH_SIZE = 384 /* CRYPT_OUTPUT_SIZE */ };

/* May this become somebody's password? At least TG_PASSWORD_MIN characters, at most TG_PASSWORD_MAX bytes, no
 * control characters. error->reason is password_weak. */
int tg_password_check(const char *password, struct tg_error *error);

/* A setting of crypt(5) with a fresh salt, to hash by. error->reason is internal_error. */
int tg_password_setting(int64_t cost, char setting[TG_PASSWORD_HASH_SIZE], struct tg_error *error);

/* The hash of a password by a setting, or by another hash, which holds one. internal_error if libcrypt does
 * not know it. */
int tg_password_hash(const char *password, const char *setting, char hash[TG_PASSWORD_HASH_SIZE],
                     struct tg_error *error);

/* Is it the very hash? Takes the same time wherever they differ. */
bool tg_password_same(const char *hash, const char *stored);

/* Was the hash made by a setting of this cost? */
bool tg_password_has_cost(const char *hash, const char *setting);

#endif
