/* SPDX-License-Identifier: BSD-2-Clause
 *
 * tegata doctor: examines a host and says which line to change.
 */
#include "cli/doctor.h"

#include "cli/command.h"
#include "cli/files.h"
#include "cli/run.h"
#include "cli/trust.h"
#include "lib/roster_reader.h"

#include <glob.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <time.h>
#include <unistd.h>

enum { TEXT_MAX = 262144, INCLUDE_DEPTH = 8 };

static const char *or_default(const struct tg_arguments *arguments, const char *name, const char *fallback)
{
    const char *given = tg_argument(arguments, name);
    return given != NULL ? given : fallback;
}

/* The version is printed by `sshd -V`, on older ones behind a complaint about -V, so the exit status says
 * nothing. */
static int find_version(const char *sshd)
{
    const char *arguments[] = {sshd, "-V", NULL};
    char *text = NULL;
    (void)tg_run_output(arguments, TEXT_MAX, &text, NULL);
    int version = text != NULL ? tg_openssh_version(text) : 0;
    free(text);
    return version;
}

static bool has_match(const char *path, int depth);

/* "Include PATTERN...", sshd_config(5); relative patterns are under /etc/ssh. */
static bool includes_have_match(const char *patterns, size_t length, int depth)
{
    char *copy = strndup(patterns, length);
    char *rest = NULL;
    bool found = false;
    for (char *word = copy != NULL ? strtok_r(copy, " \t\"", &rest) : NULL; word != NULL && !found;
         word = strtok_r(NULL, " \t\"", &rest)) {
        char *pattern = NULL;
        glob_t paths = {0};
        if (asprintf(&pattern, "%s%s", *word == '/' ? "" : "/etc/ssh/", word) < 0)
            break;
        if (glob(pattern, 0, NULL, &paths) == 0) {
            for (size_t i = 0; i < paths.gl_pathc && !found; i++)
                found = has_match(paths.gl_pathv[i], depth + 1);
        }
        globfree(&paths);
        free(pattern);
    }
    free(copy);
    return found;
}

static bool has_match(const char *path, int depth)
{
    char *text = NULL;
    size_t length = 0;
    if (depth > INCLUDE_DEPTH || tg_file_read(path, TEXT_MAX, TG_config_bad, &text, &length, NULL) != 0)
        return false;
    bool found = tg_sshd_config_has_match(text);
    for (const char *line = text; *line != '\0' && !found;
         line += strcspn(line, "\n"), line += *line == '\n' ? 1 : 0) {
        const char *word = line + strspn(line, " \t");
        if (strncasecmp(word, "include", 7) == 0 && (word[7] == ' ' || word[7] == '\t'))
            found = includes_have_match(word + 8, strcspn(word + 8, "\n"), depth);
    }
    free(text);
    return found;
}

/* The file that TrustedUserCAKeys names. */
static void examine_user_ca(struct tg_findings *findings, const char *settings,
                            const struct tg_policy *policy)
{
    char path[1024];
    char *text = NULL;
    size_t length = 0;
    struct tg_error error = {0};
    if (!tg_sshd_setting(settings, "trustedusercakeys", path, sizeof path) || strcmp(path, "none") == 0)
        return;
    if (tg_file_read(path, TEXT_MAX, TG_config_bad, &text, &length, &error) != 0)
        tg_find(findings, TG_LEVEL_ERROR, "sshd", "put the user CA's public key there",
                "TrustedUserCAKeys: %s", error.text);
    else if (policy != NULL)
        tg_doctor_user_ca(findings, path, text, policy);
    free(text);
}

static void examine_host_certificate(struct tg_findings *findings, const char *settings,
                                     const struct tg_host_config *config, const struct tg_policy *policy)
{
    char *text = NULL;
    size_t length = 0;
    if (tg_file_read(config->host_certificate, TEXT_MAX, TG_config_bad, &text, &length, NULL) != 0)
        text = NULL;
    tg_doctor_host_certificate(findings, settings, text, config, policy, time(NULL));
    free(text);
}

static void examine_sshd(struct tg_findings *findings, const struct tg_arguments *arguments,
                         const struct tg_host_config *config, const struct tg_policy *policy)
{
    const char *sshd = or_default(arguments, "sshd", "/usr/sbin/sshd");
    const char *file = or_default(arguments, "sshd-config", "/etc/ssh/sshd_config");
    const char *command[] = {sshd, "-T", "-f", file, NULL};
    char *settings = NULL;
    struct tg_error error = {0};
    if (tg_run_output(command, TEXT_MAX, &settings, &error) != 0) {
        tg_find(findings, TG_LEVEL_ERROR, "sshd", "run it yourself and correct what it says: sshd -T",
                "sshd -T -f %.100s: %.100s: %.100s", file, error.text, settings != NULL ? settings : "");
    } else {
        tg_doctor_sshd(findings, settings, find_version(sshd), config, policy);
        examine_user_ca(findings, settings, policy);
        examine_host_certificate(findings, settings, config, policy);
    }
    if (has_match(file, 0))
        tg_find(findings, TG_LEVEL_WARNING, "sshd",
                "look at each Match block, or ask for one login: sshd -T -C user=NAME,addr=ADDRESS,host=HOST",
                "sshd_config has Match blocks, which can change every setting and are not examined here");
    free(settings);
}

static void examine_text(struct tg_findings *findings, const char *path, const char *area,
                         void (*examine)(struct tg_findings *, const char *, const char *))
{
    char *text = NULL;
    size_t length = 0;
    struct tg_error error = {0};
    if (tg_file_read(path, TEXT_MAX, TG_config_bad, &text, &length, &error) != 0)
        tg_find(findings, TG_LEVEL_ERROR, area, NULL, "%s", error.text);
    else
        examine(findings, path, text);
    free(text);
}

static const struct tg_recording_paths recording_paths = TG_RECORDING_PATHS;

/* "NAME" in the folder of `path`; malloc'ed. */
static char *beside(const char *path, const char *name)
{
    const char *slash = strrchr(path, '/');
    char *result = NULL;
    int folder = slash == NULL ? 0 : (int)(slash - path) + 1;
    return asprintf(&result, "%.*s%s", folder, path, name) < 0 ? NULL : result;
}

/* The other files of pam.d, beside sshd's; those that are not there belong to programs that are not. */
static void examine_other_pam(struct tg_findings *findings, const char *sshd_path)
{
    static const struct {
        const char *name;
        const char *purpose;
    } files[] = {{"sudo", "for=sudo"},       {"sudo-i", "for=sudo"}, {"su", "for=sudo"},
                 {"cron", "for=job"},        {"crond", "for=job"},   {"atd", "for=job"},
                 {"systemd-user", "for=job"}};
    for (size_t i = 0; i < sizeof files / sizeof files[0]; i++) {
        struct tg_error error = {0};
        char *text = NULL;
        size_t length = 0;
        char *path = beside(sshd_path, files[i].name);
        if (path != NULL && access(path, F_OK) == 0) {
            if (tg_file_read(path, TEXT_MAX, TG_config_bad, &text, &length, &error) == 0)
                tg_doctor_pam_other(findings, path, text, files[i].purpose);
            else
                tg_find(findings, TG_LEVEL_ERROR, "pam", NULL, "%s", error.text);
        }
        free(text);
        free(path);
    }
}

/* Debian's common-session or Fedora's files may make them for every service. */
static void examine_makers_of_homes(struct tg_findings *findings, const char *sshd_path)
{
    static const char *const names[] = {"common-session", "password-auth", "postlogin"};
    char *included = strdup("");
    char *text = NULL;
    size_t length = 0;
    for (size_t i = 0; included != NULL && i < sizeof names / sizeof names[0]; i++) {
        char *path = beside(sshd_path, names[i]);
        char *more = NULL;
        char *joined = NULL;
        if (path != NULL && tg_file_read(path, TEXT_MAX, TG_config_bad, &more, &length, NULL) == 0 &&
            asprintf(&joined, "%s%s\n", included, more) >= 0) {
            free(included);
            included = joined;
        }
        free(more);
        free(path);
    }
    if (included != NULL && tg_file_read(sshd_path, TEXT_MAX, TG_config_bad, &text, &length, NULL) == 0)
        tg_doctor_makes_homes(findings, sshd_path, text, included);
    free(text);
    free(included);
}

static void examine_host(struct tg_findings *findings, const struct tg_arguments *arguments)
{
    struct tg_error error = {0};
    struct tg_signed_policy carrier = {0};
    struct tg_policy *policy = NULL;
    int64_t now = time(NULL);
    const char *path = or_default(arguments, "conf", TG_HOST_CONFIG_PATH);
    struct tg_host_config *config = calloc(1, sizeof *config);
    if (geteuid() != 0)
        tg_find(findings, TG_LEVEL_WARNING, "files", "sudo tegata doctor",
                "not run as root: some things cannot be looked at");
    if (config == NULL || tg_host_config_read(path, config, &error) != 0) {
        tg_find(findings, TG_LEVEL_ERROR, "files", "correct it; tegata.conf(5) describes every key", "%s",
                error.text);
    } else {
        tg_doctor_files(findings, path, config);
        tg_doctor_dedicated(findings, config);
        tg_doctor_agent(findings, config, now);
        policy = tg_doctor_service(findings, config, now, &carrier);
        examine_sshd(findings, arguments, config, policy);
        tg_doctor_recording(findings, config, policy, &recording_paths, "/run/utmp");
        tg_doctor_homes(findings, policy, "/home");
    }
    examine_text(findings, or_default(arguments, "pam-file", "/etc/pam.d/sshd"), "pam", tg_doctor_pam);
    examine_other_pam(findings, or_default(arguments, "pam-file", "/etc/pam.d/sshd"));
    examine_makers_of_homes(findings, or_default(arguments, "pam-file", "/etc/pam.d/sshd"));
    examine_text(findings, or_default(arguments, "nsswitch", "/etc/nsswitch.conf"), "nsswitch",
                 tg_doctor_nsswitch);
    if (access("/run/nscd/socket", F_OK) == 0 || access("/var/run/nscd/socket", F_OK) == 0)
        tg_find(findings, TG_LEVEL_WARNING, "nsswitch",
                "in nscd.conf: enable-cache passwd no; enable-cache group no",
                "nscd is running: it can keep an account's absence after a ticket was approved");
    if (access(TG_ROSTER_NOLOGIN, X_OK) != 0)
        tg_find(findings, TG_LEVEL_WARNING, "nsswitch",
                "Debian: apt-get install login; Fedora: dnf install util-linux",
                TG_ROSTER_NOLOGIN
                " is missing: sshd turns away people whose ticket has ended before they can be told why");
    tg_policy_free(policy);
    tg_signed_policy_clear(&carrier);
    free(config);
}

static const char *level_name(enum tg_level level)
{
    return level == TG_LEVEL_OK ? "ok" : level == TG_LEVEL_WARNING ? "warning" : "error";
}

static void show(const struct tg_output *out, const struct tg_findings *findings)
{
    static const enum tg_style styles[] = {TG_STYLE_GOOD, TG_STYLE_WARNING, TG_STYLE_BAD};
    for (size_t i = 0; i < findings->count; i++) {
        const struct tg_finding *finding = &findings->list[i];
        tg_styled(out, styles[finding->level], "%-8s", level_name(finding->level));
        tg_line(out, " %-9s %s", finding->area, finding->text);
        if (finding->fix[0] != '\0')
            tg_line(out, "%19sdo: %s", "", finding->fix);
    }
    size_t errors = tg_findings_at(findings, TG_LEVEL_ERROR);
    size_t warnings = tg_findings_at(findings, TG_LEVEL_WARNING);
    tg_line(out, "%zu %s, %zu %s, %zu ok", errors, tg_plural(errors, "error", "errors"), warnings,
            tg_plural(warnings, "warning", "warnings"), tg_findings_at(findings, TG_LEVEL_OK));
}

static void show_json(const struct tg_output *out, const struct tg_findings *findings)
{
    json_t *list = json_array();
    for (size_t i = 0; i < findings->count; i++) {
        const struct tg_finding *finding = &findings->list[i];
        char *text = tg_output_escape(finding->text, false);
        (void)json_array_append_new(list, json_pack("{s:s, s:s, s:s, s:s}", "level",
                                                    level_name(finding->level), "area", finding->area, "text",
                                                    text != NULL ? text : "", "fix", finding->fix));
        free(text);
    }
    json_t *answer = json_pack("{s:o}", "findings", list);
    tg_output_json(out, answer);
    json_decref(answer);
}

int tg_command_doctor(struct tg_cli *cli, const struct tg_arguments *arguments)
{
    struct tg_findings *findings = calloc(1, sizeof *findings);
    if (findings == NULL)
        return TG_EXIT_REFUSED;
    examine_host(findings, arguments);
    if (cli->json)
        show_json(&cli->out, findings);
    else
        show(&cli->out, findings);
    int status = tg_findings_at(findings, TG_LEVEL_ERROR) > 0 ? TG_EXIT_REFUSED : TG_EXIT_OK;
    free(findings);
    return status;
}
