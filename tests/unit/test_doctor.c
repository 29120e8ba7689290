/* SPDX-License-Identifier: BSD-2-Clause */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "cli/doctor.h"
#include "lib/certificate_make.h"
#include "tests/unit/world.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* What `sshd -T` of OpenSSH 9.2 prints, cut down to what is looked at. */
static const char good_settings[] =
    "usepam yes\npubkeyauthentication yes\npasswordauthentication no\nkbdinteractiveauthentication no\n"
    "hostbasedauthentication no\npermitrootlogin no\npermituserenvironment no\nauthenticationmethods any\n"
    "authorizedkeysfile none\nauthorizedkeyscommand none\nauthorizedprincipalsfile none\n"
    "trustedusercakeys /etc/ssh/user_ca.pub\nrevokedkeys /run/tegata/revoked_keys\n"
    "authorizedprincipalscommand /usr/libexec/tegata-principals --account=%u --key-type=%t --certificate=%k\n"
    "authorizedprincipalscommanduser tegata-principals\npubkeyauthoptions none\npubkeyacceptedalgorithms "
    "ssh-ed25519\n";

static struct tg_host_config host_config(void)
{
    struct tg_host_config config = {.lease_seconds = 15};
    (void)strcpy(config.name, "ops1");
    (void)strcpy(config.principals_user, "tegata-principals");
    (void)strcpy(config.deny_in, "both");
    (void)strcpy(config.revoked_keys, "/run/tegata/revoked_keys");
    return config;
}

/* The settings with one line replaced (or left out, if `line` is ""); malloc'ed. */
static char *with(const char *keyword, const char *line)
{
    const char *at = strstr(good_settings, keyword);
    char *text = NULL;
    assert_non_null(at);
    assert_true(asprintf(&text, "%.*s%s%s%s", (int)(at - good_settings), good_settings, line,
                         *line != '\0' ? "\n" : "", at + strcspn(at, "\n") + 1) > 0);
    return text;
}

static void accepts_good_settings(void **state)
{
    struct tg_host_config config = host_config();
    struct tg_findings *findings = calloc(1, sizeof *findings);
    (void)state;
    tg_doctor_sshd(findings, good_settings, 902, &config, NULL);
    assert_int_equal(tg_findings_at(findings, TG_LEVEL_ERROR), 0);
    assert_int_equal(tg_findings_at(findings, TG_LEVEL_WARNING), 0);
    free(findings);
}

/* By KEY_ROOT_ONE, for an hour. */
static struct tg_certificate *make_host_certificate(const struct tg_public_key *key, const char *name)
{
    struct tg_signer *signer;
    struct tg_certificate *certificate;
    struct tg_error error;
    const char *const principals[] = {name};
    const struct tg_certificate_content content = {.type = TG_CERTIFICATE_HOST,
                                                   .key = key,
                                                   .serial = 7,
                                                   .key_id = name,
                                                   .principals = principals,
                                                   .principal_count = 1,
                                                   .valid_after = WORLD_TIME,
                                                   .valid_before = WORLD_TIME + 3600};
    assert_int_equal(tg_signer_from_bytes(tg_bytes_of_text(PRIVATE_ROOT_ONE), "test key", &signer, &error),
                     0);
    assert_int_equal(tg_certificate_make(&content, signer, &certificate, &error), 0);
    tg_signer_free(signer);
    return certificate;
}

static void judges_host_certificates(void **state)
{
    (void)state;
    static const char with_line[] = "hostcertificate /run/tegata/host_certificate.pub\n";
    struct tg_host_config config = host_config();
    struct tg_policy *policy = world_policy(NULL);
    struct tg_public_key *authorities[] = {world_key(KEY_ROOT_ONE)};
    struct tg_findings *findings = calloc(1, sizeof *findings);
    (void)strcpy(config.host_certificate, "/run/tegata/host_certificate.pub");
    tg_doctor_host_certificate(findings, "", NULL, &config, NULL, WORLD_TIME);
    tg_doctor_host_certificate(findings, "", NULL, &config, policy, WORLD_TIME);
    assert_int_equal(findings->count, 0); /* nobody signs host certificates */
    policy->host_ca = authorities;
    policy->host_ca_count = 1;
    tg_doctor_host_certificate(findings, with_line, NULL, &config, policy, WORLD_TIME);
    assert_int_equal(tg_findings_at(findings, TG_LEVEL_ERROR), 1);
    assert_int_equal(tg_findings_at(findings, TG_LEVEL_WARNING), 0);
    tg_doctor_host_certificate(findings, "", KEY_CA "\n", &config, policy, WORLD_TIME);
    assert_int_equal(tg_findings_at(findings, TG_LEVEL_ERROR), 2);
    assert_int_equal(tg_findings_at(findings, TG_LEVEL_WARNING), 1);
    struct tg_certificate *certificate = make_host_certificate(authorities[0], "ops1");
    char *line = tg_certificate_line(certificate);
    tg_doctor_host_certificate(findings, with_line, line, &config, policy, WORLD_TIME);
    assert_int_equal(tg_findings_at(findings, TG_LEVEL_OK), 1);
    tg_doctor_host_certificate(findings, with_line, line, &config, policy, WORLD_TIME + 3600);
    assert_int_equal(tg_findings_at(findings, TG_LEVEL_ERROR), 3);
    (void)strcpy(config.name, "ops2");
    tg_doctor_host_certificate(findings, with_line, line, &config, policy, WORLD_TIME);
    assert_int_equal(tg_findings_at(findings, TG_LEVEL_ERROR), 4);
    (void)strcpy(config.name, "ops1");
    tg_public_key_free(authorities[0]);
    authorities[0] = world_key(KEY_OTHER_CA);
    tg_doctor_host_certificate(findings, with_line, line, &config, policy, WORLD_TIME);
    assert_int_equal(tg_findings_at(findings, TG_LEVEL_ERROR), 5);
    free(line);
    tg_certificate_free(certificate);
    tg_public_key_free(authorities[0]);
    policy->host_ca = NULL;
    policy->host_ca_count = 0;
    tg_policy_free(policy);
    free(findings);
}

static void finds_bad_settings(void **state)
{
    static const struct {
        const char *keyword;
        const char *line;
        int version;
        enum tg_level level;
        const char *part; /* of the fix */
    } rows[] = {
        {"revokedkeys", "", 902, TG_LEVEL_WARNING, "RevokedKeys /run/tegata/revoked_keys"},
        {"revokedkeys", "revokedkeys none", 902, TG_LEVEL_WARNING, "RevokedKeys /run/tegata/revoked_keys"},
        {"revokedkeys", "revokedkeys /etc/ssh/revoked", 902, TG_LEVEL_WARNING,
         "RevokedKeys /run/tegata/revoked_keys"},
        {"usepam", "usepam no", 902, TG_LEVEL_ERROR, "UsePAM yes"},
        {"passwordauthentication", "passwordauthentication yes", 902, TG_LEVEL_ERROR,
         "PasswordAuthentication no"},
        {"authorizedkeysfile", "authorizedkeysfile .ssh/authorized_keys", 902, TG_LEVEL_ERROR,
         "AuthorizedKeysFile none"},
        {"authorizedkeyscommand", "authorizedkeyscommand /x", 902, TG_LEVEL_ERROR,
         "AuthorizedKeysCommand none"},
        {"trustedusercakeys", "trustedusercakeys none", 902, TG_LEVEL_ERROR, "TrustedUserCAKeys"},
        {"authorizedprincipalscommand ", "authorizedprincipalscommand none", 902, TG_LEVEL_ERROR,
         "AuthorizedPrincipalsCommand"},
        {"authorizedprincipalscommand ",
         "authorizedprincipalscommand /bin/tegata-principals --account=%u --key-type=%t", 902, TG_LEVEL_ERROR,
         "--certificate=%k"},
        {"authorizedprincipalscommand ",
         "authorizedprincipalscommand /bin/tegata-principals --account=%u --key-type=%t --certificate=%k "
         "--connection=%C",
         902, TG_LEVEL_ERROR, "remove %C"},
        {"authorizedprincipalscommanduser", "authorizedprincipalscommanduser nobody", 902, TG_LEVEL_ERROR,
         "tegata-principals"},
        {"kbdinteractiveauthentication", "kbdinteractiveauthentication yes", 902, TG_LEVEL_WARNING,
         "KbdInteractiveAuthentication no"},
        {"permitrootlogin", "permitrootlogin without-password", 902, TG_LEVEL_WARNING, "PermitRootLogin no"},
        {"usepam", "usepam yes", 1000, TG_LEVEL_WARNING, "--connection=%C"},
        {"usepam", "usepam yes", 1000, TG_LEVEL_WARNING, "PerSourcePenaltyExemptList"},
    };
    struct tg_host_config config = host_config();
    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        struct tg_findings *findings = calloc(1, sizeof *findings);
        char *settings = with(rows[i].keyword, rows[i].line);
        bool found = false;
        tg_doctor_sshd(findings, settings, rows[i].version, &config, NULL);
        for (size_t k = 0; k < findings->count; k++)
            found = found || (findings->list[k].level == rows[i].level &&
                              strstr(findings->list[k].fix, rows[i].part) != NULL);
        if (!found)
            print_error("row %zu: %s\n", i, rows[i].line);
        assert_true(found);
        free(settings);
        free(findings);
    }
}

static void wants_security_keys_where_a_rule_does(void **state)
{
    struct tg_host_config config = host_config();
    struct tg_policy *policy = world_policy("rules/0/hardware_key=1");
    struct tg_findings *findings = calloc(1, sizeof *findings);
    (void)state;
    tg_doctor_sshd(findings, good_settings, 902, &config, policy);
    assert_int_equal(tg_findings_at(findings, TG_LEVEL_WARNING), 2);
    free(findings);
    (void)strcpy(config.name, "elsewhere");
    findings = calloc(1, sizeof *findings);
    tg_doctor_sshd(findings, good_settings, 902, &config, policy);
    assert_int_equal(tg_findings_at(findings, TG_LEVEL_WARNING), 0);
    free(findings);
    tg_policy_free(policy);
}

static void compares_authorities(void **state)
{
    struct tg_policy *policy = world_policy(NULL);
    struct tg_findings *findings = calloc(1, sizeof *findings);
    (void)state;
    tg_doctor_user_ca(findings, "ca.pub", "# comment\n" KEY_CA " the CA\n", policy);
    assert_int_equal(tg_findings_at(findings, TG_LEVEL_OK), 1);
    assert_int_equal(findings->count, 1);
    tg_doctor_user_ca(findings, "ca.pub", KEY_OTHER_CA "\n", policy);
    assert_int_equal(tg_findings_at(findings, TG_LEVEL_ERROR), 1);
    assert_int_equal(tg_findings_at(findings, TG_LEVEL_WARNING), 1);
    free(findings);
    tg_policy_free(policy);
}

static void reads_versions(void **state)
{
    (void)state;
    assert_int_equal(
        tg_openssh_version("unknown option -- V\nOpenSSH_9.2p1 Debian-2+deb12u10, OpenSSL 3.0.22"), 902);
    assert_int_equal(tg_openssh_version("OpenSSH_10.0p2 Debian-7"), 1000);
    assert_int_equal(tg_openssh_version("OpenSSH_9.10"), 910);
    assert_int_equal(tg_openssh_version("OpenSSH_x"), 0);
    assert_int_equal(tg_openssh_version("dropbear"), 0);
}

static void sees_match_blocks(void **state)
{
    (void)state;
    assert_true(tg_sshd_config_has_match("Port 22\n  Match User root\n"));
    assert_true(tg_sshd_config_has_match("match all"));
    assert_false(tg_sshd_config_has_match("# Match all\nMatchless yes\n"));
    assert_false(tg_sshd_config_has_match(""));
}

struct pam_row {
    const char *text;
    size_t errors;
    size_t warnings;
};

static void assert_pam(const struct pam_row *row, const char *before, const char *path, const char *purpose)
{
    struct tg_findings *findings = calloc(1, sizeof *findings);
    char text[1024];
    (void)snprintf(text, sizeof text, "%s%s", before, row->text);
    if (purpose == NULL)
        tg_doctor_pam(findings, path, text);
    else
        tg_doctor_pam_other(findings, path, text, purpose);
    if (tg_findings_at(findings, TG_LEVEL_ERROR) != row->errors ||
        tg_findings_at(findings, TG_LEVEL_WARNING) != row->warnings)
        print_error("%s", text);
    assert_int_equal(tg_findings_at(findings, TG_LEVEL_ERROR), row->errors);
    assert_int_equal(tg_findings_at(findings, TG_LEVEL_WARNING), row->warnings);
    free(findings);
}

static void judges_pam(void **state)
{
    static const struct pam_row rows[] = {
        {"account required pam_tegata.so\nsession required pam_tegata.so\n", 0, 0},
        {"account requisite /lib/security/pam_tegata.so debug\nsession required pam_tegata.so\n@include "
         "common-session\n",
         0, 0},
        {"account\trequired\\\n pam_tegata.so\nsession required pam_tegata.so\n", 0, 0},
        {"@include common-auth\naccount required pam_tegata.so\n@include common-account\nsession required "
         "pam_tegata.so\n",
         0, 0},
        {"@include other\naccount required pam_tegata.so\nsession required pam_tegata.so\n", 0, 2},
        {"@include common-account\naccount required pam_tegata.so\nsession required pam_tegata.so\n", 0, 1},
        {"account sufficient pam_permit.so\naccount required pam_tegata.so\nsession required pam_tegata.so\n",
         1, 0},
        {"account [success=1 default=ignore] pam_unix.so\naccount required pam_tegata.so\nsession required "
         "pam_tegata.so\n",
         1, 0},
        {"account [default=done] pam_x.so\naccount required pam_tegata.so\nsession required pam_tegata.so\n",
         1, 0},
        {"account sufficient pam_tegata.so\nsession required pam_tegata.so\n", 1, 0},
        {"account required pam_tegata.so\nsession optional pam_systemd.so\nsession required pam_tegata.so\n",
         1, 0},
        {"account required pam_tegata.so\nsession optional pam_tegata.so\n", 1, 0},
        {"account required pam_tegata.so\n", 1, 0},
        {"# account required pam_tegata.so\nsession required pam_tegata.so\n", 1, 0},
        {"auth sufficient pam_unix.so\naccount required pam_tegata.so\n-session required pam_tegata.so\n", 0,
         0},
        {"account [unclosed pam_tegata.so\n", 2, 0},
        {"", 2, 0},
    };
    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++)
        assert_pam(&rows[i], "auth required pam_tegata.so\nsession required pam_loginuid.so\n", "sshd", NULL);
}

static void judges_what_a_session_needs_of_pam(void **state)
{
    static const struct pam_row rows[] = {
        {"auth required pam_tegata.so\nsession required pam_loginuid.so\nsession required pam_tegata.so\n", 0,
         0},
        {"session required pam_loginuid.so\nsession required pam_tegata.so\n", 1, 0},
        {"auth sufficient pam_unix.so\nauth required pam_tegata.so\nsession required "
         "pam_loginuid.so\nsession required pam_tegata.so\n",
         1, 0},
        {"auth required pam_tegata.so\nsession required pam_tegata.so\nsession required pam_loginuid.so\n", 1,
         0},
        {"auth sufficient pam_tegata.so\nsession required pam_loginuid.so\nsession required pam_tegata.so\n",
         1, 0},
    };
    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++)
        assert_pam(&rows[i], "account required pam_tegata.so\n", "sshd", NULL);
}

#define SUDO_AUTH    "auth [success=done ignore=ignore default=die] pam_tegata.so for=sudo\n"
#define SUDO_ACCOUNT "account required pam_tegata.so for=sudo\n"

static void judges_the_other_stacks(void **state)
{
    static const struct pam_row rows[] = {
        {"account required pam_tegata.so for=sudo\n@include common-account\n", 0, 0},
        {"account required pam_tegata.so debug for=sudo\n", 0, 0},
        {"account required pam_tegata.so for=sudo conf=/etc/x\n", 0, 0},
        {"account required pam_tegata.so\n", 1, 0},
        {"account required pam_tegata.so for=job\n", 1, 0},
        {"account required pam_tegata.so for=sudoers\n", 1, 0},
        {"account required pam_tegata.so conf=/for=sudo\n", 1, 0},
        {"account sufficient pam_tegata.so for=sudo\n", 1, 0},
        {"account sufficient pam_rootok.so\naccount required pam_tegata.so for=sudo\n", 1, 0},
        {"@include common-account\n", 0, 1},
    };
    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++)
        assert_pam(&rows[i], SUDO_AUTH, "sudo", "for=sudo");
}

/* sudo is root itself when it asks, so pam_rootok lets everybody pass there. */
static void judges_the_auth_line_of_sudo_and_su(void **state)
{
    static const struct pam_row sudo_rows[] = {
        {SUDO_AUTH SUDO_ACCOUNT "@include common-auth\n", 0, 0},
        {"auth requisite pam_tegata.so for=sudo\n" SUDO_ACCOUNT, 0, 1},
        {"auth sufficient pam_tegata.so for=sudo\n" SUDO_ACCOUNT, 0, 1},
        {"auth required pam_tegata.so for=sudo\n" SUDO_ACCOUNT, 0, 1},
        {"@include common-auth\n" SUDO_AUTH SUDO_ACCOUNT, 0, 1},
        {"auth sufficient pam_rootok.so\n" SUDO_AUTH SUDO_ACCOUNT, 0, 1},
        {"auth [success=done default=die] pam_tegata.so\n" SUDO_ACCOUNT, 1, 0},
        {SUDO_ACCOUNT "@include common-auth\n", 0, 1},
    };
    static const struct pam_row su_rows[] = {
        {"auth sufficient pam_rootok.so\n" SUDO_AUTH SUDO_ACCOUNT, 0, 0},
        {"auth sufficient pam_rootok.so\nauth sufficient pam_wheel.so trust\n" SUDO_AUTH SUDO_ACCOUNT, 0, 1},
        {"auth sufficient pam_rootok.so\n" SUDO_ACCOUNT, 0, 1},
    };
    (void)state;
    for (size_t i = 0; i < sizeof sudo_rows / sizeof sudo_rows[0]; i++)
        assert_pam(&sudo_rows[i], "", "/etc/pam.d/sudo", "for=sudo");
    for (size_t i = 0; i < sizeof su_rows / sizeof su_rows[0]; i++)
        assert_pam(&su_rows[i], "", "/etc/pam.d/su", "for=sudo");
}

static void judges_nsswitch(void **state)
{
    static const struct {
        const char *text;
        size_t errors;
        size_t warnings;
    } rows[] = {
        {"passwd: files tegata\ngroup: files tegata\n", 0, 0},
        {"passwd:\tfiles systemd tegata # last\ngroup :  files tegata systemd\n", 0, 0},
        {"passwd: files\ngroup: files tegata\n", 1, 0},
        {"passwd: tegata files\ngroup: files tegata\n", 1, 0},
        {"passwd: files # tegata\ngroup: files tegata\n", 1, 0},
        {"passwd: files [NOTFOUND=return] tegata\ngroup: files tegata\n", 0, 1},
        {"passwd_compat: files tegata\ngroup: files tegata\n", 1, 0},
        {"", 2, 0},
    };
    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        struct tg_findings *findings = calloc(1, sizeof *findings);
        tg_doctor_nsswitch(findings, "/etc/nsswitch.conf", rows[i].text);
        if (tg_findings_at(findings, TG_LEVEL_ERROR) != rows[i].errors ||
            tg_findings_at(findings, TG_LEVEL_WARNING) != rows[i].warnings)
            print_error("row %zu\n", i);
        assert_int_equal(tg_findings_at(findings, TG_LEVEL_ERROR), rows[i].errors);
        assert_int_equal(tg_findings_at(findings, TG_LEVEL_WARNING), rows[i].warnings);
        free(findings);
    }
}

static void judges_the_agents_status(void **state)
{
    static const struct {
        const char *status;
        size_t errors;
    } rows[] = {
        {"{\"host\":\"ops1\",\"last_contact\":999,\"policy_expires\":9999999,\"policy_serial\":3,\"clock_"
         "offset\":0}",
         0},
        {"{\"host\":\"ops2\",\"last_contact\":999,\"policy_expires\":9999999,\"policy_serial\":3,\"clock_"
         "offset\":0}",
         1},
        {"{\"host\":\"ops1\",\"last_contact\":999,\"policy_expires\":9999999,\"policy_serial\":3,\"clock_"
         "offset\":31}",
         1},
        {"{\"host\":\"ops1\",\"last_contact\":0,\"policy_expires\":9999999,\"policy_serial\":0,\"clock_"
         "offset\":0}",
         2},
        {"{\"host\":\"ops1\",\"last_contact\":999,\"policy_expires\":1000,\"policy_serial\":3,\"clock_"
         "offset\":0}",
         1},
        {"{\"host\":\"ops1\",\"last_contact\":999,\"policy_expires\":9999999,\"policy_serial\":3,\"clock_"
         "offset\":0,\"network_problem\":\"nftables: Operation not permitted\"}",
         1},
        {"[]", 1},
        {"garbage", 1},
    };
    struct tg_host_config config = host_config();
    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        struct tg_findings *findings = calloc(1, sizeof *findings);
        tg_doctor_status(findings, rows[i].status, &config, 1000);
        assert_int_equal(tg_findings_at(findings, TG_LEVEL_ERROR), rows[i].errors);
        free(findings);
    }
}

/* A host that demands recording and cannot record refuses, so it is an error; without such a rule there is
 * nothing to say. */
static void looks_for_the_recorder_where_a_rule_records(void **state)
{
    struct tg_host_config config = host_config();
    const char *hosts[] = {"db*", "ops*"};
    struct tg_rule rule = {.id = "recorded", .hosts = hosts, .host_count = 2};
    const struct tg_policy policy = {.rules = &rule, .rule_count = 1};
    const struct tg_recording_paths paths = {
        .recorder_shell = "/bin/sh", .recorded_shell = "/bin/sh", .journal_socket = "/nonexistent"};
    struct tg_findings *findings = calloc(1, sizeof *findings);
    (void)state;
    (void)strcpy(config.recorder, "/bin/sh");
    (void)strcpy(config.recordings, "journal");
    tg_doctor_recording(findings, &config, NULL, &paths, "/");
    tg_doctor_recording(findings, &config, &policy, &paths, "/");
    rule.record = true;
    (void)strcpy(config.name, "web1");
    tg_doctor_recording(findings, &config, &policy, &paths, "/");
    assert_int_equal(findings->count, 0);
    (void)strcpy(config.name, "ops1");
    tg_doctor_recording(findings, &config, &policy, &paths, "/");
    assert_int_equal(tg_findings_at(findings, TG_LEVEL_ERROR), 1);
    assert_non_null(strstr(findings->list[0].text, "no journal takes the recordings"));
    free(findings);
}

static size_t judge_teardown(const struct tg_host_config *config, const char *text, enum tg_level level)
{
    struct tg_findings *findings = calloc(1, sizeof *findings);
    json_t *status = json_loads(text, 0, NULL);
    assert_non_null(status);
    tg_doctor_teardown(findings, status, config);
    size_t count = tg_findings_at(findings, level);
    json_decref(status);
    free(findings);
    return count;
}

static void says_who_waits_to_tear_the_host_down(void **state)
{
    static const char nobody[] = "{\"dedicated\":1,\"owner\":\"\",\"teardown_due\":0,\"teardown_waiting\":0}";
    static const char due[] = "{\"dedicated\":1,\"owner\":\"a\",\"teardown_due\":1,\"teardown_waiting\":0}";
    static const char waits[] = "{\"dedicated\":1,\"owner\":\"a\",\"teardown_due\":0,\"teardown_waiting\":1}";
    struct tg_host_config config = host_config();
    (void)state;
    assert_int_equal(judge_teardown(&config, "{\"dedicated\":0}", TG_LEVEL_ERROR), 0);
    assert_int_equal(judge_teardown(&config, nobody, TG_LEVEL_ERROR), 1); /* the agent was not reloaded */
    config.dedicated = true;
    assert_int_equal(judge_teardown(&config, nobody, TG_LEVEL_ERROR),
                     0); /* no teardown: nothing to wait for */
    (void)strcpy(config.teardown, "/bin/true");
    assert_int_equal(judge_teardown(&config, "{\"dedicated\":0,\"teardown_waiting\":1}", TG_LEVEL_ERROR), 1);
    assert_int_equal(judge_teardown(&config, nobody, TG_LEVEL_ERROR), 1);
    assert_int_equal(judge_teardown(&config, due, TG_LEVEL_ERROR), 0);
    assert_int_equal(judge_teardown(&config, due, TG_LEVEL_WARNING), 1);
    assert_int_equal(judge_teardown(&config, waits, TG_LEVEL_OK), 1);
}

static void judges_the_settings_of_a_server_for_one_person(void **state)
{
    static const struct {
        bool dedicated;
        const char *teardown;
        size_t errors;
        size_t warnings;
    } rows[] = {
        {false, "", 0, 0},    {false, "/bin/true", 0, 1},   {true, "", 0, 1},
        {true, "true", 1, 0}, {true, "/nonexistent", 1, 0}, {true, "/", 1, 0},
    };
    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        struct tg_host_config config = host_config();
        struct tg_findings *findings = calloc(1, sizeof *findings);
        config.dedicated = rows[i].dedicated;
        (void)strcpy(config.teardown, rows[i].teardown);
        tg_doctor_dedicated(findings, &config);
        assert_int_equal(tg_findings_at(findings, TG_LEVEL_ERROR), rows[i].errors);
        assert_int_equal(tg_findings_at(findings, TG_LEVEL_WARNING), rows[i].warnings);
        free(findings);
    }
}

static void looks_for_who_makes_homes(void **state)
{
    static const char line[] = "session required pam_mkhomedir.so umask=0077\n";
    struct tg_findings *findings = calloc(1, sizeof *findings);
    (void)state;
    tg_doctor_makes_homes(findings, "sshd", line, "");
    tg_doctor_makes_homes(findings, "sshd", "", "auth x\n-session optional pam_oddjob_mkhomedir.so\n");
    assert_int_equal(findings->count, 0);
    tg_doctor_makes_homes(findings, "sshd", "# session required pam_mkhomedir.so\n",
                          "session x # mkhomedir.so\n");
    tg_doctor_makes_homes(findings, "sshd", "session x\nauth required pam_mkhomedir.so\n", "");
    assert_int_equal(tg_findings_at(findings, TG_LEVEL_WARNING), 2);
    free(findings);
}

/* Every entry of / is some account's home here; root's uid is none of the policy's. */
static void finds_homes_of_other_owners(void **state)
{
    struct tg_person people[] = {{.name = "usr", .uid = 20001}, {.name = "nonexistent", .uid = 20002}};
    struct tg_shared_account accounts[] = {{.name = "etc/passwd", .uid = 20003}, {.name = "etc", .uid = 0}};
    const struct tg_policy policy = {
        .people = people, .person_count = 2, .accounts = accounts, .account_count = 2};
    struct tg_findings *findings = calloc(1, sizeof *findings);
    (void)state;
    tg_doctor_homes(findings, NULL, "");
    assert_int_equal(findings->count, 0);
    tg_doctor_homes(findings, &policy, "");
    assert_int_equal(findings->count, 2);
    assert_int_equal(tg_findings_at(findings, TG_LEVEL_WARNING), 2);
    assert_non_null(strstr(findings->list[0].text, "/usr belongs to uid 0, and the account is 20001"));
    assert_non_null(strstr(findings->list[1].text, "/etc/passwd is no directory"));
    free(findings);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(accepts_good_settings),
        cmocka_unit_test(judges_host_certificates),
        cmocka_unit_test(finds_bad_settings),
        cmocka_unit_test(compares_authorities),
        cmocka_unit_test(wants_security_keys_where_a_rule_does),
        cmocka_unit_test(reads_versions),
        cmocka_unit_test(sees_match_blocks),
        cmocka_unit_test(judges_pam),
        cmocka_unit_test(judges_what_a_session_needs_of_pam),
        cmocka_unit_test(judges_the_other_stacks),
        cmocka_unit_test(judges_the_auth_line_of_sudo_and_su),
        cmocka_unit_test(judges_nsswitch),
        cmocka_unit_test(judges_the_agents_status),
        cmocka_unit_test(looks_for_the_recorder_where_a_rule_records),
        cmocka_unit_test(says_who_waits_to_tear_the_host_down),
        cmocka_unit_test(judges_the_settings_of_a_server_for_one_person),
        cmocka_unit_test(looks_for_who_makes_homes),
        cmocka_unit_test(finds_homes_of_other_owners),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
