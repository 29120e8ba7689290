/* SPDX-License-Identifier: BSD-2-Clause */
#include "tests/security_key/software_ctap2.h"

#include <cbor.h>
#include <openssl/core_names.h>
#include <openssl/ec.h>
#include <openssl/evp.h>
#include <openssl/hmac.h>
#include <openssl/param_build.h>
#include <openssl/rand.h>
#include <openssl/sha.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* CTAP 2.0 sections 6 and 8.2. */
enum {
    MAKE_CREDENTIAL = 1,
    GET_ASSERTION = 2,
    GET_INFO = 4,
    CLIENT_PIN = 6,
    OK = 0x00,
    INVALID_COMMAND = 0x01,
    CHANNEL_BUSY = 0x06,
    INVALID_CBOR = 0x12,
    UNSUPPORTED_ALGORITHM = 0x26,
    NO_CREDENTIALS = 0x2e,
    USER_ACTION_TIMEOUT = 0x2f,
    PIN_INVALID = 0x31,
    PIN_BLOCKED = 0x32,
    PIN_AUTH_INVALID = 0x33,
    PIN_AUTH_BLOCKED = 0x34,
    PIN_NOT_SET = 0x35,
    PIN_REQUIRED = 0x36,
};

enum {
    ES256 = -7,
    EDDSA = -8,
    SECRET = 32,
    POINT = 65,
    HANDLE = 8 + 1 + SECRET,
    RETRIES = 8,
    PIN_FIELD = 64,
    IN_A_ROW = 3, /* wrong PINs, until the device wants to be taken out */
    USER_PRESENT = 0x01,
    USER_VERIFIED = 0x04,
    ATTESTED = 0x40,
    EXTENSIONS = 0x80,
};

static const uint8_t handle_magic[8] = {'S', 'O', 'F', 'T', 'S', 'K', '0', '1'};
static const uint8_t aaguid[16] = "tegata software";

struct software_device {
    char path[256];
    EVP_PKEY *agreement;
    uint8_t token[32];
    int wrong; /* PINs in a row */
    bool gone;
};

/* One credential of the file "credentials". */
struct credential {
    uint8_t id[HANDLE];
    char application[128];
    int protection;
};

/* --- Files ---------------------------------------------------------------------------------------------- */

static FILE *open_file(const char *path, const char *name, const char *mode)
{
    char full[512];
    (void)snprintf(full, sizeof full, "%s/%s", path, name);
    return fopen(full, mode);
}

static bool read_word(const char *path, const char *name, char word[PIN_FIELD])
{
    FILE *stream = open_file(path, name, "re");
    word[0] = '\0';
    bool there = stream != NULL && fgets(word, PIN_FIELD, stream) != NULL;
    word[strcspn(word, "\n")] = '\0';
    if (stream != NULL)
        (void)fclose(stream);
    return there;
}

static long read_number(const char *path, const char *name, long otherwise)
{
    char word[PIN_FIELD];
    return read_word(path, name, word) ? strtol(word, NULL, 0) : otherwise;
}

static void write_word(const char *path, const char *name, const char *word)
{
    FILE *stream = open_file(path, name, "we");
    if (stream == NULL)
        return;
    (void)fprintf(stream, "%s\n", word);
    (void)fclose(stream);
}

static void write_number(const char *path, const char *name, long number)
{
    char word[PIN_FIELD];
    (void)snprintf(word, sizeof word, "%ld", number);
    write_word(path, name, word);
}

bool software_behaves(const char *path, const char *word)
{
    char found[PIN_FIELD];
    return read_word(path, "behaviour", found) && strcmp(found, word) == 0;
}

static bool parse_credential(const char *line, struct credential *out)
{
    char hex[2 * HANDLE + 1];
    if (sscanf(line, "%82s %127s %d", hex, out->application, &out->protection) != 3 ||
        strlen(hex) != 2 * HANDLE)
        return false;
    for (size_t i = 0; i < HANDLE; i++) {
        char digits[] = {hex[2 * i], hex[2 * i + 1], '\0'};
        out->id[i] = (uint8_t)strtoul(digits, NULL, 16);
    }
    return memcmp(out->id, handle_magic, sizeof handle_magic) == 0;
}

static bool find_credential(const struct software_device *device, const uint8_t *id, size_t length,
                            const char *application, struct credential *out)
{
    char line[512];
    bool found = false;
    FILE *stream = open_file(device->path, "credentials", "re");
    while (stream != NULL && !found && fgets(line, sizeof line, stream) != NULL)
        found = parse_credential(line, out) && length == HANDLE && memcmp(out->id, id, HANDLE) == 0 &&
                strcmp(out->application, application) == 0;
    if (stream != NULL)
        (void)fclose(stream);
    return found;
}

static void store_credential(const struct software_device *device, const struct credential *credential)
{
    FILE *stream = open_file(device->path, "credentials", "ae");
    if (stream == NULL)
        return;
    for (size_t i = 0; i < HANDLE; i++)
        (void)fprintf(stream, "%02x", credential->id[i]);
    (void)fprintf(stream, " %s %d\n", credential->application, credential->protection);
    (void)fclose(stream);
}

/* --- Keys ----------------------------------------------------------------------------------------------- */

static EVP_PKEY *new_p256(void)
{
    return EVP_EC_gen("P-256");
}

/* A P-256 key of its parts: the private number, or the point 04||x||y. */
static EVP_PKEY *p256_of(const uint8_t *secret, const uint8_t *point)
{
    EVP_PKEY *key = NULL;
    OSSL_PARAM *params = NULL;
    OSSL_PARAM_BLD *builder = OSSL_PARAM_BLD_new();
    EVP_PKEY_CTX *context = EVP_PKEY_CTX_new_from_name(NULL, "EC", NULL);
    BIGNUM *number = secret != NULL ? BN_bin2bn(secret, SECRET, NULL) : NULL;
    if (OSSL_PARAM_BLD_push_utf8_string(builder, OSSL_PKEY_PARAM_GROUP_NAME, "P-256", 0) == 1 &&
        (secret == NULL || OSSL_PARAM_BLD_push_BN(builder, OSSL_PKEY_PARAM_PRIV_KEY, number) == 1) &&
        (point == NULL ||
         OSSL_PARAM_BLD_push_octet_string(builder, OSSL_PKEY_PARAM_PUB_KEY, point, POINT) == 1))
        params = OSSL_PARAM_BLD_to_param(builder);
    if (params == NULL || EVP_PKEY_fromdata_init(context) != 1 ||
        EVP_PKEY_fromdata(context, &key, secret != NULL ? EVP_PKEY_KEYPAIR : EVP_PKEY_PUBLIC_KEY, params) !=
            1)
        key = NULL;
    BN_clear_free(number);
    EVP_PKEY_CTX_free(context);
    OSSL_PARAM_free(params);
    OSSL_PARAM_BLD_free(builder);
    return key;
}

static bool is_eddsa(const struct credential *credential)
{
    return credential->id[sizeof handle_magic] == 1;
}

static bool sign(const struct credential *credential, const uint8_t *message, size_t length,
                 uint8_t signature[80], size_t *signature_length)
{
    const uint8_t *secret = credential->id + sizeof handle_magic + 1;
    EVP_PKEY *key = is_eddsa(credential)
                        ? EVP_PKEY_new_raw_private_key_ex(NULL, "ED25519", NULL, secret, SECRET)
                        : p256_of(secret, NULL);
    EVP_MD_CTX *context = EVP_MD_CTX_new();
    *signature_length = 80;
    bool ok = key != NULL &&
              EVP_DigestSignInit_ex(context, NULL, is_eddsa(credential) ? NULL : "SHA256", NULL, NULL, key,
                                    NULL) == 1 &&
              EVP_DigestSign(context, signature, signature_length, message, length) == 1;
    EVP_MD_CTX_free(context);
    EVP_PKEY_free(key);
    return ok;
}

/* A new key: its private half into `secret`, its public half into `public_key` (04||x||y, or 32 bytes). */
static bool generate(bool eddsa, uint8_t secret[SECRET], uint8_t public_key[POINT])
{
    size_t secret_size = SECRET;
    size_t public_size = POINT;
    BIGNUM *number = NULL;
    EVP_PKEY *key = eddsa ? EVP_PKEY_Q_keygen(NULL, NULL, "ED25519") : new_p256();
    bool ok = key != NULL;
    if (ok && eddsa)
        ok = EVP_PKEY_get_raw_private_key(key, secret, &secret_size) == 1 &&
             EVP_PKEY_get_raw_public_key(key, public_key, &public_size) == 1;
    else if (ok)
        ok = EVP_PKEY_get_bn_param(key, OSSL_PKEY_PARAM_PRIV_KEY, &number) == 1 &&
             BN_bn2binpad(number, secret, SECRET) == SECRET &&
             EVP_PKEY_get_octet_string_param(key, OSSL_PKEY_PARAM_ENCODED_PUBLIC_KEY, public_key, POINT,
                                             &public_size) == 1;
    BN_clear_free(number);
    EVP_PKEY_free(key);
    return ok;
}

/* --- CBOR ----------------------------------------------------------------------------------------------- */

static bool is_integer(const cbor_item_t *item, int number)
{
    if (cbor_isa_uint(item))
        return number >= 0 && cbor_get_int(item) == (uint64_t)number;
    return cbor_isa_negint(item) && number < 0 && cbor_get_int(item) == (uint64_t)(-1 - number);
}

static bool is_text(const cbor_item_t *item, const char *text)
{
    return cbor_isa_string(item) && cbor_string_length(item) == strlen(text) &&
           memcmp(cbor_string_handle(item), text, strlen(text)) == 0;
}

/* The value of a map's key, a number or, if `text` is not NULL, a text; NULL: not there. */
static const cbor_item_t *get(const cbor_item_t *map, int number, const char *text)
{
    if (map == NULL || !cbor_isa_map(map))
        return NULL;
    const struct cbor_pair *pairs = cbor_map_handle(map);
    for (size_t i = 0; i < cbor_map_size(map); i++) {
        if (text != NULL ? is_text(pairs[i].key, text) : is_integer(pairs[i].key, number))
            return pairs[i].value;
    }
    return NULL;
}

static const uint8_t *get_bytes(const cbor_item_t *map, int number, const char *text, size_t *length)
{
    const cbor_item_t *item = get(map, number, text);
    *length = 0;
    if (item == NULL || !cbor_isa_bytestring(item))
        return NULL;
    *length = cbor_bytestring_length(item);
    return cbor_bytestring_handle(item);
}

static bool get_text(const cbor_item_t *item, char *out, size_t size)
{
    if (item == NULL || !cbor_isa_string(item) || cbor_string_length(item) >= size)
        return false;
    memcpy(out, cbor_string_handle(item), cbor_string_length(item));
    out[cbor_string_length(item)] = '\0';
    return true;
}

static void put(cbor_item_t *map, cbor_item_t *key, cbor_item_t *value)
{
    if (!cbor_map_add(map, (struct cbor_pair){.key = cbor_move(key), .value = cbor_move(value)}))
        abort();
}

static cbor_item_t *number(int value)
{
    return value >= 0 ? cbor_build_uint8((uint8_t)value) : cbor_build_negint8((uint8_t)(-1 - value));
}

static cbor_item_t *text_array(const char *text)
{
    cbor_item_t *array = cbor_new_definite_array(1);
    if (!cbor_array_push(array, cbor_move(cbor_build_string(text))))
        abort();
    return array;
}

/* A public key as COSE has it. */
static cbor_item_t *cose_key(bool eddsa, int algorithm, const uint8_t *public_key)
{
    cbor_item_t *map = cbor_new_definite_map(eddsa ? 4 : 5);
    put(map, number(1), number(eddsa ? 1 : 2));
    put(map, number(3), number(algorithm));
    put(map, number(-1), number(eddsa ? 6 : 1));
    put(map, number(-2), cbor_build_bytestring(eddsa ? public_key : public_key + 1, 32));
    if (!eddsa)
        put(map, number(-3), cbor_build_bytestring(public_key + 33, 32));
    return map;
}

/* --- The PIN, protocol 1 (CTAP 2.0 section 5.5) ----------------------------------------------------------
 */

static bool cbc(bool encrypt, const uint8_t key[32], const uint8_t *in, size_t length, uint8_t *out)
{
    static const uint8_t no_iv[16] = {0};
    int used = 0;
    EVP_CIPHER_CTX *context = EVP_CIPHER_CTX_new();
    bool ok = context != NULL &&
              EVP_CipherInit_ex(context, EVP_aes_256_cbc(), NULL, key, no_iv, encrypt ? 1 : 0) == 1 &&
              EVP_CIPHER_CTX_set_padding(context, 0) == 1 &&
              EVP_CipherUpdate(context, out, &used, in, (int)length) == 1 && (size_t)used == length;
    EVP_CIPHER_CTX_free(context);
    return ok;
}

/* The secret shared with the platform, whose key is in `request`. */
static bool shared_secret(const struct software_device *device, const cbor_item_t *request,
                          uint8_t shared[32])
{
    uint8_t point[POINT] = {4};
    uint8_t x[32];
    size_t size = sizeof x;
    size_t lengths[2];
    const cbor_item_t *key = get(request, 3, NULL);
    const uint8_t *parts[] = {get_bytes(key, -2, NULL, &lengths[0]), get_bytes(key, -3, NULL, &lengths[1])};
    if (lengths[0] != 32 || lengths[1] != 32)
        return false;
    memcpy(point + 1, parts[0], 32);
    memcpy(point + 33, parts[1], 32);
    EVP_PKEY *peer = p256_of(NULL, point);
    EVP_PKEY_CTX *context = EVP_PKEY_CTX_new(device->agreement, NULL);
    bool ok = peer != NULL && EVP_PKEY_derive_init(context) == 1 &&
              EVP_PKEY_derive_set_peer(context, peer) == 1 && EVP_PKEY_derive(context, x, &size) == 1 &&
              SHA256(x, size, shared) != NULL;
    EVP_PKEY_CTX_free(context);
    EVP_PKEY_free(peer);
    return ok;
}

static bool is_mac(const uint8_t key[32], const uint8_t *data, size_t length, const uint8_t *mac,
                   size_t mac_length)
{
    uint8_t made[32];
    return mac_length == 16 && HMAC(EVP_sha256(), key, 32, data, length, made, NULL) != NULL &&
           memcmp(made, mac, 16) == 0;
}

static uint8_t key_agreement(const struct software_device *device, cbor_item_t **answer)
{
    uint8_t point[POINT];
    size_t size = 0;
    if (EVP_PKEY_get_octet_string_param(device->agreement, OSSL_PKEY_PARAM_ENCODED_PUBLIC_KEY, point,
                                        sizeof point, &size) != 1)
        abort();
    *answer = cbor_new_definite_map(1);
    put(*answer, number(1), cose_key(false, -25, point));
    return OK;
}

static uint8_t set_pin(struct software_device *device, const cbor_item_t *request)
{
    uint8_t shared[32];
    uint8_t pin[PIN_FIELD + 1] = {0};
    size_t mac_length;
    size_t length;
    const uint8_t *mac = get_bytes(request, 4, NULL, &mac_length);
    const uint8_t *encrypted = get_bytes(request, 5, NULL, &length);
    if (length != PIN_FIELD || !shared_secret(device, request, shared) ||
        !is_mac(shared, encrypted, length, mac, mac_length) || !cbc(false, shared, encrypted, length, pin))
        return PIN_AUTH_INVALID;
    write_word(device->path, "pin", (const char *)pin);
    write_number(device->path, "retries", RETRIES);
    return OK;
}

/* A wrong PIN costs a try, and a few in a row make the device refuse until it has been taken out. */
static uint8_t wrong_pin(struct software_device *device, long left)
{
    write_number(device->path, "retries", left - 1);
    EVP_PKEY_free(device->agreement);
    device->agreement = new_p256();
    if (left - 1 == 0)
        return PIN_BLOCKED;
    return ++device->wrong == IN_A_ROW ? PIN_AUTH_BLOCKED : PIN_INVALID;
}

static uint8_t pin_token(struct software_device *device, const cbor_item_t *request, cbor_item_t **answer)
{
    uint8_t shared[32];
    uint8_t given[16];
    uint8_t hash[SHA256_DIGEST_LENGTH];
    uint8_t token[32];
    char pin[PIN_FIELD];
    size_t length;
    long left = read_number(device->path, "retries", RETRIES);
    const uint8_t *encrypted = get_bytes(request, 6, NULL, &length);
    if (!read_word(device->path, "pin", pin))
        return PIN_NOT_SET;
    if (left <= 0)
        return PIN_BLOCKED;
    if (device->wrong >= IN_A_ROW)
        return PIN_AUTH_BLOCKED;
    if (length != sizeof given || !shared_secret(device, request, shared) ||
        !cbc(false, shared, encrypted, length, given))
        return PIN_AUTH_INVALID;
    (void)SHA256((const uint8_t *)pin, strlen(pin), hash);
    if (memcmp(hash, given, sizeof given) != 0)
        return wrong_pin(device, left);
    device->wrong = 0;
    write_number(device->path, "retries", RETRIES);
    if (RAND_bytes(device->token, sizeof device->token) != 1 ||
        !cbc(true, shared, device->token, sizeof device->token, token))
        abort();
    *answer = cbor_new_definite_map(1);
    put(*answer, number(2), cbor_build_bytestring(token, sizeof token));
    return OK;
}

static uint8_t client_pin(struct software_device *device, const cbor_item_t *request, cbor_item_t **answer)
{
    const cbor_item_t *command = get(request, 2, NULL);
    if (command == NULL)
        return INVALID_CBOR;
    if (is_integer(command, 1)) {
        *answer = cbor_new_definite_map(1);
        put(*answer, number(3), number((int)read_number(device->path, "retries", RETRIES)));
        return OK;
    }
    if (is_integer(command, 2))
        return key_agreement(device, answer);
    if (is_integer(command, 3))
        return set_pin(device, request);
    return is_integer(command, 5) ? pin_token(device, request, answer) : INVALID_COMMAND;
}

/* --- What needs a person ---------------------------------------------------------------------------------
 */

/* False: nobody touches. */
static bool touched(struct software_device *device, uint8_t *status)
{
    *status = OK;
    if (software_behaves(device->path, "untouched"))
        return false;
    if (software_behaves(device->path, "refuses"))
        *status = USER_ACTION_TIMEOUT;
    device->gone = device->gone || software_behaves(device->path, "removed");
    return true;
}

/* Has the platform proved that it has the PIN? An empty proof only asks for a touch. */
static uint8_t check_pin(const struct software_device *device, const cbor_item_t *request, int proof_key,
                         int hash_key, bool *verified)
{
    char pin[PIN_FIELD];
    size_t hash_length;
    size_t length;
    const uint8_t *hash = get_bytes(request, hash_key, NULL, &hash_length);
    const uint8_t *proof = get_bytes(request, proof_key, NULL, &length);
    *verified = false;
    if (proof == NULL)
        return OK;
    if (length == 0)
        return read_word(device->path, "pin", pin) ? PIN_INVALID : PIN_NOT_SET;
    *verified = is_mac(device->token, hash, hash_length, proof, length);
    return *verified ? OK : PIN_AUTH_INVALID;
}

/* rpIdHash, flags, counter. */
static size_t authenticator_data(struct software_device *device, const char *application, uint8_t flags,
                                 uint8_t out[37])
{
    long counter = read_number(device->path, "counter", 0) + 1;
    write_number(device->path, "counter", counter);
    (void)SHA256((const uint8_t *)application, strlen(application), out);
    out[32] = (uint8_t)read_number(device->path, "flags", flags);
    for (int i = 0; i < 4; i++)
        out[33 + i] = (uint8_t)((unsigned long)counter >> (24 - 8 * i));
    return 37;
}

static uint8_t answer_assertion(struct software_device *device, const struct credential *credential,
                                const cbor_item_t *request, uint8_t flags, cbor_item_t **answer)
{
    uint8_t message[37 + 32];
    uint8_t signature[80];
    size_t length;
    const uint8_t *hash = get_bytes(request, 2, NULL, &length);
    if (length != 32)
        return INVALID_CBOR;
    size_t used = authenticator_data(device, credential->application, flags, message);
    memcpy(message + used, hash, 32);
    if (!sign(credential, message, sizeof message, signature, &length))
        abort();
    *answer = cbor_new_definite_map(3);
    cbor_item_t *named = cbor_new_definite_map(2);
    put(named, cbor_build_string("id"), cbor_build_bytestring(credential->id, HANDLE));
    put(named, cbor_build_string("type"), cbor_build_string("public-key"));
    put(*answer, number(1), named);
    put(*answer, number(2), cbor_build_bytestring(message, used));
    put(*answer, number(3), cbor_build_bytestring(signature, length));
    return OK;
}

/* The first credential of the allow list that this device has, and may show. */
static bool find_allowed(const struct software_device *device, const cbor_item_t *request, bool verified,
                         struct credential *out)
{
    char application[128];
    const cbor_item_t *list = get(request, 3, NULL);
    if (!get_text(get(request, 1, NULL), application, sizeof application) || list == NULL ||
        !cbor_isa_array(list))
        return false;
    for (size_t i = 0; i < cbor_array_size(list); i++) {
        size_t length;
        const uint8_t *id = get_bytes(cbor_array_handle(list)[i], 0, "id", &length);
        if (id != NULL && find_credential(device, id, length, application, out) &&
            (out->protection < 3 || verified))
            return true;
    }
    return false;
}

static bool get_assertion(struct software_device *device, const cbor_item_t *request, uint8_t *status,
                          cbor_item_t **answer)
{
    struct credential credential;
    bool verified = false;
    const cbor_item_t *up = get(get(request, 5, NULL), 0, "up");
    bool wants_touch = up == NULL || !cbor_isa_float_ctrl(up) || cbor_get_bool(up);
    *status =
        software_behaves(device->path, "busy") ? CHANNEL_BUSY : check_pin(device, request, 6, 2, &verified);
    if (*status == OK && !find_allowed(device, request, verified, &credential))
        *status = NO_CREDENTIALS;
    if (*status != OK)
        return true;
    if (wants_touch && !touched(device, status))
        return false;
    if (*status == OK)
        *status = answer_assertion(
            device, &credential, request,
            (uint8_t)((wants_touch ? USER_PRESENT : 0) | (verified ? USER_VERIFIED : 0)), answer);
    return true;
}

/* The first algorithm of pubKeyCredParams that this device knows; 0: none. */
static int wanted_algorithm(const cbor_item_t *request)
{
    const cbor_item_t *list = get(request, 4, NULL);
    for (size_t i = 0; list != NULL && cbor_isa_array(list) && i < cbor_array_size(list); i++) {
        const cbor_item_t *algorithm = get(cbor_array_handle(list)[i], 0, "alg");
        if (algorithm != NULL && is_integer(algorithm, ES256))
            return ES256;
        if (algorithm != NULL && is_integer(algorithm, EDDSA))
            return EDDSA;
    }
    return 0;
}

/* Authenticator data with the new credential and, if it was asked for, the output of credProtect. */
static size_t credential_data(struct software_device *device, const struct credential *credential,
                              int algorithm, const uint8_t *public_key, bool verified, bool protect,
                              uint8_t *out, size_t size)
{
    uint8_t flags =
        (uint8_t)(USER_PRESENT | ATTESTED | (verified ? USER_VERIFIED : 0) | (protect ? EXTENSIONS : 0));
    size_t used = authenticator_data(device, credential->application, flags, out);
    memcpy(out + used, aaguid, sizeof aaguid);
    used += sizeof aaguid;
    out[used++] = 0;
    out[used++] = HANDLE;
    memcpy(out + used, credential->id, HANDLE);
    used += HANDLE;
    cbor_item_t *key = cose_key(algorithm == EDDSA, algorithm, public_key);
    used += cbor_serialize(key, out + used, size - used);
    cbor_decref(&key);
    if (protect) {
        cbor_item_t *extensions = cbor_new_definite_map(1);
        put(extensions, cbor_build_string("credProtect"), number(credential->protection));
        used += cbor_serialize(extensions, out + used, size - used);
        cbor_decref(&extensions);
    }
    return used;
}

static uint8_t answer_credential(struct software_device *device, const cbor_item_t *request, int algorithm,
                                 bool verified, cbor_item_t **answer)
{
    struct credential credential = {.protection = 1};
    uint8_t public_key[POINT];
    uint8_t data[512];
    uint8_t signature[80];
    size_t length;
    const uint8_t *hash = get_bytes(request, 1, NULL, &length);
    const cbor_item_t *protect = get(get(request, 6, NULL), 0, "credProtect");
    if (length != 32 ||
        !get_text(get(get(request, 2, NULL), 0, "id"), credential.application, sizeof credential.application))
        return INVALID_CBOR;
    memcpy(credential.id, handle_magic, sizeof handle_magic);
    credential.id[sizeof handle_magic] = algorithm == EDDSA;
    if (!generate(algorithm == EDDSA, credential.id + sizeof handle_magic + 1, public_key))
        abort();
    if (protect != NULL && cbor_isa_uint(protect))
        credential.protection = (int)cbor_get_int(protect);
    size_t used = credential_data(device, &credential, algorithm, public_key, verified, protect != NULL, data,
                                  sizeof data - 32);
    memcpy(data + used, hash, 32);
    if (!sign(&credential, data, used + 32, signature, &length))
        abort();
    store_credential(device, &credential);
    cbor_item_t *statement = cbor_new_definite_map(2);
    put(statement, cbor_build_string("alg"), number(algorithm));
    put(statement, cbor_build_string("sig"), cbor_build_bytestring(signature, length));
    *answer = cbor_new_definite_map(3);
    put(*answer, number(1), cbor_build_string("packed"));
    put(*answer, number(2), cbor_build_bytestring(data, used));
    put(*answer, number(3), statement);
    return OK;
}

static bool make_credential(struct software_device *device, const cbor_item_t *request, uint8_t *status,
                            cbor_item_t **answer)
{
    char pin[PIN_FIELD];
    bool verified = false;
    size_t length;
    int algorithm = wanted_algorithm(request);
    bool only_a_touch = get_bytes(request, 8, NULL, &length) != NULL && length == 0;
    if (only_a_touch && !touched(device, status))
        return false;
    *status = check_pin(device, request, 8, 1, &verified);
    if (*status == OK && !verified && read_word(device->path, "pin", pin))
        *status = PIN_REQUIRED;
    if (*status == OK && algorithm == 0)
        *status = UNSUPPORTED_ALGORITHM;
    if (*status != OK)
        return true;
    if (!touched(device, status))
        return false;
    if (*status == OK)
        *status = answer_credential(device, request, algorithm, verified, answer);
    return true;
}

static cbor_item_t *device_info(const struct software_device *device)
{
    char pin[PIN_FIELD];
    cbor_item_t *info = cbor_new_definite_map(6);
    cbor_item_t *options = cbor_new_definite_map(3);
    cbor_item_t *protocols = cbor_new_definite_array(1);
    put(options, cbor_build_string("rk"), cbor_build_bool(false));
    put(options, cbor_build_string("up"), cbor_build_bool(true));
    put(options, cbor_build_string("clientPin"), cbor_build_bool(read_word(device->path, "pin", pin)));
    if (!cbor_array_push(protocols, cbor_move(number(1))))
        abort();
    put(info, number(1), text_array("FIDO_2_0"));
    put(info, number(2), text_array("credProtect"));
    put(info, number(3), cbor_build_bytestring(aaguid, sizeof aaguid));
    put(info, number(4), options);
    put(info, number(5), cbor_build_uint16(1200));
    put(info, number(6), protocols);
    return info;
}

/* --- Messages ------------------------------------------------------------------------------------------- */

struct software_device *software_device_open(const char *path)
{
    struct software_device *device = calloc(1, sizeof *device);
    if (device == NULL)
        return NULL;
    (void)snprintf(device->path, sizeof device->path, "%s", path);
    device->agreement = new_p256();
    if (device->agreement == NULL || RAND_bytes(device->token, sizeof device->token) != 1)
        abort();
    return device;
}

void software_device_close(struct software_device *device)
{
    EVP_PKEY_free(device->agreement);
    free(device);
}

bool software_device_is_gone(const struct software_device *device)
{
    return device->gone || software_behaves(device->path, "absent");
}

static bool dispatch(struct software_device *device, uint8_t command, const cbor_item_t *request,
                     uint8_t *status, cbor_item_t **answer)
{
    switch (command) {
    case GET_INFO:
        *answer = device_info(device);
        *status = OK;
        return true;
    case CLIENT_PIN:
        *status = client_pin(device, request, answer);
        return true;
    case MAKE_CREDENTIAL:
        return make_credential(device, request, status, answer);
    case GET_ASSERTION:
        return get_assertion(device, request, status, answer);
    default:
        *status = INVALID_COMMAND;
        return true;
    }
}

bool software_device_handle(struct software_device *device, const uint8_t *message, size_t length,
                            uint8_t *reply, size_t size, size_t *reply_length)
{
    struct cbor_load_result loaded = {0};
    cbor_item_t *answer = NULL;
    uint8_t status = INVALID_CBOR;
    bool answered = true;
    cbor_item_t *request = length > 1 ? cbor_load(message + 1, length - 1, &loaded) : NULL;
    if (length == 1 || request != NULL)
        answered = dispatch(device, message[0], request, &status, &answer);
    reply[0] = status;
    *reply_length = 1;
    if (answer != NULL) {
        *reply_length += cbor_serialize(answer, reply + 1, size - 1);
        cbor_decref(&answer);
    }
    if (request != NULL)
        cbor_decref(&request);
    return answered;
}
