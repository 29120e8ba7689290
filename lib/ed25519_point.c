/* SPDX-License-Identifier: BSD-2-Clause */
#include "lib/ed25519_point.h"

#include <openssl/bn.h>

#include <string.h>

/* The y coordinates of the eight points of small order, little-endian: 0, 1, p - 1 and the two of order 8.
 * Each stands for both signs of x. */
static const uint8_t small_order[][TG_ED25519_POINT_SIZE] = {
    {0},
    {1},
    {0xec, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff,
     0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0x7f},
    {0x26, 0xe8, 0x95, 0x8f, 0xc2, 0xb2, 0x27, 0xb0, 0x45, 0xc3, 0xf4, 0x89, 0xf2, 0xef, 0x98, 0xf0,
     0xd5, 0xdf, 0xac, 0x05, 0xd3, 0xc6, 0x33, 0x39, 0xb1, 0x38, 0x02, 0x88, 0x6d, 0x53, 0xfc, 0x05},
    {0xc7, 0x17, 0x6a, 0x70, 0x3d, 0x4d, 0xd8, 0x4f, 0xba, 0x3c, 0x0b, 0x76, 0x0d, 0x10, 0x67, 0x0f,
     0x2a, 0x20, 0x53, 0xfa, 0x2c, 0x39, 0xcc, 0xc6, 0x4e, 0xc7, 0xfd, 0x77, 0x92, 0xac, 0x03, 0x7a},
};

static const char field_prime[] = "7fffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffed";
static const char curve_d[] = "52036cee2b6ffe738cc740797779e89800700a4d4141d8ab75eb4dca135978a3";

static bool has_small_order(const uint8_t y[TG_ED25519_POINT_SIZE])
{
    for (size_t i = 0; i < sizeof small_order / sizeof small_order[0]; i++) {
        if (memcmp(small_order[i], y, TG_ED25519_POINT_SIZE) == 0)
            return true;
    }
    return false;
}

/* Is there an x with -x^2 + y^2 = 1 + d x^2 y^2? Then x^2 = u / v with u = y^2 - 1 and v = d y^2 + 1, which
 * is a square exactly if u v is one (v is never 0). Also refuses y >= p. */
static bool is_on_curve(const BIGNUM *y, const BIGNUM *p, const BIGNUM *d, BN_CTX *context)
{
    BIGNUM *square = BN_CTX_get(context);
    BIGNUM *u = BN_CTX_get(context);
    BIGNUM *v = BN_CTX_get(context);
    if (v == NULL || BN_cmp(y, p) >= 0)
        return false;
    if (!BN_mod_sqr(square, y, p, context) || !BN_mod_sub(u, square, BN_value_one(), p, context) ||
        !BN_mod_mul(v, square, d, p, context) || !BN_mod_add(v, v, BN_value_one(), p, context) ||
        !BN_mod_mul(u, u, v, p, context))
        return false;
    return BN_kronecker(u, p, context) == 1;
}

bool tg_ed25519_point_is_sound(struct tg_bytes point)
{
    uint8_t y_bytes[TG_ED25519_POINT_SIZE];
    bool sound = false;
    if (point.length != sizeof y_bytes)
        return false;
    memcpy(y_bytes, point.data, sizeof y_bytes);
    y_bytes[sizeof y_bytes - 1] &= 0x7f; /* the sign of x */
    if (has_small_order(y_bytes))
        return false;
    BIGNUM *p = NULL;
    BIGNUM *d = NULL;
    BIGNUM *y = BN_lebin2bn(y_bytes, sizeof y_bytes, NULL);
    BN_CTX *context = BN_CTX_new();
    if (y == NULL || context == NULL || BN_hex2bn(&p, field_prime) == 0 || BN_hex2bn(&d, curve_d) == 0)
        goto out;
    BN_CTX_start(context);
    sound = is_on_curve(y, p, d, context);
    BN_CTX_end(context);
out:
    BN_CTX_free(context);
    BN_free(y);
    BN_free(d);
    BN_free(p);
    return sound;
}
