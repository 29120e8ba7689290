/* SPDX-License-Identifier: BSD-2-Clause
 *
 * sshd's settings, as `sshd -T` prints them: one lower-case keyword and its value on each line.
 */
#include "cli/doctor.h"

#include <ctype.h>
#include <fnmatch.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

enum {
    VALUE_SIZE = 2048,
    CONNECTION_TOKEN_SINCE = 904, /* %C */
    PENALTIES_SINCE = 908,        /* PerSourcePenalties */
};

static const char area[] = "sshd";

int tg_openssh_version(const char *text)
{
    const char *at = strstr(text, "OpenSSH_");
    if (at == NULL || !isdigit((unsigned char)at[8]))
        return 0;
    char *end = NULL;
    long major = strtol(at + 8, &end, 10);
    long minor = *end == '.' ? strtol(end + 1, NULL, 10) : 0;
    if (major < 1 || major > 99 || minor < 0 || minor > 99)
        return 0;
    return (int)(major * 100 + minor);
}

bool tg_sshd_setting(const char *settings, const char *keyword, char *out, size_t size)
{
    size_t length = strlen(keyword);
    out[0] = '\0';
    for (const char *line = settings; *line != '\0';
         line += strcspn(line, "\n"), line += *line == '\n' ? 1 : 0) {
        if (strncasecmp(line, keyword, length) != 0 || line[length] != ' ')
            continue;
        const char *value = line + length + 1;
        (void)snprintf(out, size, "%.*s", (int)strcspn(value, "\r\n"), value);
        return true;
    }
    return false;
}

/* A setting that must have exactly this value. */
static void expect(struct tg_findings *findings, const char *settings, const char *keyword, const char *name,
                   const char *wanted, const char *why)
{
    char value[VALUE_SIZE];
    char fix[160];
    (void)snprintf(fix, sizeof fix, "in sshd_config: %s %s", name, wanted);
    bool set = tg_sshd_setting(settings, keyword, value, sizeof value);
    /* sshd -T leaves lists out that are "none". */
    if (!set)
        (void)snprintf(value, sizeof value, "none");
    if (strcmp(value, wanted) == 0)
        tg_find(findings, TG_LEVEL_OK, area, NULL, "%s %s", name, wanted);
    else
        tg_find(findings, TG_LEVEL_ERROR, area, fix, "%s is %.120s: %s", name, value, why);
}

/* Is `token` one of the words of the command, alone or behind "--option="? */
static bool has_token(const char *command, const char *token)
{
    const char *at = strstr(command, token);
    return at != NULL && (at[2] == '\0' || at[2] == ' ') && (at[-1] == ' ' || at[-1] == '=');
}

static void examine_tokens(struct tg_findings *findings, const char *command, int version)
{
    static const struct {
        const char *token;
        const char *word;
    } required[] = {{"%u", "--account=%u"}, {"%t", "--key-type=%t"}, {"%k", "--certificate=%k"}};
    for (size_t i = 0; i < sizeof required / sizeof required[0]; i++) {
        char fix[96];
        (void)snprintf(fix, sizeof fix, "add %s to AuthorizedPrincipalsCommand", required[i].word);
        if (!has_token(command, required[i].token))
            tg_find(findings, TG_LEVEL_ERROR, area, fix, "AuthorizedPrincipalsCommand does not hand over %s",
                    required[i].word);
    }
    bool connection = has_token(command, "%C");
    if (connection && version > 0 && version < CONNECTION_TOKEN_SINCE)
        tg_find(findings, TG_LEVEL_ERROR, area, "remove %C from AuthorizedPrincipalsCommand",
                "this sshd (%d.%d) does not know %%C: every login fails, and sshd -t does not notice",
                version / 100, version % 100);
    else if (!connection && version >= CONNECTION_TOKEN_SINCE)
        tg_find(findings, TG_LEVEL_WARNING, area, "add --connection=%C to AuthorizedPrincipalsCommand",
                "source addresses are judged only when the session opens, because the command is not told "
                "the connection");
    else if (version == 0)
        tg_find(findings, TG_LEVEL_WARNING, area, NULL,
                "the version of sshd is not known: use %%C only with 9.4 and later");
}

static void examine_command(struct tg_findings *findings, const char *settings, int version,
                            const struct tg_host_config *config)
{
    static const char wanted[] = "in sshd_config: AuthorizedPrincipalsCommand " TG_LIBEXEC_DIR
                                 "/tegata-principals --account=%u --key-type=%t --certificate=%k";
    char command[VALUE_SIZE];
    char program[VALUE_SIZE];
    char fix[VALUE_SIZE];
    (void)tg_sshd_setting(settings, "authorizedprincipalscommand", command, sizeof command);
    (void)snprintf(program, sizeof program, "%.*s", (int)strcspn(command, " "), command);
    const char *name = strrchr(program, '/');
    if (name == NULL || strcmp(name, "/tegata-principals") != 0) {
        tg_find(findings, TG_LEVEL_ERROR, area, wanted,
                "AuthorizedPrincipalsCommand is %.120s: certificates are not checked against tickets",
                command[0] != '\0' ? command : "not set");
        return;
    }
    tg_find(findings, TG_LEVEL_OK, area, NULL, "AuthorizedPrincipalsCommand is %s", program);
    examine_tokens(findings, command, version);
    char user[VALUE_SIZE];
    (void)tg_sshd_setting(settings, "authorizedprincipalscommanduser", user, sizeof user);
    (void)snprintf(fix, sizeof fix, "in sshd_config: AuthorizedPrincipalsCommandUser %.255s",
                   config->principals_user);
    if (strcmp(user, config->principals_user) != 0)
        tg_find(findings, TG_LEVEL_ERROR, area, fix,
                "AuthorizedPrincipalsCommandUser is %.120s, but tegata.conf says principals_user = %.120s",
                user, config->principals_user);
}

/* Other ways in. */
static void examine_methods(struct tg_findings *findings, const char *settings)
{
    char value[VALUE_SIZE];
    char methods[VALUE_SIZE];
    expect(findings, settings, "usepam", "UsePAM", "yes", "pam_tegata, the gate that counts, is not asked");
    expect(findings, settings, "pubkeyauthentication", "PubkeyAuthentication", "yes",
           "no certificate is accepted");
    expect(findings, settings, "passwordauthentication", "PasswordAuthentication", "no",
           "passwords are offered, only to be refused by pam_tegata");
    expect(findings, settings, "authorizedkeysfile", "AuthorizedKeysFile", "none",
           "plain keys come before certificates and never reach tegata-principals");
    expect(findings, settings, "authorizedkeyscommand", "AuthorizedKeysCommand", "none",
           "plain keys come before certificates and never reach tegata-principals");
    expect(findings, settings, "hostbasedauthentication", "HostbasedAuthentication", "no",
           "it needs no certificate");
    (void)tg_sshd_setting(settings, "authorizedprincipalsfile", value, sizeof value);
    if (value[0] != '\0' && strcmp(value, "none") != 0)
        tg_find(findings, TG_LEVEL_WARNING, area, "in sshd_config: AuthorizedPrincipalsFile none",
                "AuthorizedPrincipalsFile is %.120s: sshd reads it first; the PAM module refuses such logins",
                value);
    (void)tg_sshd_setting(settings, "kbdinteractiveauthentication", value, sizeof value);
    (void)tg_sshd_setting(settings, "authenticationmethods", methods, sizeof methods);
    if (strcmp(value, "yes") == 0 && strncmp(methods, "publickey,", 10) != 0)
        tg_find(
            findings, TG_LEVEL_WARNING, area,
            "in sshd_config: KbdInteractiveAuthentication no, or AuthenticationMethods "
            "publickey,keyboard-interactive:pam",
            "KbdInteractiveAuthentication is offered beside certificates, only to be refused by pam_tegata");
    (void)tg_sshd_setting(settings, "permitrootlogin", value, sizeof value);
    if (strcmp(value, "no") != 0)
        tg_find(findings, TG_LEVEL_WARNING, area, "in sshd_config: PermitRootLogin no",
                "PermitRootLogin is %.40s: keep it only if tickets for root are wanted", value);
    (void)tg_sshd_setting(settings, "permituserenvironment", value, sizeof value);
    if (value[0] != '\0' && strcmp(value, "no") != 0)
        tg_find(findings, TG_LEVEL_WARNING, area, "in sshd_config: PermitUserEnvironment no",
                "PermitUserEnvironment is %.80s", value);
}

/* The agent refuses what is revoked with or without sshd; sshd does it before anything else is asked. */
static void examine_revoked_keys(struct tg_findings *findings, const char *settings,
                                 const struct tg_host_config *config)
{
    char value[VALUE_SIZE];
    char fix[VALUE_SIZE];
    (void)snprintf(fix, sizeof fix, "in sshd_config: RevokedKeys %.255s", config->revoked_keys);
    if (!tg_sshd_setting(settings, "revokedkeys", value, sizeof value))
        (void)snprintf(value, sizeof value, "none");
    if (strcmp(value, config->revoked_keys) == 0)
        tg_find(findings, TG_LEVEL_OK, area, NULL, "RevokedKeys %.200s", value);
    else
        tg_find(findings, TG_LEVEL_WARNING, area, fix,
                "RevokedKeys is %.120s: sshd itself does not know what is revoked (Tegata refuses it later)",
                value);
}

static bool has_hardware_rule(const struct tg_policy *policy, const char *host)
{
    for (size_t i = 0; i < policy->rule_count; i++) {
        const struct tg_rule *rule = &policy->rules[i];
        for (size_t k = 0; rule->hardware_key && k < rule->host_count; k++) {
            if (fnmatch(rule->hosts[k], host, 0) == 0)
                return true;
        }
    }
    return false;
}

static void examine_hardware(struct tg_findings *findings, const char *settings,
                             const struct tg_host_config *config, const struct tg_policy *policy)
{
    char algorithms[VALUE_SIZE];
    char options[VALUE_SIZE];
    if (policy == NULL || !has_hardware_rule(policy, config->name))
        return;
    (void)tg_sshd_setting(settings, "pubkeyacceptedalgorithms", algorithms, sizeof algorithms);
    (void)tg_sshd_setting(settings, "pubkeyauthoptions", options, sizeof options);
    bool only_security_keys = algorithms[0] != '\0';
    char *rest = NULL;
    for (char *word = strtok_r(algorithms, ",", &rest); word != NULL; word = strtok_r(NULL, ",", &rest))
        only_security_keys = only_security_keys && strncmp(word, "sk-", 3) == 0;
    if (!only_security_keys)
        tg_find(findings, TG_LEVEL_WARNING, area,
                "in sshd_config: PubkeyAcceptedAlgorithms "
                "sk-ssh-ed25519-cert-v01@openssh.com,sk-ecdsa-sha2-nistp256-cert-v01@openssh.com",
                "the policy has rules for security keys here, and sshd accepts other keys too (Tegata "
                "refuses them later)");
    if (strstr(options, "touch-required") == NULL || strstr(options, "verify-required") == NULL)
        tg_find(findings, TG_LEVEL_WARNING, area,
                "in sshd_config: PubkeyAuthOptions touch-required verify-required",
                "the policy has rules for security keys here, and sshd does not ask them for touch and PIN");
}

static void examine_penalties(struct tg_findings *findings, const char *settings, int version,
                              const struct tg_host_config *config)
{
    char value[VALUE_SIZE];
    if (version < PENALTIES_SINCE || strcmp(config->deny_in, "session") == 0)
        return;
    (void)tg_sshd_setting(settings, "persourcepenaltyexemptlist", value, sizeof value);
    if (value[0] == '\0' || strcmp(value, "none") == 0)
        tg_find(findings, TG_LEVEL_WARNING, area,
                "in sshd_config: PerSourcePenaltyExemptList ADDRESS-OF-THE-BASTION; or in tegata.conf: "
                "deny_in = session",
                "four refused logins shut out everybody behind one address for a while; matters if people "
                "come through a shared address");
}

void tg_doctor_sshd(struct tg_findings *findings, const char *settings, int version,
                    const struct tg_host_config *config, const struct tg_policy *policy)
{
    char value[VALUE_SIZE];
    examine_command(findings, settings, version, config);
    examine_methods(findings, settings);
    (void)tg_sshd_setting(settings, "trustedusercakeys", value, sizeof value);
    if (value[0] == '\0' || strcmp(value, "none") == 0)
        tg_find(findings, TG_LEVEL_ERROR, area, "in sshd_config: TrustedUserCAKeys /etc/ssh/user_ca.pub",
                "TrustedUserCAKeys is not set: no certificate is accepted");
    examine_revoked_keys(findings, settings, config);
    examine_hardware(findings, settings, config, policy);
    examine_penalties(findings, settings, version, config);
}

void tg_doctor_user_ca(struct tg_findings *findings, const char *path, const char *text,
                       const struct tg_policy *policy)
{
    size_t known = 0;
    size_t foreign = 0;
    char *copy = strdup(text);
    char *rest = NULL;
    for (char *line = copy != NULL ? strtok_r(copy, "\n", &rest) : NULL; line != NULL;
         line = strtok_r(NULL, "\n", &rest)) {
        struct tg_public_key *key = NULL;
        struct tg_error error = {0};
        bool found = false;
        if (*line == '#' || tg_public_key_parse_line(line, &key, &error) != 0)
            continue;
        for (size_t i = 0; i < policy->user_ca_count && !found; i++)
            found = tg_bytes_equal(policy->user_ca[i]->blob, key->blob);
        known += found ? 1 : 0;
        foreign += found ? 0 : 1;
        tg_public_key_free(key);
    }
    free(copy);
    if (known == 0)
        tg_find(findings, TG_LEVEL_ERROR, area,
                "write a line of the policy's user_ca into the file (tegata policy show)",
                "%.120s holds no authority of the policy: no login is possible", path);
    else
        tg_find(findings, TG_LEVEL_OK, area, NULL,
                "TrustedUserCAKeys %.120s holds %zu of the policy's authorities", path, known);
    if (foreign > 0)
        tg_find(
            findings, TG_LEVEL_WARNING, area, "remove them, or add them to the policy",
            "%.120s trusts %zu authorities that the policy does not name (Tegata refuses their certificates)",
            path, foreign);
}

bool tg_sshd_config_has_match(const char *text)
{
    for (const char *line = text; *line != '\0'; line += strcspn(line, "\n"), line += *line == '\n' ? 1 : 0) {
        const char *word = line + strspn(line, " \t");
        if (strncasecmp(word, "match", 5) == 0 && (word[5] == ' ' || word[5] == '\t' || word[5] == '='))
            return true;
    }
    return false;
}
