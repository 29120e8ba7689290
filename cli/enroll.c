/* SPDX-License-Identifier: BSD-2-Clause
 *
 * tegata enroll: a new key on a security key, its attestation, and the policy change that names it.
 */
#include "cli/files.h"
#include "cli/key_words.h"
#include "cli/link.h"
#include "cli/run.h"
#include "cli/signing_key.h"

#include "lib/base64.h"
#include "lib/policy_change.h"

#include <limits.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

/* What the options come down to, and what has been read. */
struct job {
    char key[PATH_MAX]; /* the private key file; KEY.pub, KEY.challenge, KEY.attestation lie beside it */
    char public_key[PATH_MAX];
    char challenge_path[PATH_MAX];
    char attestation_path[PATH_MAX];
    char output[PATH_MAX];
    bool make;     /* the key is made here */
    bool attested; /* there is an attestation, or will be */
    bool send;
    const char *person;
    const char *label;
    const char *type;
    const char *trust_directory;
    struct tg_link link; /* with `send` */
    char *challenge;
    size_t challenge_length;
    char *attestation;
    size_t attestation_length;
    char *line; /* of the public key */
};

static void clear(struct job *job)
{
    if (job->send)
        tg_link_close(&job->link);
    free(job->challenge);
    free(job->attestation);
    free(job->line);
}

static bool join(char out[PATH_MAX], const char *path, const char *suffix)
{
    return snprintf(out, PATH_MAX, "%s%s", path, suffix) < PATH_MAX;
}

/* KEY names a new key, KEY.pub one that exists. -1: go on; else an exit status. */
static int read_options(struct tg_cli *cli, const struct tg_arguments *arguments, struct job *job)
{
    const char *operand = arguments->operands[0];
    size_t length = strlen(operand);
    const char *challenge = tg_argument(arguments, "challenge");
    const char *attestation = tg_argument(arguments, "attestation");
    const char *output = tg_argument(arguments, "output");
    job->make = length < 5 || strcmp(operand + length - 4, ".pub") != 0;
    job->send = false; /* until the link is open */
    job->label = tg_argument(arguments, "label");
    job->type = tg_argument(arguments, "type");
    job->trust_directory = tg_argument(arguments, "attestation-trust");
    if (job->label == NULL)
        job->label = "";
    if (job->make && (challenge != NULL || attestation != NULL))
        return tg_cli_usage(cli,
                            "enroll: --challenge and --attestation belong to a key that exists: KEY.pub");
    if (!job->make && job->type != NULL)
        return tg_cli_usage(cli, "enroll: --type belongs to a new key");
    if ((challenge != NULL) != (attestation != NULL))
        return tg_cli_usage(cli, "enroll: --challenge and --attestation go together");
    if (job->type == NULL)
        job->type = "ed25519-sk";
    if (strcmp(job->type, "ed25519-sk") != 0 && strcmp(job->type, "ecdsa-sk") != 0)
        return tg_cli_usage(cli, "enroll: --type is ed25519-sk or ecdsa-sk, not %s", job->type);
    if (!join(job->key, operand, ""))
        return tg_cli_usage(cli, "enroll: the file name is too long");
    if (!job->make)
        job->key[length - 4] = '\0';
    if (!join(job->public_key, job->key, ".pub") ||
        !join(job->challenge_path, challenge != NULL ? challenge : job->key,
              challenge != NULL ? "" : ".challenge") ||
        !join(job->attestation_path, attestation != NULL ? attestation : job->key,
              attestation != NULL ? "" : ".attestation") ||
        !join(job->output, output != NULL ? output : job->key, output != NULL ? "" : ".change.json"))
        return tg_cli_usage(cli, "enroll: the file name is too long");
    job->attested = job->make || attestation != NULL;
    return -1;
}

/* Offline, the name is all that is needed of the configuration. */
static int find_person(struct tg_cli *cli, const struct tg_arguments *arguments, struct job *job,
                       struct tg_problem *problem)
{
    job->person = tg_argument(arguments, "person");
    if (tg_argument(arguments, "send") != NULL) {
        if (tg_link_open(cli, TG_LINK_PERSON, &job->link, problem) != 0)
            return -1;
        job->send = true;
        if (job->person != NULL && strcmp(job->person, cli->config.name) != 0)
            return tg_problem_set(problem, TG_client_config,
                                  "--send sends as '%s', so --person cannot be '%s'", cli->config.name,
                                  job->person);
    }
    if (job->person == NULL && tg_cli_configure(cli, problem) != 0)
        return -1;
    if (job->person == NULL)
        job->person = cli->config.name;
    if (job->person[0] == '\0')
        return tg_problem_set(problem, TG_client_config, "who are you? Give --person NAME");
    return 0;
}

/* POST /v1/credentials/challenge */
static int fetch_challenge(struct job *job, struct tg_problem *problem)
{
    json_t *answer = NULL;
    if (tg_client_post(job->link.client, "/v1/credentials/challenge", json_object(), &answer, problem) != 0)
        return -1;
    const char *document = json_string_value(json_object_get(answer, "document"));
    job->challenge = document == NULL ? NULL : strdup(document);
    job->challenge_length = job->challenge == NULL ? 0 : strlen(job->challenge);
    json_decref(answer);
    return job->challenge != NULL
               ? 0
               : tg_problem_set(problem, TG_internal_error, "the service's answer has no challenge");
}

static int get_challenge(struct job *job, struct tg_problem *problem)
{
    struct tg_error error = {0};
    int result = 0;
    if (job->attested && !job->make)
        result = tg_file_read(job->challenge_path, TG_ENROLMENT_MAX, TG_file_failed, &job->challenge,
                              &job->challenge_length, &error);
    else if (job->send)
        return fetch_challenge(job, problem);
    else
        result = tg_enrolment_compose(job->person, "offline", (int64_t)time(NULL), &job->challenge,
                                      &job->challenge_length, &error);
    return result == 0 ? 0 : tg_problem_from_error(problem, &error);
}

/* ssh-keygen asks for the PIN, the touch and a passphrase on the terminal. */
static int make_key(const struct tg_cli *cli, const struct job *job, struct tg_error *error)
{
    char challenge[PATH_MAX + 16];
    char attestation[PATH_MAX + 32];
    (void)snprintf(challenge, sizeof challenge, "challenge=%s", job->challenge_path);
    (void)snprintf(attestation, sizeof attestation, "write-attestation=%s", job->attestation_path);
    const char *const arguments[] = {"ssh-keygen", "-t",      job->type, "-O",        "verify-required",
                                     "-O",         challenge, "-O",      attestation, "-C",
                                     job->label,   "-f",      job->key,  NULL};
    if (access(job->key, F_OK) == 0)
        return tg_fail(error, TG_file_failed, "%s exists; name another file, or the key's own: %s", job->key,
                       job->public_key);
    if (tg_file_create(job->challenge_path, 0600, job->challenge, job->challenge_length, error) != 0)
        return -1;
    tg_line(&cli->err, "Making a key on your security key: PIN, then touch it.");
    struct tg_error fault = {0};
    int result = tg_run(arguments, &fault);
    if (result == 0)
        return 0;
    (void)unlink(job->challenge_path);
    return tg_fail(error, TG_key_unusable, "no key was made: %s (is the security key plugged in?)",
                   fault.text);
}

static int read_key(struct job *job, struct tg_error *error)
{
    size_t length;
    if (tg_file_read(job->public_key, TG_PUBLIC_KEY_BLOB_MAX * 2, TG_file_failed, &job->line, &length,
                     error) != 0)
        return -1;
    job->line[strcspn(job->line, "\r\n")] = '\0';
    if (!job->attested)
        return 0;
    return tg_file_read_bytes(job->attestation_path, TG_ATTESTATION_MAX, TG_file_failed, &job->attestation,
                              &job->attestation_length, error);
}

static struct tg_enrolment_evidence evidence_of(const struct job *job)
{
    return (struct tg_enrolment_evidence){
        .person = job->person,
        .label = job->label,
        .challenge = tg_bytes_of(job->challenge, job->challenge_length),
        .attestation = tg_bytes_of(job->attestation, job->attestation_length),
        .key = job->line,
    };
}

static int verify(const struct job *job, struct tg_attestation **attestation, struct tg_error *error)
{
    struct tg_attestation_trust *trust = NULL;
    struct tg_enrolment_evidence evidence = evidence_of(job);
    *attestation = NULL;
    if (job->trust_directory != NULL && tg_attestation_trust_read(job->trust_directory, &trust, error) != 0)
        return -1;
    int result = tg_enrolment_verify(&evidence, trust, (int64_t)time(NULL), attestation, error);
    tg_attestation_trust_free(trust);
    return result;
}

/* Is what the service has made of it the change for this key? Whoever signs the policy verifies it again. */
static int check_answer(const struct job *job, const char *change, const struct tg_attestation *attestation,
                        struct tg_problem *problem)
{
    struct tg_policy_change *parsed = NULL;
    struct tg_attestation *theirs = NULL;
    struct tg_error error = {0};
    int result = tg_policy_change_parse(tg_bytes_of_text(change), &parsed, &error);
    if (result == 0)
        result = tg_policy_change_verify(parsed, NULL, (int64_t)time(NULL), &theirs, &error);
    if (result == 0 && (!tg_bytes_equal(theirs->key->blob, attestation->key->blob) ||
                        strcmp(parsed->evidence.person, job->person) != 0))
        result = tg_fail(&error, TG_policy_change_contradicts,
                         "the service's policy change is for another key or person");
    tg_attestation_free(theirs);
    tg_policy_change_free(parsed);
    return result == 0 ? 0 : tg_problem_from_error(problem, &error);
}

/* POST /v1/credentials; *change is malloc'ed. */
static int send_evidence(const struct job *job, const struct tg_attestation *attestation, char **change,
                         struct tg_problem *problem)
{
    struct tg_bytes bytes = tg_bytes_of(job->attestation, job->attestation_length);
    size_t size = tg_base64_encoded_size(bytes.length);
    char *encoded = malloc(size);
    json_t *answer = NULL;
    if (encoded == NULL || !tg_base64_encode(TG_BASE64URL, bytes, encoded, size)) {
        free(encoded);
        return tg_problem_set(problem, TG_internal_error, "out of memory");
    }
    json_t *body = json_pack("{s:s%, s:s, s:s, s:s, s:s, s:s}", "document", job->challenge,
                             job->challenge_length, "format", "ssh", "key", job->line, "attestation", encoded,
                             "client_data", "", "label", job->label);
    free(encoded);
    if (tg_client_post(job->link.client, "/v1/credentials", body, &answer, problem) != 0)
        return -1;
    const char *text = json_string_value(json_object_get(answer, "change"));
    int result = text == NULL
                     ? tg_problem_set(problem, TG_internal_error, "the service's answer has no policy change")
                     : check_answer(job, text, attestation, problem);
    if (result == 0) {
        *change = strdup(text);
        result = *change != NULL ? 0 : tg_problem_set(problem, TG_internal_error, "out of memory");
    }
    json_decref(answer);
    return result;
}

static int write_change(const struct job *job, const struct tg_attestation *attestation,
                        struct tg_problem *problem)
{
    char *change = NULL;
    size_t length = 0;
    struct tg_error error = {0};
    struct tg_enrolment_evidence evidence = evidence_of(job);
    if (job->send && send_evidence(job, attestation, &change, problem) != 0)
        return -1;
    int result =
        change != NULL ? 0 : tg_policy_change_compose(&evidence, attestation, &change, &length, &error);
    if (result == 0)
        result = tg_file_replace(job->output, 0644, change, strlen(change), &error);
    free(change);
    return result == 0 ? 0 : tg_problem_from_error(problem, &error);
}

static void report(struct tg_cli *cli, const struct job *job, const struct tg_attestation *attestation)
{
    char words[TG_KEY_WORDS_SIZE];
    (void)tg_key_words(attestation->key, words);
    if (cli->json) {
        json_t *object = json_pack("{s:s, s:s, s:s, s:b}", "change", job->output, "fingerprint",
                                   attestation->key->fingerprint, "words", words, "attested",
                                   attestation->attested ? 1 : 0);
        tg_output_json(&cli->out, object);
        json_decref(object);
        return;
    }
    tg_field(&cli->out, "key", "%s", attestation->key->fingerprint);
    if (attestation->attested)
        tg_field(&cli->out, "attested", "%s", attestation->device);
    else if (job->attestation_length == 0)
        tg_field_styled(&cli->out, TG_STYLE_WARNING, "warning",
                        "there is no attestation: rules with hardware_key will not take the key");
    tg_field_styled(&cli->out, TG_STYLE_STRONG, "words", "%s", words);
    tg_line(&cli->out,
            "Next: give %s to whoever signs the policy, and read them the words, by telephone or face "
            "to face.",
            job->output);
}

static int run(struct tg_cli *cli, struct job *job, struct tg_problem *problem)
{
    struct tg_error error = {0};
    struct tg_attestation *attestation = NULL;
    if (get_challenge(job, problem) != 0)
        return -1;
    if ((job->make && make_key(cli, job, &error) != 0) || read_key(job, &error) != 0 ||
        verify(job, &attestation, &error) != 0)
        return tg_problem_from_error(problem, &error);
    int result = write_change(job, attestation, problem);
    if (result == 0)
        report(cli, job, attestation);
    tg_attestation_free(attestation);
    return result;
}

/* A key that was made is not lost by what failed afterwards: its challenge stays for another try. */
static void finish(const struct tg_cli *cli, const struct job *job, bool done)
{
    if (!job->make || access(job->challenge_path, F_OK) != 0)
        return;
    if (done)
        (void)unlink(job->challenge_path);
    else if (access(job->public_key, F_OK) == 0)
        tg_line(&cli->err, "The key is there. Go on with: tegata enroll %s --challenge %s --attestation %s",
                job->public_key, job->challenge_path, job->attestation_path);
}

int tg_command_enroll(struct tg_cli *cli, const struct tg_arguments *arguments)
{
    struct job job = {0};
    struct tg_problem problem = {0};
    int status = read_options(cli, arguments, &job);
    if (status >= 0)
        return status;
    status = TG_EXIT_OK;
    if (find_person(cli, arguments, &job, &problem) != 0 || run(cli, &job, &problem) != 0)
        status = tg_cli_complain(cli, &problem);
    finish(cli, &job, status == TG_EXIT_OK);
    clear(&job);
    return status;
}
