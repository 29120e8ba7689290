/* SPDX-License-Identifier: BSD-2-Clause
 *
 * The examinations of tegata doctor. Those that read text take it as an argument, so that tests need neither
 * root nor a host.
 */
#ifndef TEGATA_CLI_DOCTOR_H
#define TEGATA_CLI_DOCTOR_H

#include "cli/findings.h"
#include "lib/config.h"
#include "lib/policy.h"
#include "lib/recording.h"

#include <jansson.h>
#include <stdbool.h>

/* OpenSSH's version as major * 100 + minor, 902 for 9.2; 0 if `text` does not name one. */
int tg_openssh_version(const char *text);

/* The value that `sshd -T` printed for a keyword (lower case), copied to `out`. False and "" if there is no
 * such line. */
bool tg_sshd_setting(const char *settings, const char *keyword, char *out, size_t size);

/* Judges the output of `sshd -T`. `policy` may be NULL: then nothing is said about authorities and hardware
 * rules. */
void tg_doctor_sshd(struct tg_findings *findings, const char *settings, int version,
                    const struct tg_host_config *config, const struct tg_policy *policy);

/* Does the file that TrustedUserCAKeys names hold an authority of the policy? `text` is its content. */
void tg_doctor_user_ca(struct tg_findings *findings, const char *path, const char *text,
                       const struct tg_policy *policy);

/* Where the policy has a host_ca: does sshd show the certificate that the agent fetches, and is it good at
 * `now`? `text` is the file's content, NULL if there is none. */
void tg_doctor_host_certificate(struct tg_findings *findings, const char *settings, const char *text,
                                const struct tg_host_config *config, const struct tg_policy *policy,
                                int64_t now);

/* Does a text of sshd_config(5) have a Match block? */
bool tg_sshd_config_has_match(const char *text);

/* Judges the content of /etc/pam.d/sshd; `path` is its name in what is said. */
void tg_doctor_pam(struct tg_findings *findings, const char *path, const char *text);

/* Judges the content of another file of pam.d, in which pam_tegata.so stands with `purpose`: "for=sudo"
 * (sudo, su) or "for=job" (cron, atd). */
void tg_doctor_pam_other(struct tg_findings *findings, const char *path, const char *text,
                         const char *purpose);

/* Judges the content of /etc/nsswitch.conf. */
void tg_doctor_nsswitch(struct tg_findings *findings, const char *path, const char *text);

/* Owners and modes of the files that tegata.conf names; the users that it names; the roster. */
void tg_doctor_files(struct tg_findings *findings, const char *config_path,
                     const struct tg_host_config *config);

/* Judges the agent's STATUS, a JSON text, at the time `now`. */
void tg_doctor_status(struct tg_findings *findings, const char *status, const struct tg_host_config *config,
                      int64_t now);

/* Can this host record, where a rule of the policy (NULL: none is known) asks for it here? `utmp` is
 * /run/utmp, without which tlog does not start. */
void tg_doctor_recording(struct tg_findings *findings, const struct tg_host_config *config,
                         const struct tg_policy *policy, const struct tg_recording_paths *paths,
                         const char *utmp);

/* Judges [host] dedicated and teardown as tegata.conf has them. */
void tg_doctor_dedicated(struct tg_findings *findings, const struct tg_host_config *config);

/* Whose a one-person server is, and whether anything waits to tear it down, by the agent's STATUS. */
void tg_doctor_teardown(struct tg_findings *findings, const json_t *status,
                        const struct tg_host_config *config);

/* Does sshd's PAM stack make homes? `included` is what the files that it includes hold. */
void tg_doctor_makes_homes(struct tg_findings *findings, const char *path, const char *text,
                           const char *included);

/* Homes under `root` ("/home") that are not their accounts' own. `policy` may be NULL: then none is known. */
void tg_doctor_homes(struct tg_findings *findings, const struct tg_policy *policy, const char *root);

/* Asks the agent and judges its answer. */
void tg_doctor_agent(struct tg_findings *findings, const struct tg_host_config *config, int64_t now);

/* Asks the service for its health and the policy, which is verified with the host's root keys. NULL if there
 * is none; else *carrier owns the bytes and both are the caller's to free. */
struct tg_signed_policy;
struct tg_policy *tg_doctor_service(struct tg_findings *findings, const struct tg_host_config *config,
                                    int64_t now, struct tg_signed_policy *carrier);

#endif
