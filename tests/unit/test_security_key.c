/* SPDX-License-Identifier: BSD-2-Clause
 *
 * cli/security_key.c with security keys in software behind libfido2.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "cli/security_signer.h"
#include "cli/signing_key.h"
#include "lib/armor.h"
#include "lib/openssh_private_key.h"
#include "tests/security_key/software_authenticator.h"
#include "tests/unit/crypto_help.h"
#include "tests/unit/temporary.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

static const char origin[] = "https://approve.example.com";
static const char rp_id[] = "approve.example.com";

/* A test's devices, and a person who has a list of PINs to type and remembers what was said. */
struct scene {
    char folder[TEMPORARY_SIZE];
    struct tg_security_devices devices;
    struct tg_security_user user;
    struct tg_signing_means means;
    const char *const *pins;
    char asked[2048];
    char told[2048];
};

static int give_pin(void *context, const char *question, char pin[TG_SECURITY_PIN_SIZE],
                    struct tg_error *error)
{
    struct scene *scene = context;
    (void)snprintf(scene->asked + strlen(scene->asked), sizeof scene->asked - strlen(scene->asked), "%s\n",
                   question);
    if (scene->pins == NULL || *scene->pins == NULL)
        return tg_fail(error, TG_not_confirmed, "nothing was typed");
    (void)snprintf(pin, TG_SECURITY_PIN_SIZE, "%s", *scene->pins++);
    return 0;
}

static void listen(void *context, const char *text)
{
    struct scene *scene = context;
    (void)snprintf(scene->told + strlen(scene->told), sizeof scene->told - strlen(scene->told), "%s\n", text);
}

static int set_up(void **state)
{
    struct scene *scene = calloc(1, sizeof *scene);
    if (scene == NULL || mkdtemp(temporary_template(scene->folder)) == NULL)
        return -1;
    scene->devices = software_devices(scene->folder);
    scene->user = (struct tg_security_user){.ask_pin = give_pin, .tell = listen, .context = scene};
    scene->means = (struct tg_signing_means){.devices = &scene->devices, .user = &scene->user};
    *state = scene;
    return 0;
}

static int tear_down(void **state)
{
    struct scene *scene = *state;
    const char *const arguments[] = {"rm", "-rf", scene->folder, NULL};
    int result = run_program(arguments);
    free(scene);
    return result;
}

/* Writes DEVICE/FILE. */
static void set(const struct scene *scene, const char *device, const char *file, const char *word)
{
    char path[160];
    (void)snprintf(path, sizeof path, "%s/%s/%s", scene->folder, device, file);
    write_file(path, tg_bytes_of_text(word), 0600);
}

static void device_path(const struct scene *scene, const char *device, char path[128])
{
    (void)snprintf(path, 128, "%s/%s", scene->folder, device);
}

/* Plugs a device in and, if `pin` is not NULL, sets its PIN as fido2-token does. */
static void plug(const struct scene *scene, const char *device, const char *pin)
{
    char path[128];
    device_path(scene, device, path);
    assert_int_equal(mkdir(path, 0700), 0);
    if (pin == NULL)
        return;
    fido_dev_t *opened = scene->devices.open(scene->devices.context, path);
    assert_non_null(opened);
    assert_int_equal(fido_dev_set_pin(opened, pin, NULL), FIDO_OK);
    (void)fido_dev_close(opened);
    fido_dev_free(&opened);
}

struct key {
    struct tg_public_key *public_key;
    uint8_t id[64];
    size_t id_length;
};

static struct tg_public_key *public_key_of(int algorithm, const uint8_t *material, size_t length,
                                           const char *application)
{
    uint8_t blob[512];
    uint8_t point[65] = {4};
    struct tg_public_key *key = NULL;
    struct tg_writer writer = tg_writer_of(blob, sizeof blob);
    if (algorithm == COSE_ES256) {
        memcpy(point + 1, material, length);
        tg_write_text(&writer, "sk-ecdsa-sha2-nistp256@openssh.com");
        tg_write_text(&writer, "nistp256");
        tg_write_string(&writer, tg_bytes_of(point, sizeof point));
    } else {
        tg_write_text(&writer, "sk-ssh-ed25519@openssh.com");
        tg_write_string(&writer, tg_bytes_of(material, length));
    }
    tg_write_text(&writer, application);
    assert_int_equal(tg_public_key_parse(tg_bytes_of(blob, writer.used), &key, NULL), 0);
    return key;
}

/* Makes a credential in a device that is plugged in. */
static struct key make_key(const struct scene *scene, const char *device, int algorithm,
                           const char *application, int protection, const char *pin)
{
    char path[128];
    struct key key = {0};
    uint8_t material[64];
    size_t length = 0;
    device_path(scene, device, path);
    assert_int_equal(software_make_credential(path, algorithm, application, protection, pin, key.id,
                                              &key.id_length, material, &length),
                     FIDO_OK);
    key.public_key = public_key_of(algorithm, material, length, application);
    return key;
}

static struct tg_security_key_wish wish_for(const struct key *key, bool user_verification)
{
    return (struct tg_security_key_wish){.key = key->public_key,
                                         .credential = tg_bytes_of(key->id, key->id_length),
                                         .user_verification = user_verification,
                                         .patience_ms = 1000};
}

/* Signs "data" and throws the signature away. */
static int try_to_sign(struct scene *scene, const struct tg_security_key_wish *wish, struct tg_error *error)
{
    uint8_t *signature = NULL;
    size_t length = 0;
    *error = (struct tg_error){0};
    int result = tg_security_key_sign(&scene->devices, &scene->user, wish, tg_bytes_of_text("data"),
                                      &signature, &length, error);
    assert_true((result == 0) == (signature != NULL));
    free(signature);
    return result;
}

/* Signs by a tg_signer, and has tg_sshsig_verify() judge what came out. */
static void sign_and_verify(struct scene *scene, const struct key *key, const char *web_origin,
                            bool user_verification)
{
    struct tg_security_signer_wish wish = {.key = key->public_key,
                                           .credential = tg_bytes_of(key->id, key->id_length),
                                           .origin = web_origin,
                                           .user_verification = user_verification};
    struct tg_sshsig_demands demands = {.origin = web_origin,
                                        .rp_id = web_origin != NULL ? rp_id : NULL,
                                        .security_key = true,
                                        .user_verification = user_verification,
                                        .device_bound = true};
    struct tg_sshsig_facts facts;
    struct tg_signer *signer = NULL;
    struct tg_error error = {0};
    uint8_t *blob = NULL;
    size_t length = 0;
    struct tg_bytes message = tg_bytes_of_text("an approval");
    assert_int_equal(tg_signer_from_security_key(&scene->means, &wish, &signer, &error), 0);
    if (tg_signer_sign(signer, TG_NAMESPACE_APPROVAL, message, &blob, &length, &error) != 0)
        fail_msg("%s", error.text);
    if (tg_sshsig_verify(tg_bytes_of(blob, length), TG_NAMESPACE_APPROVAL, message, key->public_key, &demands,
                         &facts, &error) != 0)
        fail_msg("%s", error.text);
    assert_int_equal(facts.user_verified, user_verification);
    assert_int_equal(facts.webauthn, web_origin != NULL);
    free(blob);
    tg_signer_free(signer);
}

static void signs_with_a_touch(void **state)
{
    struct scene *scene = *state;
    plug(scene, "Blue", NULL);
    struct key ecdsa = make_key(scene, "Blue", COSE_ES256, "ssh:", 1, NULL);
    struct key ed25519 = make_key(scene, "Blue", COSE_EDDSA, "ssh:", 1, NULL);
    sign_and_verify(scene, &ecdsa, NULL, false);
    sign_and_verify(scene, &ed25519, NULL, false);
    assert_string_equal(scene->asked, "");
    assert_string_equal(scene->told, "Touch Blue.\nTouch Blue.\n");
    tg_public_key_free(ecdsa.public_key);
    tg_public_key_free(ed25519.public_key);
}

static void signs_with_a_pin(void **state)
{
    static const char *const pins[] = {"1234", "1234", NULL};
    struct scene *scene = *state;
    plug(scene, "Blue", "1234");
    struct key plain = make_key(scene, "Blue", COSE_ES256, "ssh:", 1, "1234");
    struct key verified = make_key(scene, "Blue", COSE_EDDSA, "ssh:tegata", 3, "1234");
    scene->pins = pins;
    sign_and_verify(scene, &plain, NULL, true);
    sign_and_verify(scene, &verified, NULL, true);
    assert_string_equal(scene->asked, "PIN of Blue (8 tries left): \nPIN of Blue (8 tries left): \n");
    tg_public_key_free(plain.public_key);
    tg_public_key_free(verified.public_key);
}

static void makes_what_a_browser_makes(void **state)
{
    static const char *const pins[] = {"1234", NULL};
    struct scene *scene = *state;
    plug(scene, "Blue", "1234");
    struct key key = make_key(scene, "Blue", COSE_ES256, rp_id, 2, "1234");
    scene->pins = pins;
    sign_and_verify(scene, &key, origin, true);
    tg_public_key_free(key.public_key);
}

static void asks_again_after_a_wrong_pin(void **state)
{
    static const char *const pins[] = {"4321", "1234", NULL};
    struct scene *scene = *state;
    struct tg_error error;
    plug(scene, "Blue", "1234");
    struct key key = make_key(scene, "Blue", COSE_ES256, "ssh:", 1, "1234");
    struct tg_security_key_wish wish = wish_for(&key, true);
    scene->pins = pins;
    assert_int_equal(try_to_sign(scene, &wish, &error), 0);
    assert_string_equal(scene->asked,
                        "PIN of Blue (8 tries left): \nWrong PIN. PIN of Blue (7 tries left): \n");
    assert_string_equal(scene->told, "Touch Blue.\n"); /* and not for the wrong one */
    scene->pins = NULL;                                /* whoever gives up is not told that the key failed */
    assert_refused(try_to_sign(scene, &wish, &error), &error, TG_not_confirmed);
    tg_public_key_free(key.public_key);
}

static void says_when_no_try_is_left(void **state)
{
    static const char *const wrong[] = {"1111", "2222", "3333", "4444", NULL};
    static const char *const last[] = {"1111", "1234", NULL};
    struct scene *scene = *state;
    struct tg_error error;
    plug(scene, "Blue", "1234");
    struct key key = make_key(scene, "Blue", COSE_ES256, "ssh:", 1, "1234");
    struct tg_security_key_wish wish = wish_for(&key, true);
    scene->pins = wrong;
    assert_refused(try_to_sign(scene, &wish, &error), &error, TG_security_key_pin_wrong);
    assert_non_null(strstr(error.text, "take Blue out"));
    assert_non_null(strstr(error.text, "5 tries left"));
    set(scene, "Blue", "retries", "1");
    scene->asked[0] = '\0';
    scene->pins = last;
    assert_refused(try_to_sign(scene, &wish, &error), &error, TG_security_key_pin_blocked);
    assert_string_equal(scene->asked, "PIN of Blue (1 try left): \n");
    scene->pins = last + 1; /* the right one comes too late, and is not even asked for */
    assert_refused(try_to_sign(scene, &wish, &error), &error, TG_security_key_pin_blocked);
    assert_ptr_equal(scene->pins, last + 1);
    assert_string_equal(scene->told, "");
    tg_public_key_free(key.public_key);
}

static void wants_a_pin_to_be_set(void **state)
{
    struct scene *scene = *state;
    struct tg_error error;
    plug(scene, "Blue", NULL);
    struct key key = make_key(scene, "Blue", COSE_ES256, "ssh:", 1, NULL);
    struct tg_security_key_wish wish = wish_for(&key, true);
    assert_refused(try_to_sign(scene, &wish, &error), &error, TG_security_key_pin_none);
    tg_public_key_free(key.public_key);
}

static void finds_the_one_that_holds_the_key(void **state)
{
    struct scene *scene = *state;
    plug(scene, "Amber", NULL);
    plug(scene, "Blue", NULL);
    plug(scene, "Coral", "1234");
    struct key key = make_key(scene, "Blue", COSE_EDDSA, "ssh:", 1, NULL);
    sign_and_verify(scene, &key, NULL, false);
    assert_string_equal(scene->told, "Touch Blue.\n");
    assert_true(tg_security_key_is_here(&scene->devices, key.public_key, tg_bytes_of(key.id, key.id_length)));
    set(scene, "Blue", "behaviour", "absent");
    assert_false(
        tg_security_key_is_here(&scene->devices, key.public_key, tg_bytes_of(key.id, key.id_length)));
    tg_public_key_free(key.public_key);
}

/* Keys made with verify-required do not show without the PIN: who holds one says so by a touch. */
static void asks_which_of_several(void **state)
{
    static const char *const pins[] = {"2222", "1111", NULL};
    struct scene *scene = *state;
    struct tg_error error;
    plug(scene, "Amber", "1111");
    plug(scene, "Blue", "2222");
    struct key key = make_key(scene, "Blue", COSE_ES256, "ssh:", 3, "2222");
    struct tg_security_key_wish wish = wish_for(&key, true);
    set(scene, "Amber", "behaviour", "untouched");
    scene->pins = pins;
    assert_int_equal(try_to_sign(scene, &wish, &error), 0);
    assert_string_equal(scene->asked, "PIN of Blue (8 tries left): \n");
    assert_non_null(strstr(scene->told, "Several security keys are plugged in"));
    /* The wrong one is touched. */
    set(scene, "Amber", "behaviour", "touched");
    set(scene, "Blue", "behaviour", "untouched");
    assert_refused(try_to_sign(scene, &wish, &error), &error, TG_security_key_other);
    assert_non_null(strstr(error.text, "Amber does not hold SHA256:"));
    set(scene, "Amber", "behaviour", "untouched");
    assert_refused(try_to_sign(scene, &wish, &error), &error, TG_security_key_timeout);
    tg_public_key_free(key.public_key);
}

static void names_the_wrong_device(void **state)
{
    struct scene *scene = *state;
    struct tg_error error;
    plug(scene, "Amber", NULL);
    plug(scene, "Blue", NULL);
    struct key key = make_key(scene, "Blue", COSE_ES256, "ssh:", 1, NULL);
    struct tg_security_key_wish wish = wish_for(&key, false);
    set(scene, "Blue", "behaviour", "absent");
    assert_refused(try_to_sign(scene, &wish, &error), &error, TG_security_key_other);
    assert_non_null(strstr(error.text, "Amber does not hold"));
    assert_string_equal(scene->told, "");
    /* The same credential is another key to another relying party. */
    set(scene, "Blue", "behaviour", "touched");
    struct tg_public_key *elsewhere =
        public_key_of(COSE_ES256, key.public_key->material.data + 1, 64, "ssh:elsewhere");
    wish.key = elsewhere;
    assert_refused(try_to_sign(scene, &wish, &error), &error, TG_security_key_other);
    tg_public_key_free(elsewhere);
    tg_public_key_free(key.public_key);
}

/* Of one that does not answer nobody knows whether it is the right one. */
static void says_which_device_is_busy(void **state)
{
    struct scene *scene = *state;
    struct tg_error error;
    plug(scene, "Amber", NULL);
    plug(scene, "Blue", NULL);
    struct key key = make_key(scene, "Blue", COSE_ES256, "ssh:", 1, NULL);
    struct tg_security_key_wish wish = wish_for(&key, false);
    set(scene, "Blue", "behaviour", "busy");
    assert_refused(try_to_sign(scene, &wish, &error), &error, TG_security_key_failed);
    assert_non_null(strstr(error.text, "Blue: "));
    set(scene, "Blue", "behaviour", "touched");
    set(scene, "Amber", "behaviour", "busy"); /* and that is no matter */
    assert_int_equal(try_to_sign(scene, &wish, &error), 0);
    tg_public_key_free(key.public_key);
}

static void says_that_there_is_no_device(void **state)
{
    struct scene *scene = *state;
    struct tg_error error;
    plug(scene, "Blue", NULL);
    struct key key = make_key(scene, "Blue", COSE_ES256, "ssh:", 1, NULL);
    struct tg_security_key_wish wish = wish_for(&key, false);
    set(scene, "Blue", "behaviour", "absent");
    assert_refused(try_to_sign(scene, &wish, &error), &error, TG_security_key_none);
    assert_non_null(strstr(error.text, "no FIDO device"));
    set(scene, "Blue", "behaviour", "locked");
    assert_refused(try_to_sign(scene, &wish, &error), &error, TG_security_key_none);
    assert_non_null(strstr(error.text, "Permission denied"));
    assert_non_null(strstr(tg_reason_advice(TG_security_key_none), "udev"));
    tg_public_key_free(key.public_key);
}

static void says_how_a_touch_failed(void **state)
{
    struct scene *scene = *state;
    struct tg_error error;
    plug(scene, "Blue", NULL);
    struct key key = make_key(scene, "Blue", COSE_ES256, "ssh:", 1, NULL);
    struct tg_security_key_wish wish = wish_for(&key, false);
    set(scene, "Blue", "behaviour", "untouched");
    assert_refused(try_to_sign(scene, &wish, &error), &error, TG_security_key_timeout);
    assert_non_null(strstr(error.text, "Blue waited 1 second"));
    set(scene, "Blue", "behaviour", "refuses");
    assert_refused(try_to_sign(scene, &wish, &error), &error, TG_security_key_timeout);
    set(scene, "Blue", "behaviour", "removed");
    assert_refused(try_to_sign(scene, &wish, &error), &error, TG_security_key_failed);
    assert_non_null(strstr(error.text, "taken out"));
    tg_public_key_free(key.public_key);
}

/* A device that does less than it was asked for is found out before anything is sent. */
static void refuses_a_signature_without_touch(void **state)
{
    struct scene *scene = *state;
    struct tg_signer *signer = NULL;
    struct tg_error error = {0};
    uint8_t *blob = NULL;
    size_t length = 0;
    plug(scene, "Blue", NULL);
    struct key key = make_key(scene, "Blue", COSE_ES256, "ssh:", 1, NULL);
    struct tg_security_signer_wish wish = {.key = key.public_key,
                                           .credential = tg_bytes_of(key.id, key.id_length)};
    set(scene, "Blue", "flags", "0");
    assert_int_equal(tg_signer_from_security_key(&scene->means, &wish, &signer, &error), 0);
    assert_refused(
        tg_signer_sign(signer, TG_NAMESPACE_APPROVAL, tg_bytes_of_text("x"), &blob, &length, &error), &error,
        TG_key_unusable);
    assert_null(blob);
    tg_signer_free(signer);
    tg_public_key_free(key.public_key);
}

static int parse_file(const char *name, struct tg_security_key_file *file, struct tg_error *error)
{
    size_t length;
    char *pem = read_file(in_vectors(name), &length);
    int result = tg_openssh_security_key_parse(tg_bytes_of(pem, length), name, file, error);
    free(pem);
    return result;
}

static void reads_the_files_of_security_keys(void **state)
{
    static const struct {
        const char *name;
        enum tg_key_type type;
        uint8_t flags;
    } files[] = {
        {"keys/test_user_sk_ed25519", TG_KEY_SK_ED25519, 0x01},
        {"keys/test_user_sk_ecdsa", TG_KEY_SK_ECDSA_P256, 0x01},
        {"keys/test_user_sk_ed25519_uv", TG_KEY_SK_ED25519, 0x05},
    };
    struct tg_security_key_file file;
    struct tg_error error = {0};
    (void)state;
    for (size_t i = 0; i < sizeof files / sizeof files[0]; i++) {
        if (parse_file(files[i].name, &file, &error) != 0)
            fail_msg("%s", error.text);
        assert_int_equal(file.key->type, files[i].type);
        assert_int_equal(file.flags, files[i].flags);
        assert_memory_equal(file.handle, "SOFTSK01", 8);
        tg_security_key_file_clear(&file);
    }
    assert_refused(parse_file("keys/test_user_ed25519", &file, &error), &error, TG_key_unusable);
    assert_null(file.key);
}

/* Every way to change one byte of the part behind the public key, and to cut the file short, is refused, but
 * for what is in the comment, the flags and the handle. */
static void refuses_damaged_files(void **state)
{
    uint8_t *bytes;
    size_t length;
    size_t pem_length;
    size_t taken = 0;
    struct tg_security_key_file file;
    struct tg_error error;
    char *pem = read_file(in_vectors("keys/test_user_sk_ecdsa"), &pem_length);
    (void)state;
    assert_true(tg_armor_decode(tg_bytes_of(pem, pem_length), "OPENSSH PRIVATE KEY", TG_PRIVATE_KEY_FILE_MAX,
                                &bytes, &length));
    free(pem);
    for (size_t i = 0; i < 2 * length; i++) {
        char *changed;
        size_t kept = i < length ? length : i - length;
        bytes[i % length] ^= i < length ? 1 : 0;
        assert_true(tg_armor_encode(tg_bytes_of(bytes, kept), "OPENSSH PRIVATE KEY", &changed));
        bytes[i % length] ^= i < length ? 1 : 0;
        if (tg_openssh_security_key_parse(tg_bytes_of_text(changed), "changed", &file, &error) == 0) {
            assert_true(i < length);
            taken++;
        }
        tg_security_key_file_clear(&file);
        free(changed);
    }
    /* The handle, the flags, the curve's name, which the type fixes, and the comment. */
    assert_int_equal(taken, 41 + 1 + 8 + 23);
    free(bytes);
}

/* A file goes to the device itself, unless OpenSSH is told of another program. */
static void signs_with_a_file(void **state)
{
    struct scene *scene = *state;
    struct tg_signer *signer = NULL;
    struct tg_error error = {0};
    uint8_t *blob = NULL;
    size_t length = 0;
    struct tg_security_key_file file;
    char line[256];
    bool interactive = false;
    plug(scene, "Blue", NULL);
    assert_int_equal(parse_file("keys/test_user_sk_ed25519", &file, &error), 0);
    for (size_t i = 0; i < file.handle_length; i++)
        (void)snprintf(line + 2 * i, 3, "%02x", file.handle[i]);
    (void)strcat(line, " ssh: 1\n");
    set(scene, "Blue", "credentials", line);
    (void)unsetenv("SSH_SK_PROVIDER");
    (void)unsetenv("SSH_SK_HELPER");
    assert_int_equal(tg_signing_key_open(&scene->means, in_vectors("keys/test_user_sk_ed25519"), "key", false,
                                         &signer, &interactive, &error),
                     0);
    assert_true(interactive);
    assert_int_equal(
        tg_signer_sign(signer, TG_NAMESPACE_REQUEST, tg_bytes_of_text("x"), &blob, &length, &error), 0);
    assert_string_equal(scene->told, "Touch Blue.\n");
    free(blob);
    tg_signer_free(signer);
    /* With somebody else's program, no device is asked here. */
    (void)setenv("SSH_SK_PROVIDER", "/nonexistent/provider.so", 1);
    assert_int_equal(tg_signing_key_open(&scene->means, in_vectors("keys/test_user_sk_ed25519"), "key", false,
                                         &signer, &interactive, &error),
                     0);
    assert_refused(
        tg_signer_sign(signer, TG_NAMESPACE_REQUEST, tg_bytes_of_text("x"), &blob, &length, &error), &error,
        TG_key_unusable);
    assert_non_null(strstr(error.text, "ssh-keygen"));
    assert_string_equal(scene->told, "Touch Blue.\n");
    (void)unsetenv("SSH_SK_PROVIDER");
    tg_signer_free(signer);
    tg_security_key_file_clear(&file);
}

#define SCENE(test) cmocka_unit_test_setup_teardown(test, set_up, tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        SCENE(signs_with_a_touch),
        SCENE(signs_with_a_pin),
        SCENE(makes_what_a_browser_makes),
        SCENE(asks_again_after_a_wrong_pin),
        SCENE(says_when_no_try_is_left),
        SCENE(wants_a_pin_to_be_set),
        SCENE(finds_the_one_that_holds_the_key),
        SCENE(asks_which_of_several),
        SCENE(names_the_wrong_device),
        SCENE(says_which_device_is_busy),
        SCENE(says_that_there_is_no_device),
        SCENE(says_how_a_touch_failed),
        SCENE(refuses_a_signature_without_touch),
        SCENE(signs_with_a_file),
        cmocka_unit_test(reads_the_files_of_security_keys),
        cmocka_unit_test(refuses_damaged_files),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
