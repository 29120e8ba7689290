/* SPDX-License-Identifier: BSD-2-Clause
 *
 * The tables of the SQLite store. A later schema is a further string that is applied on top.
 */
#ifndef TEGATA_APPROVAL_SERVICE_STORE_SCHEMA_H
#define TEGATA_APPROVAL_SERVICE_STORE_SCHEMA_H

#define TG_STORE_SCHEMA_1                                                                                    \
    "CREATE TABLE schema_version (version INTEGER NOT NULL) STRICT;"                                         \
    "INSERT INTO schema_version VALUES (1);"                                                                 \
    "CREATE TABLE counter (id INTEGER PRIMARY KEY CHECK (id = 1), revision INTEGER NOT NULL) STRICT;"        \
    "INSERT INTO counter VALUES (1, 0);"                                                                     \
    "CREATE TABLE policies (serial INTEGER PRIMARY KEY, document TEXT NOT NULL, signatures TEXT NOT NULL,"   \
    " received INTEGER NOT NULL, revision INTEGER NOT NULL) STRICT;"                                         \
    "CREATE TABLE hosts (id INTEGER PRIMARY KEY AUTOINCREMENT, name TEXT NOT NULL, labels TEXT NOT NULL,"    \
    " key TEXT NOT NULL, fingerprint TEXT NOT NULL, enrolled INTEGER NOT NULL, revision INTEGER NOT NULL,"   \
    " removed INTEGER, seen INTEGER NOT NULL DEFAULT 0, acknowledged INTEGER NOT NULL DEFAULT 0) STRICT;"    \
    "CREATE UNIQUE INDEX hosts_name ON hosts (name) WHERE removed IS NULL;"                                  \
    "CREATE UNIQUE INDEX hosts_key ON hosts (fingerprint) WHERE removed IS NULL;"                            \
    "CREATE TABLE tickets (id TEXT PRIMARY KEY, document TEXT NOT NULL, requester TEXT NOT NULL,"            \
    " created INTEGER NOT NULL, state TEXT NOT NULL CHECK (state IN ('pending', 'approved', 'active', "      \
    "'denied',"                                                                                              \
    " 'cancelled', 'lapsed', 'released', 'expired', 'revoked', 'exhausted')),"                               \
    " sessions INTEGER NOT NULL, opened INTEGER NOT NULL DEFAULT 0 CHECK (sessions = 0 OR opened <= "        \
    "sessions),"                                                                                             \
    " due INTEGER, forget INTEGER NOT NULL, revision INTEGER NOT NULL) STRICT;"                              \
    "CREATE INDEX tickets_requester ON tickets (requester, created);"                                        \
    "CREATE INDEX tickets_created ON tickets (created);"                                                     \
    "CREATE INDEX tickets_revision ON tickets (revision);"                                                   \
    "CREATE INDEX tickets_due ON tickets (due) WHERE due IS NOT NULL;"                                       \
    "CREATE TABLE ticket_hosts (ticket TEXT NOT NULL REFERENCES tickets (id), host TEXT NOT NULL,"           \
    " told INTEGER NOT NULL DEFAULT 0, awaited INTEGER NOT NULL DEFAULT 0, problem TEXT NOT NULL "           \
    "DEFAULT '',"                                                                                            \
    " PRIMARY KEY (ticket, host)) STRICT, WITHOUT ROWID;"                                                    \
    "CREATE INDEX ticket_hosts_host ON ticket_hosts (host);"                                                 \
    "CREATE INDEX ticket_hosts_awaited ON ticket_hosts (host, awaited) WHERE awaited > 0;"                   \
    "CREATE TABLE approvals (ticket TEXT NOT NULL REFERENCES tickets (id), approver TEXT NOT NULL,"          \
    " document TEXT NOT NULL, signature TEXT NOT NULL, received INTEGER NOT NULL,"                           \
    " PRIMARY KEY (ticket, approver)) STRICT;"                                                               \
    "CREATE TABLE sessions (id TEXT PRIMARY KEY, ticket TEXT NOT NULL REFERENCES tickets (id),"              \
    " host TEXT NOT NULL, opened INTEGER NOT NULL, ended INTEGER) STRICT;"                                   \
    "CREATE TABLE events (number INTEGER PRIMARY KEY AUTOINCREMENT, time INTEGER NOT NULL,"                  \
    " ticket TEXT NOT NULL REFERENCES tickets (id), kind TEXT NOT NULL, host TEXT NOT NULL, person TEXT "    \
    "NOT NULL,"                                                                                              \
    " code TEXT NOT NULL, text TEXT NOT NULL) STRICT;"                                                       \
    "CREATE INDEX events_ticket ON events (ticket, number);"                                                 \
    "CREATE TABLE host_events (host INTEGER NOT NULL REFERENCES hosts (id), number INTEGER NOT NULL,"        \
    " digest TEXT NOT NULL, document TEXT NOT NULL, received INTEGER NOT NULL, time INTEGER NOT NULL,"       \
    " kind TEXT NOT NULL, ticket TEXT NOT NULL, person TEXT NOT NULL, account TEXT NOT NULL, source TEXT "   \
    "NOT NULL,"                                                                                              \
    " code TEXT NOT NULL, detail TEXT NOT NULL, PRIMARY KEY (host, number)) STRICT;"                         \
    "CREATE INDEX host_events_refused ON host_events (host, number)"                                         \
    " WHERE kind IN ('login_refused', 'session_refused');"                                                   \
    "CREATE TABLE nonces (key TEXT NOT NULL, nonce TEXT NOT NULL, expires INTEGER NOT NULL,"                 \
    " PRIMARY KEY (key, nonce)) STRICT, WITHOUT ROWID;"                                                      \
    "CREATE INDEX nonces_expires ON nonces (expires);"                                                       \
    "CREATE TABLE tokens (digest TEXT PRIMARY KEY, person TEXT NOT NULL, key TEXT NOT NULL,"                 \
    " expires INTEGER NOT NULL)"                                                                             \
    " STRICT, WITHOUT ROWID;"

/* Which ticket a ticket extends, and the sessions as their hosts' events tell of them. These are kept by the
 * host's name, as tickets are: a host that is enrolled again goes on with its sessions. `sessions`, above,
 * only counts. */
#define TG_STORE_SCHEMA_2                                                                                    \
    "ALTER TABLE tickets ADD COLUMN extends TEXT NOT NULL DEFAULT '';"                                       \
    "CREATE INDEX tickets_extends ON tickets (extends) WHERE extends <> '';"                                 \
    "CREATE TABLE host_sessions (host TEXT NOT NULL, session TEXT NOT NULL,"                                 \
    " ticket TEXT NOT NULL REFERENCES tickets (id), person TEXT NOT NULL, account TEXT NOT NULL,"            \
    " source TEXT NOT NULL, opened INTEGER NOT NULL, ends INTEGER NOT NULL, ended INTEGER,"                  \
    " code TEXT NOT NULL DEFAULT '', how TEXT NOT NULL DEFAULT '', revision INTEGER NOT NULL,"               \
    " PRIMARY KEY (host, session)) STRICT;"                                                                  \
    "CREATE INDEX host_sessions_open ON host_sessions (revision) WHERE ended IS NULL;"                       \
    "CREATE INDEX host_sessions_revision ON host_sessions (revision);"                                       \
    "CREATE INDEX host_sessions_ticket ON host_sessions (ticket, revision);"                                 \
    "UPDATE schema_version SET version = 2;"

/* What was revoked and why, and the list that was made of it last. */
#define TG_STORE_SCHEMA_3_REVOCATIONS                                                                        \
    "CREATE TABLE revocations (number INTEGER PRIMARY KEY AUTOINCREMENT, key TEXT NOT NULL,"                 \
    " authority TEXT NOT NULL, serial TEXT NOT NULL, key_id TEXT NOT NULL, person TEXT NOT NULL,"            \
    " reason TEXT NOT NULL, time INTEGER NOT NULL,"                                                          \
    " CHECK ((key <> '') + (serial <> '') + (key_id <> '') = 1)) STRICT;"                                    \
    "CREATE UNIQUE INDEX revocations_entry ON revocations (key, authority, serial, key_id);"                 \
    "CREATE INDEX revocations_person ON revocations (person);"                                               \
    "CREATE TRIGGER revocations_stay BEFORE DELETE ON revocations"                                           \
    " BEGIN SELECT RAISE (ABORT, 'nothing is taken out of the revocations'); END;"                           \
    "CREATE TABLE revocation_list (id INTEGER PRIMARY KEY CHECK (id = 1), version INTEGER NOT NULL,"         \
    " generated INTEGER NOT NULL, revision INTEGER NOT NULL) STRICT;"                                        \
    "INSERT INTO revocation_list VALUES (1, 0, 0, 0);"

/* What people sign in with, the keys that they enrolled, and what was issued to them. Tokens have a scope:
 * `request` was made by a signed request, `web` by a sign-in, `enrolment` by an invitation. */
#define TG_STORE_SCHEMA_3_ACCOUNTS                                                                           \
    "CREATE TABLE accounts (person TEXT PRIMARY KEY, password TEXT NOT NULL, changed INTEGER NOT NULL)"      \
    " STRICT, WITHOUT ROWID;"                                                                                \
    "CREATE TABLE invitations (person TEXT PRIMARY KEY, digest TEXT NOT NULL UNIQUE,"                        \
    " expires INTEGER NOT NULL) STRICT, WITHOUT ROWID;"                                                      \
    "CREATE TABLE person_nonces (digest TEXT PRIMARY KEY, person TEXT NOT NULL,"                             \
    " purpose TEXT NOT NULL CHECK (purpose IN ('sign-in', 'enrolment')), expires INTEGER NOT NULL)"          \
    " STRICT, WITHOUT ROWID;"                                                                                \
    "CREATE INDEX person_nonces_expires ON person_nonces (expires);"                                         \
    "CREATE INDEX person_nonces_person ON person_nonces (person);"                                           \
    "CREATE TABLE credentials (fingerprint TEXT NOT NULL, person TEXT NOT NULL, key TEXT NOT NULL,"          \
    " credential TEXT NOT NULL, kind TEXT NOT NULL CHECK (kind IN ('webauthn', 'ssh')),"                     \
    " attested INTEGER NOT NULL, device TEXT NOT NULL, label TEXT NOT NULL, created INTEGER NOT NULL,"       \
    " PRIMARY KEY (person, fingerprint)) STRICT, WITHOUT ROWID;"                                             \
    "CREATE TABLE certificates (number INTEGER PRIMARY KEY, serial TEXT NOT NULL UNIQUE,"                    \
    " person TEXT NOT NULL, fingerprint TEXT NOT NULL, line TEXT NOT NULL, key_id TEXT NOT NULL,"            \
    " valid_after INTEGER NOT NULL, valid_before INTEGER NOT NULL, issued INTEGER NOT NULL) STRICT;"         \
    "CREATE INDEX certificates_person ON certificates (person, issued);"                                     \
    "ALTER TABLE tokens ADD COLUMN scope TEXT NOT NULL DEFAULT 'request'"                                    \
    " CHECK (scope IN ('request', 'web', 'enrolment'));"                                                     \
    "CREATE INDEX tokens_person ON tokens (person);"

#define TG_STORE_SCHEMA_3                                                                                    \
    TG_STORE_SCHEMA_3_REVOCATIONS TG_STORE_SCHEMA_3_ACCOUNTS "UPDATE schema_version SET version = 3;"

#endif
