/* SPDX-License-Identifier: BSD-2-Clause */
#include "pam_module/touch.h"

#include "lib/base64.h"
#include "lib/ssh_agent_ask.h"
#include "pam_module/environment.h"

#include <errno.h>
#include <inttypes.h>
#include <security/pam_ext.h>
#include <stdlib.h>
#include <string.h>
#include <sys/fsuid.h>

enum { TOUCH_MS = 30000, SOCKET_SIZE = 108 };

/* The challenge's two halves; both point into `storage`. */
struct challenge {
    struct tg_bytes key;
    struct tg_bytes data;
    uint8_t *storage;
};

static bool read_challenge(const char *text, struct challenge *challenge)
{
    const char *blank = strchr(text, ' ');
    *challenge = (struct challenge){0};
    if (blank == NULL)
        return false;
    struct tg_bytes key = tg_bytes_of(text, (size_t)(blank - text));
    struct tg_bytes data = tg_bytes_of_text(blank + 1);
    size_t key_max = tg_base64_decoded_max(key.length);
    size_t data_max = tg_base64_decoded_max(data.length);
    challenge->storage = malloc(key_max + data_max);
    if (challenge->storage == NULL)
        return false;
    challenge->key.data = challenge->storage;
    challenge->data.data = challenge->storage + key_max;
    return tg_base64_decode(TG_BASE64, key, challenge->storage, key_max, &challenge->key.length) &&
           tg_base64_decode(TG_BASE64, data, challenge->storage + key_max, data_max, &challenge->data.length);
}

/* Who logged in, as pam_loginuid noted it: the ids of its own process are sudo's to change. */
static bool read_login_uid(uid_t *uid)
{
    uint32_t number = UINT32_MAX;
    FILE *file = fopen("/proc/self/loginuid", "re");
    if (file == NULL)
        return false;
    bool read = fscanf(file, "%" SCNu32, &number) == 1 && number != UINT32_MAX;
    (void)fclose(file);
    *uid = number;
    return read;
}

/* Asks with the person's rights to files, not root's: the path is the person's to choose. Every uid of
 * Tegata's is the gid of the account's own group as well. */
static int ask_as(uid_t uid, const struct tg_ssh_agent_question *question,
                  uint8_t answer[TG_SSH_AGENT_ANSWER_MAX], struct tg_bytes *signature)
{
    int result = -EPERM;
    uid_t own_uid = (uid_t)setfsuid((uid_t)-1);
    gid_t own_gid = (gid_t)setfsgid((gid_t)-1);
    (void)setfsgid(uid);
    (void)setfsuid(uid);
    if ((uid_t)setfsuid((uid_t)-1) == uid && (gid_t)setfsgid((gid_t)-1) == uid)
        result = tg_ssh_agent_ask(question, answer, signature);
    (void)setfsuid(own_uid);
    (void)setfsgid(own_gid);
    return result;
}

static enum tg_reason reason_of(int result)
{
    switch (result) {
    case 0:
        return TG_allowed;
    case -EPROTO:
    case -ETIMEDOUT:
        return TG_step_up_failed;
    default:
        return TG_step_up_no_agent;
    }
}

/* SSH_AUTH_SOCK only says whom to ask: what comes back is verified. */
static enum tg_reason sign(const struct challenge *challenge, uint8_t answer[TG_SSH_AGENT_ANSWER_MAX],
                           struct tg_bytes *signature, const char **detail)
{
    char path[SOCKET_SIZE];
    uid_t uid;
    struct tg_ssh_agent_question question = {
        .socket_path = path, .key = challenge->key, .data = challenge->data, .deadline_ms = TOUCH_MS};
    if (!tg_pam_started_with("/proc/self/environ", "SSH_AUTH_SOCK", path, sizeof path) || path[0] != '/') {
        *detail = "SSH_AUTH_SOCK is not set";
        return TG_step_up_no_agent;
    }
    if (!read_login_uid(&uid)) {
        *detail = "the kernel does not know who logged in";
        return TG_step_up_no_agent;
    }
    int result = ask_as(uid, &question, answer, signature);
    *detail = result == -EPROTO ? "the ssh-agent does not sign" : strerror(-result);
    return reason_of(result);
}

static enum tg_reason prove(struct tg_pam_login *login, struct tg_bytes signature, const char **detail)
{
    struct tg_agent_request request = {.kind = TG_AGENT_STEP_UP_PROOF, .text = signature};
    *detail = tg_pam_login_ask(login, &request, TG_AGENT_DEADLINE_MS);
    return login->answer.reason;
}

enum tg_reason tg_pam_touch(struct tg_pam_login *login, const char **detail)
{
    uint8_t answer[TG_SSH_AGENT_ANSWER_MAX];
    struct challenge challenge;
    struct tg_bytes signature;
    enum tg_reason reason = TG_step_up_failed;
    *detail = "the agent's challenge is not well-formed";
    if (!read_challenge(login->answer.text, &challenge))
        goto out;
    /* Whatever PAM_SILENT says, which sudo always sets: who does not know waits for nothing. As an error,
     * because sudo writes what is none to the command's own output, and late. */
    (void)pam_error(login->pamh, "Touch your security key to confirm: %s", login->answer.detail);
    reason = sign(&challenge, answer, &signature, detail);
    if (reason == TG_allowed)
        reason = prove(login, signature, detail);
out:
    free(challenge.storage);
    return reason;
}
