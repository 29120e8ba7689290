/* SPDX-License-Identifier: BSD-2-Clause
 *
 * tegata init: keys, TLS, a policy to edit and the four configuration files of a small deployment, in one
 * directory.
 */
#include "cli/client.h"
#include "cli/command.h"
#include "cli/files.h"
#include "cli/run.h"
#include "cli/signing_key.h"
#include "cli/tls.h"

#include <config.h>

#include <arpa/inet.h>
#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

enum { NAME_SIZE = 256, POLICY_DAYS = 90, DEFAULT_PORT = 8443 };

/* What the options come down to. */
struct deployment {
    char directory[TG_CONFIG_VALUE_SIZE]; /* absolute */
    char url[NAME_SIZE + 32];
    char authority[NAME_SIZE + 16];
    char name[NAME_SIZE]; /* the host in the URL, without brackets */
    char address[NAME_SIZE];
    uint16_t port;
};

static const char readme_text[] =
    "This folder holds a small Tegata deployment, made by tegata init.\n"
    "\n"
    "Secret, mode 0600:\n"
    "  root          signs policies and enrols hosts. Give it a passphrase (ssh-keygen -p -f root) and keep "
    "it offline.\n"
    "  user_ca       signs people's certificates: tegata-ca holds it, on the service's machine\n"
    "  host_ca       signs hosts' certificates, likewise\n"
    "  tls/ca.key    signs the service's TLS certificate. Keep it with root.\n"
    "  tls/server.key\n"
    "\n"
    "policy.json is a template. Edit it in any layout; tegata policy check names what is wrong. Times are "
    "seconds since 1970:\n"
    "date -d '+90 days' +%s. A new policy needs a higher serial.\n"
    "  people     everybody's uid (20000 and above), groups, and keys: [{\"key\": \"ssh-ed25519 AAAA...\", "
    "\"attested\": 0, \"uv\": 0}].\n"
    "             tegata policy add-key enters them. attested 1: it has verified that it is hardware. uv 1: "
    "it always asks for PIN or "
    "fingerprint.\n"
    "  accounts   shared accounts, for example {\"deploy\": {\"uid\": 20100}}; uid 0: the account is the "
    "host's own.\n"
    "             confined 1 (of a person or a shared account): sessions reach only what their ticket's "
    "permit_open names.\n"
    "  groups     Unix groups and sudo roles that tickets may grant, for example {\"operators\": {\"gid\": "
    "20200}}.\n"
    "  user_ca    public keys that may sign login certificates.\n"
    "  host_ca    public keys that may sign hosts' certificates.\n"
    "  rules      who (requesters) may go where (hosts) as whom (accounts: self, or shared accounts), with "
    "whose approvals (approvers).\n"
    "             sudo: roles, which a host's sudoers file maps to commands. step_up 1: sudo asks for a "
    "touch of the security key.\n"
    "             max_extension_seconds: how long sessions may be extended in all (tegata extend).\n"
    "             end_with_certificate 1: sessions end with the certificate. record 1: sessions with a "
    "terminal are recorded.\n"
    "\n"
    "Where the rest goes:\n"
    "  service    approvald.conf, root_signers and tls/server.* to " TG_CONFIG_DIR "\n"
    "  tegata-ca  ca.conf and root_signers to " TG_CONFIG_DIR ", user_ca and host_ca to " TG_CONFIG_DIR
    "/ca\n"
    "  each host  tegata.conf and root_signers to " TG_CONFIG_DIR ", tls/ca.pem to " TG_CONFIG_DIR
    "/service_ca.pem,\n"
    "             user_ca.pub to /etc/ssh/user_ca.pub\n"
    "  people     client.conf to ~/.config/tegata/client.conf, with root_signers and tls/ca.pem where it "
    "says\n"
    "             known_hosts to /etc/ssh/ssh_known_hosts: ssh then knows the hosts that have a certificate\n"
    "\n"
    "The TLS certificate is good for 825 days. To renew it:\n"
    "  openssl x509 -in tls/server.pem -signkey tls/server.key -x509toreq -copy_extensions copy |\n"
    "    openssl x509 -req -CA tls/ca.pem -CAkey tls/ca.key -days 825 -copy_extensions copyall -out "
    "tls/server.pem.new\n"
    "  mv tls/server.pem.new tls/server.pem\n";

static const char policy_template[] =
    "{\n"
    "  \"v\": 1,\n"
    "  \"serial\": 1,\n"
    "  \"issued\": %" PRId64 ",\n"
    "  \"expires\": %" PRId64 ",\n"
    "  \"people\": {\n"
    "    \"alice\": {\"uid\": %d, \"groups\": [\"developers\"], \"keys\": [], \"disabled\": 0},\n"
    "    \"bob\":   {\"uid\": %d, \"groups\": [\"sre\"], \"keys\": [], \"disabled\": 0},\n"
    "    \"carol\": {\"uid\": %d, \"groups\": [\"sre\"], \"keys\": [], \"disabled\": 0}\n"
    "  },\n"
    "  \"accounts\": {},\n"
    "  \"groups\": {},\n"
    "  \"user_ca\": [\"%s\"],\n"
    "  \"host_ca\": [\"%s\"],\n"
    "  \"rules\": [\n"
    "    {\n"
    "      \"id\": \"operate\",\n"
    "      \"hosts\": [\"ops*\"],\n"
    "      \"accounts\": [\"self\"],\n"
    "      \"requesters\": [\"developers\", \"sre\"],\n"
    "      \"approvers\": [{\"group\": \"sre\", \"count\": 1}],\n"
    "      \"max_seconds\": 7200,\n"
    "      \"max_certificate_seconds\": 3600,\n"
    "      \"hardware_key\": 0,\n"
    "      \"user_verification\": 0,\n"
    "      \"groups\": [],\n"
    "      \"sudo\": [],\n"
    "      \"options\": [\"pty\"],\n"
    "      \"permit_open\": [],\n"
    "      \"sources\": [],\n"
    "      \"sessions\": 0,\n"
    "      \"emergency\": 0,\n"
    "      \"end_with_certificate\": 0,\n"
    "      \"max_extension_seconds\": 3600,\n"
    "      \"record\": 0,\n"
    "      \"step_up\": 0\n"
    "    }\n"
    "  ],\n"
    "  \"revoked\": {\"keys\": [], \"serials\": [], \"key_ids\": []},\n"
    "  \"limits\": {\"approve_by_seconds\": 3600, \"open_tickets\": 10}\n"
    "}\n";

/* --- The options
 * ------------------------------------------------------------------------------------------------ */

/* Splits "HOST[:PORT]" of an authority; brackets around an IPv6 address go away. */
static void split_authority(const char *authority, char name[NAME_SIZE], uint16_t *port)
{
    const char *begin = authority[0] == '[' ? authority + 1 : authority;
    size_t length = authority[0] == '[' ? strcspn(begin, "]") : strcspn(begin, ":");
    const char *colon = strchr(begin + length, ':');
    (void)snprintf(name, NAME_SIZE, "%.*s", (int)length, begin);
    *port = colon != NULL ? (uint16_t)strtoul(colon + 1, NULL, 10) : 443;
}

static bool is_address(const char *name)
{
    unsigned char bytes[sizeof(struct in6_addr)];
    return inet_pton(AF_INET, name, bytes) == 1 || inet_pton(AF_INET6, name, bytes) == 1;
}

static int read_url(const char *given, struct deployment *deployment, struct tg_error *error)
{
    char name[NAME_SIZE] = "localhost";
    if (given == NULL && gethostname(name, sizeof name) == 0)
        name[sizeof name - 1] = '\0';
    int length = given != NULL
                     ? snprintf(deployment->url, sizeof deployment->url, "%s", given)
                     : snprintf(deployment->url, sizeof deployment->url, "https://%s:%d", name, DEFAULT_PORT);
    if (length <= 0 || (size_t)length >= sizeof deployment->url)
        return tg_fail(error, TG_file_failed, "--url: it is too long");
    if (deployment->url[length - 1] == '/')
        deployment->url[length - 1] = '\0';
    if (tg_client_authority(deployment->url, deployment->authority, sizeof deployment->authority, error) != 0)
        return -1;
    split_authority(deployment->authority, deployment->name, &deployment->port);
    return 0;
}

/* "ADDRESS:PORT"; without it, every address, or the loopback if the URL says so. */
static int read_listen(const char *given, struct deployment *deployment, struct tg_error *error)
{
    if (given != NULL) {
        split_authority(given, deployment->address, &deployment->port);
        if (!is_address(deployment->address) || deployment->port == 0)
            return tg_fail(error, TG_file_failed, "--listen %s: write ADDRESS:PORT, for example 0.0.0.0:8443",
                           given);
        return 0;
    }
    bool loopback = strcmp(deployment->name, "localhost") == 0 || strncmp(deployment->name, "127.", 4) == 0;
    (void)snprintf(deployment->address, sizeof deployment->address, "%s", loopback ? "127.0.0.1" : "0.0.0.0");
    return 0;
}

/* --- The files
 * -------------------------------------------------------------------------------------------------- */

static char *in(const struct deployment *deployment, const char *name)
{
    char *path = NULL;
    return asprintf(&path, "%s/%s", deployment->directory, name) < 0 ? NULL : path;
}

static int make_directory(const char *given, struct deployment *deployment, struct tg_error *error)
{
    static const char *const ours[] = {"root",        "root.pub",       "root_signers", "user_ca",
                                       "user_ca.pub", "host_ca",        "host_ca.pub",  "policy.json",
                                       "tls",         "approvald.conf", "ca.conf",      "known_hosts",
                                       "tegata.conf", "client.conf",    "README"};
    char *resolved = NULL;
    if (tg_directory_make(given) != 0 || (resolved = realpath(given, NULL)) == NULL)
        return tg_fail(error, TG_file_failed, "%s: %s", given, strerror(errno));
    int length = snprintf(deployment->directory, sizeof deployment->directory, "%s", resolved);
    free(resolved);
    if (length < 0 || (size_t)length >= sizeof deployment->directory / 2)
        return tg_fail(error, TG_file_failed, "%s: the path is too long", given);
    for (size_t i = 0; i < sizeof ours / sizeof ours[0]; i++) {
        char *path = in(deployment, ours[i]);
        struct stat status;
        bool exists = path == NULL || lstat(path, &status) == 0;
        free(path);
        if (exists)
            return tg_fail(error, TG_file_failed,
                           "%s: %s is there already: nothing is overwritten; name another directory",
                           deployment->directory, ours[i]);
    }
    return 0;
}

static int make_ssh_key(const struct deployment *deployment, const char *name, const char *comment,
                        struct tg_error *error)
{
    char *path = in(deployment, name);
    if (path == NULL)
        return tg_fail(error, TG_internal_error, "out of memory");
    const char *arguments[] = {"ssh-keygen", "-q",    "-t", "ed25519", "-N", "",
                               "-C",         comment, "-f", path,      NULL};
    int result = tg_run(arguments, error);
    if (result == 0 && chmod(path, 0600) != 0)
        result = tg_fail(error, TG_internal_error, "%s: %s", path, strerror(errno));
    free(path);
    return result;
}

/* "TYPE BASE64" of NAME.pub, malloc'ed. */
static char *public_line(const struct deployment *deployment, const char *name, struct tg_error *error)
{
    char *path = in(deployment, name);
    char *text = NULL;
    size_t length = 0;
    if (path == NULL || tg_file_read(path, 4096, TG_internal_error, &text, &length, error) != 0) {
        free(path);
        return NULL;
    }
    free(path);
    size_t words = strcspn(text, " ");
    words += text[words] == ' ' ? 1 + strcspn(text + words + 1, " \n") : 0;
    text[words] = '\0';
    return text;
}

__attribute__((format(printf, 4, 5))) static int write_file(const struct deployment *deployment,
                                                            const char *name, struct tg_error *error,
                                                            const char *format, ...)
{
    char *text = NULL;
    va_list arguments;
    va_start(arguments, format);
    int length = vasprintf(&text, format, arguments);
    va_end(arguments);
    char *path = in(deployment, name);
    int result = length >= 0 && path != NULL ? tg_file_create(path, 0644, text, (size_t)length, error)
                                             : tg_fail(error, TG_internal_error, "out of memory");
    if (length >= 0)
        free(text);
    free(path);
    return result;
}

static int make_policy(const struct deployment *deployment, struct tg_error *error)
{
    int64_t now = time(NULL);
    char *root = public_line(deployment, "root.pub", error);
    char *user_ca = root != NULL ? public_line(deployment, "user_ca.pub", error) : NULL;
    char *host_ca = user_ca != NULL ? public_line(deployment, "host_ca.pub", error) : NULL;
    int result = -1;
    if (host_ca != NULL &&
        write_file(deployment, "root_signers", error, "root namespaces=\"policy-v1@tegata\" %s\n", root) ==
            0 &&
        write_file(deployment, "known_hosts", error, "@cert-authority ops* %s\n", host_ca) == 0)
        result = write_file(deployment, "policy.json", error, policy_template, now,
                            now + POLICY_DAYS * INT64_C(86400), TG_FIRST_UID, TG_FIRST_UID + 1,
                            TG_FIRST_UID + 2, user_ca, host_ca);
    free(root);
    free(user_ca);
    free(host_ca);
    return result;
}

static int make_tls(const struct deployment *deployment, struct tg_error *error)
{
    char names[2 * NAME_SIZE + 16];
    bool listens_elsewhere = strcmp(deployment->address, "0.0.0.0") != 0 &&
                             strcmp(deployment->address, "::") != 0 &&
                             strcmp(deployment->address, deployment->name) != 0;
    (void)snprintf(names, sizeof names, "%s:%s%s%s", is_address(deployment->name) ? "IP" : "DNS",
                   deployment->name, listens_elsewhere ? ",IP:" : "",
                   listens_elsewhere ? deployment->address : "");
    char *path = in(deployment, "tls");
    int result = path != NULL && mkdir(path, 0700) == 0
                     ? tg_tls_make(path, deployment->name, names, error)
                     : tg_fail(error, TG_internal_error, "tls: %s", strerror(errno));
    free(path);
    return result;
}

static int make_ca_configuration(const struct deployment *deployment, struct tg_error *error)
{
    return write_file(deployment, "ca.conf", error,
                      "# The certificate authority, tegata-ca.conf(5).\n"
                      "[service]\nauthority = %s\n\n"
                      "[trust]\nroot_signers = " TG_CONFIG_DIR "/root_signers\nroot_threshold = 1\n\n"
                      "[user_ca]\nkey = " TG_CONFIG_DIR "/ca/user_ca\n\n"
                      "[host_ca]\nkey = " TG_CONFIG_DIR "/ca/host_ca\n",
                      deployment->authority);
}

static int make_configurations(const struct deployment *deployment, struct tg_error *error)
{
    if (write_file(deployment, "approvald.conf", error,
                   "# The approval service, tegata-approvald.conf(5).\n"
                   "[listen]\naddress = %s\nport = %d\ntls_certificate = " TG_CONFIG_DIR "/tls/server.pem\n"
                   "tls_key = " TG_CONFIG_DIR "/tls/server.key\n\n"
                   "[trust]\nroot_signers = " TG_CONFIG_DIR "/root_signers\nroot_threshold = 1\n\n"
                   "[service]\nauthority = %s\n\n"
                   "[certificate_authority]\nsocket = " TG_RUNTIME_DIR "-ca/ca.sock\n\n"
                   "[page]\ndirectory = " TG_DATA_DIR "/approval_page\n",
                   deployment->address, deployment->port, deployment->authority) != 0)
        return -1;
    if (write_file(deployment, "tegata.conf", error,
                   "# A host, tegata.conf(5). Set the name under which the host is enrolled.\n"
                   "[host]\nname = ops1\n\n[service]\nurl = %s\n\n[trust]\nroot_threshold = 1\n",
                   deployment->url) != 0)
        return -1;
    return write_file(deployment, "client.conf", error,
                      "# A person, tegata-client.conf(5). Set your name in the policy and your key file.\n"
                      "[service]\nurl = %s\nca_file = %s/tls/ca.pem\n\n"
                      "[person]\nname =\nkey =\n\n"
                      "[trust]\nroot_signers = %s/root_signers\nroot_threshold = 1\n",
                      deployment->url, deployment->directory, deployment->directory);
}

static void tell_next(const struct tg_cli *cli, const struct deployment *deployment)
{
    const char *directory = deployment->directory;
    tg_line(&cli->out, "The deployment is in %s; its README says what each file is. Next:", directory);
    tg_line(&cli->out, "  1. write people, keys and rules:  $EDITOR %s/policy.json", directory);
    tg_line(&cli->out, "  2. tegata policy check %s/policy.json", directory);
    tg_line(&cli->out, "  3. tegata policy sign %s/policy.json --key %s/root --output %s/policy.signed",
            directory, directory, directory);
    tg_line(&cli->out, "  4. on the service's machine (%s), as root:", deployment->name);
    tg_line(&cli->out, "       useradd --system --no-create-home tegata-approvald");
    tg_line(&cli->out, "       install -D -m 644 approvald.conf " TG_CONFIG_DIR "/approvald.conf");
    tg_line(&cli->out, "       install -D -m 644 root_signers " TG_CONFIG_DIR "/root_signers");
    tg_line(&cli->out, "       install -D -m 644 tls/server.pem " TG_CONFIG_DIR "/tls/server.pem");
    tg_line(&cli->out,
            "       install -D -m 640 -g tegata-approvald tls/server.key " TG_CONFIG_DIR "/tls/server.key");
    tg_line(&cli->out, "       useradd --system --user-group --no-create-home tegata-ca");
    tg_line(&cli->out, "       usermod --append --groups tegata-ca tegata-approvald");
    tg_line(&cli->out, "       install -D -m 644 ca.conf " TG_CONFIG_DIR "/ca.conf");
    tg_line(&cli->out, "       install -D -m 600 -o tegata-ca -t " TG_CONFIG_DIR "/ca user_ca host_ca");
    tg_line(&cli->out, "       systemctl enable --now tegata-ca tegata-approvald");
    tg_line(&cli->out, "  5. tegata -C %s/client.conf policy publish %s/policy.signed", directory, directory);
    tg_line(&cli->out,
            "  6. tegata -C %s/client.conf host enroll ops1 --host-key ops1_ssh_host_ed25519_key.pub "
            "--root-key %s/root",
            directory, directory);
    tg_line(&cli->out,
            "  7. keep %s/root offline from then on; user_ca and host_ca are in place now: remove them here",
            directory);
}

static int make_deployment(const char *given, struct deployment *deployment, struct tg_error *error)
{
    if (make_directory(given, deployment, error) != 0 ||
        make_ssh_key(deployment, "root", "tegata root", error) != 0 ||
        make_ssh_key(deployment, "user_ca", "tegata user CA", error) != 0 ||
        make_ssh_key(deployment, "host_ca", "tegata host CA", error) != 0 ||
        make_tls(deployment, error) != 0 || make_policy(deployment, error) != 0 ||
        make_configurations(deployment, error) != 0 || make_ca_configuration(deployment, error) != 0)
        return -1;
    return write_file(deployment, "README", error, "%s", readme_text);
}

int tg_command_init(struct tg_cli *cli, const struct tg_arguments *arguments)
{
    struct deployment deployment = {0};
    struct tg_error error = {0};
    if (read_url(tg_argument(arguments, "url"), &deployment, &error) != 0 ||
        read_listen(tg_argument(arguments, "listen"), &deployment, &error) != 0)
        return tg_cli_usage(cli, "init: %s", error.text);
    if (make_deployment(arguments->operands[0], &deployment, &error) != 0)
        return tg_cli_fail(cli, &error);
    if (cli->json) {
        json_t *made = json_pack("{s:s, s:s}", "directory", deployment.directory, "url", deployment.url);
        tg_output_json(&cli->out, made);
        json_decref(made);
    } else {
        tell_next(cli, &deployment);
    }
    return TG_EXIT_OK;
}
