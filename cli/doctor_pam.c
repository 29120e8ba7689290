/* SPDX-License-Identifier: BSD-2-Clause
 *
 * /etc/pam.d/sshd, and the files of sudo, su, cron and at, pam.d(5): TYPE CONTROL MODULE [ARGUMENTS],
 * @include FILE.
 */
#include "cli/doctor.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

enum { WORD_SIZE = 256 };

static const char area[] = "pam";

struct pam_line {
    char type[WORD_SIZE]; /* "@include" too */
    char control[WORD_SIZE];
    char module[WORD_SIZE]; /* without its directory */
    char arguments[WORD_SIZE];
};

/* Copies a word that ends at a blank, or at ']' if it begins with '['. Returns what follows. */
static const char *take_word(const char *at, char out[WORD_SIZE])
{
    at += strspn(at, " \t");
    size_t length = *at == '[' ? strcspn(at, "]") + (strchr(at, ']') != NULL ? 1 : 0) : strcspn(at, " \t");
    (void)snprintf(out, WORD_SIZE, "%.*s", (int)length, at);
    return at + length;
}

/* False for an empty line or a comment. A leading '-' (a module that may be missing) is not part of the type.
 */
static bool read_line(const char *text, struct pam_line *line)
{
    char path[WORD_SIZE];
    text += strspn(text, " \t");
    if (*text == '\0' || *text == '#')
        return false;
    text = take_word(*text == '-' ? text + 1 : text, line->type);
    text = take_word(text, line->control);
    text = take_word(text, path);
    (void)snprintf(line->arguments, WORD_SIZE, "%.*s", WORD_SIZE - 1, text);
    const char *slash = strrchr(path, '/');
    (void)snprintf(line->module, WORD_SIZE, "%s", slash != NULL ? slash + 1 : path);
    return true;
}

static bool includes(const struct pam_line *line)
{
    return strcmp(line->type, "@include") == 0 || strcmp(line->control, "include") == 0 ||
           strcmp(line->control, "substack") == 0;
}

/* Debian's common-auth, common-account, common-password and common-session hold one type each, and @include
 * takes all types. */
static bool is_for_other_type(const struct pam_line *line, const char *type)
{
    static const char prefix[] = "common-";
    const char *name = line->control; /* of "@include NAME" */
    return strcmp(line->type, "@include") == 0 && strncmp(name, prefix, strlen(prefix)) == 0 &&
           strncmp(name + strlen(prefix), type, strlen(type)) != 0;
}

/* Can a success of this line end the stack, so that nothing behind it is asked? */
static bool ends_stack(const struct pam_line *line)
{
    return strcasecmp(line->control, "sufficient") == 0 || strstr(line->control, "=done") != NULL;
}

/* Can a jump (success=1) of this line skip lines behind it? */
static bool jumps(const struct pam_line *line)
{
    for (const char *at = line->control; *at != '\0'; at++) {
        if (*at == '=' && at[1] >= '1' && at[1] <= '9')
            return true;
    }
    return false;
}

struct stack {
    const char *type;
    const char *path;
    bool is_su; /* whose real uid is the caller's, so that pam_rootok lets pass root and nobody else */
    bool found;
    bool systemd_before;
    bool loginuid_before;
    bool included_before;
    bool skipped_before;
    bool user_environment; /* pam_env.so user_readenv=1, anywhere */
    char control[WORD_SIZE];
    char arguments[WORD_SIZE];
};

/* Is the word among the arguments? */
static bool has_argument(const char *arguments, const char *word)
{
    size_t length = strlen(word);
    for (const char *at = arguments; (at = strstr(at, word)) != NULL; at += length) {
        bool begins = at > arguments && (at[-1] == ' ' || at[-1] == '\t');
        if (begins && (at[length] == '\0' || at[length] == ' ' || at[length] == '\t'))
            return true;
    }
    return false;
}

static void walk(struct stack *stack, const char *text)
{
    char *copy = strdup(text);
    char *rest = NULL;
    /* A backslash at a line's end continues it. */
    for (char *at = copy; at != NULL && *at != '\0'; at++) {
        if (at[0] == '\\' && at[1] == '\n')
            at[0] = at[1] = ' ';
    }
    for (char *text_line = copy != NULL ? strtok_r(copy, "\n", &rest) : NULL; text_line != NULL;
         text_line = strtok_r(NULL, "\n", &rest)) {
        struct pam_line line;
        if (!read_line(text_line, &line))
            continue;
        bool same_type = strcasecmp(line.type, stack->type) == 0;
        if ((!same_type && strcmp(line.type, "@include") != 0) || is_for_other_type(&line, stack->type))
            continue;
        if (strcmp(line.module, "pam_env.so") == 0 && has_argument(line.arguments, "user_readenv=1"))
            stack->user_environment = true;
        if (stack->found)
            continue;
        if (same_type && strcmp(line.module, "pam_tegata.so") == 0) {
            stack->found = true;
            memcpy(stack->control, line.control, sizeof stack->control);
            memcpy(stack->arguments, line.arguments, sizeof stack->arguments);
        } else {
            stack->included_before = stack->included_before || includes(&line);
            bool for_root = stack->is_su && strcmp(line.module, "pam_rootok.so") == 0;
            stack->skipped_before =
                stack->skipped_before || (!for_root && (ends_stack(&line) || jumps(&line)));
            stack->loginuid_before = stack->loginuid_before || strcmp(line.module, "pam_loginuid.so") == 0;
            stack->systemd_before = stack->systemd_before || strcmp(line.module, "pam_systemd.so") == 0;
        }
    }
    free(copy);
}

static bool is_firm(const struct stack *stack)
{
    return strcasecmp(stack->control, "required") == 0 || strcasecmp(stack->control, "requisite") == 0;
}

static void judge(struct tg_findings *findings, const struct stack *stack, const char *fix)
{
    bool firm = is_firm(stack);
    if (!stack->found) {
        tg_find(findings, TG_LEVEL_ERROR, area, fix,
                "%.120s has no %s line for pam_tegata.so: logins past the certificate check are not refused",
                stack->path, stack->type);
        return;
    }
    if (!firm)
        tg_find(findings, TG_LEVEL_ERROR, area, fix,
                "%.120s: %s pam_tegata.so is %.40s, not required: its refusal can be overruled", stack->path,
                stack->type, stack->control);
    if (stack->skipped_before)
        tg_find(findings, TG_LEVEL_ERROR, area, fix,
                "%.120s: an %s line before pam_tegata.so can end the stack or jump, so that it is not asked",
                stack->path, stack->type);
    else if (stack->included_before)
        tg_find(
            findings, TG_LEVEL_WARNING, area, fix,
            "%.120s: another file is included before the %s line of pam_tegata.so; it should be the first",
            stack->path, stack->type);
    if (stack->systemd_before)
        tg_find(
            findings, TG_LEVEL_ERROR, area, fix,
            "%.120s: pam_systemd.so comes before pam_tegata.so, which then cannot limit the session's time",
            stack->path);
    if (firm && !stack->skipped_before && !stack->included_before && !stack->systemd_before)
        tg_find(findings, TG_LEVEL_OK, area, NULL, "%.120s: %s %s pam_tegata.so", stack->path, stack->type,
                stack->control);
}

/* pam_setcred, which gives a session the groups of its own ticket, runs the auth stack. */
static void judge_auth(struct tg_findings *findings, const struct stack *auth)
{
    if (!auth->found)
        tg_find(findings, TG_LEVEL_ERROR, area, "as the first auth line: auth required pam_tegata.so",
                "%.120s has no auth line for pam_tegata.so: a session gets the groups of all the account's "
                "tickets",
                auth->path);
    else if (auth->skipped_before)
        tg_find(
            findings, TG_LEVEL_ERROR, area, "as the first auth line: auth required pam_tegata.so",
            "%.120s: an auth line before pam_tegata.so can end the stack or jump, so that it is not asked",
            auth->path);
    else if (!is_firm(auth))
        tg_find(findings, TG_LEVEL_ERROR, area, "as the first auth line: auth required pam_tegata.so",
                "%.120s: auth pam_tegata.so is %.40s, not required: its refusal can be overruled", auth->path,
                auth->control);
}

void tg_doctor_pam(struct tg_findings *findings, const char *path, const char *text)
{
    struct stack auth = {.type = "auth", .path = path};
    struct stack account = {.type = "account", .path = path};
    struct stack session = {.type = "session", .path = path};
    walk(&auth, text);
    walk(&account, text);
    walk(&session, text);
    judge_auth(findings, &auth);
    judge(findings, &account, "as the first account line: account required pam_tegata.so");
    judge(findings, &session, "behind pam_loginuid.so: session required pam_tegata.so");
    if (session.found && !session.loginuid_before)
        tg_find(
            findings, TG_LEVEL_ERROR, area, "put it behind: session required pam_loginuid.so",
            "%.120s: pam_tegata.so is not behind pam_loginuid.so: no session's processes can be told from "
            "others, so every login is refused (session_untracked)",
            path);
    if (session.user_environment)
        tg_find(findings, TG_LEVEL_WARNING, area, "take user_readenv=1 out of the session line of pam_env.so",
                "%.120s: pam_env.so reads ~/.pam_environment: whoever sets LD_PRELOAD there is not recorded",
                path);
}

/* sudo's and su's passwords are nobody's, for whom only the roster knows: the ticket stands for them. */
static void judge_sudo_auth(struct tg_findings *findings, const struct stack *auth)
{
    static const char fix[] = "as the first auth line (in su, behind pam_rootok.so): auth [success=done "
                              "ignore=ignore default=die] pam_tegata.so for=sudo";
    bool settles =
        strstr(auth->control, "success=done") != NULL && strstr(auth->control, "default=die") != NULL;
    if (!auth->found)
        tg_find(findings, TG_LEVEL_WARNING, area, fix,
                "%.120s has no auth line for pam_tegata.so: a password is asked for before the ticket",
                auth->path);
    else if (!has_argument(auth->arguments, "for=sudo"))
        tg_find(findings, TG_LEVEL_ERROR, area, fix, "%.120s: the auth line of pam_tegata.so lacks for=sudo",
                auth->path);
    else if (auth->skipped_before || auth->included_before)
        tg_find(findings, TG_LEVEL_WARNING, area, fix,
                "%.120s: something before the auth line of pam_tegata.so asks for a password first",
                auth->path);
    else if (!settles)
        tg_find(findings, TG_LEVEL_WARNING, area, fix,
                "%.120s: the auth line of pam_tegata.so is %.60s: the ticket does not settle it", auth->path,
                auth->control);
}

void tg_doctor_pam_other(struct tg_findings *findings, const char *path, const char *text,
                         const char *purpose)
{
    const char *slash = strrchr(path, '/');
    bool is_su = strcmp(slash != NULL ? slash + 1 : path, "su") == 0;
    struct stack auth = {.type = "auth", .path = path, .is_su = is_su};
    struct stack account = {.type = "account", .path = path, .is_su = is_su};
    char fix[96];
    walk(&auth, text);
    walk(&account, text);
    if (strcmp(purpose, "for=sudo") == 0)
        judge_sudo_auth(findings, &auth);
    (void)snprintf(fix, sizeof fix, "as the first account line: account required pam_tegata.so %s", purpose);
    if (!account.found)
        tg_find(findings, TG_LEVEL_WARNING, area, fix,
                "%.120s has no account line for pam_tegata.so: no ticket is asked for there", path);
    else if (!has_argument(account.arguments, purpose))
        tg_find(findings, TG_LEVEL_ERROR, area, fix, "%.120s: the account line of pam_tegata.so lacks %s",
                path, purpose);
    else
        judge(findings, &account, fix);
}
