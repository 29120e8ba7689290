/* SPDX-License-Identifier: BSD-2-Clause
 *
 * What the gates share.
 */
#ifndef TEGATA_AGENT_GATES_H
#define TEGATA_AGENT_GATES_H

#include "agent/clients.h"
#include "agent/principals_line.h"

/* SESSION_OPEN: begins it, or goes on where it waited. */
void tg_gate_session_open(struct tg_agent *agent, struct tg_client *client);

/* Makes the answer a refusal; the detail is escaped. */
void tg_refuse(struct tg_agent_answer *answer, enum tg_reason reason, const char *ticket, const char *detail);
void tg_refuse_by_verdict(struct tg_agent_answer *answer, const struct tg_verdict *verdict);

/* The client's numeric address as the request has it, or "". */
void tg_client_source(const struct tg_agent_request *request, char out[TG_SOURCE_SIZE]);
bool tg_is_address(const char *text);

/* The person to whom the certificate's key belongs, or "". */
const char *tg_person_of(const struct tg_agent *agent, const struct tg_known_certificate *certificate);

/* Is the certificate of the type that sshd names? */
bool tg_is_of_type(const struct tg_known_certificate *certificate, const char *key_type);

/* The verdict now: over all tickets that may fit, or over the one with this id alone. `source` NULL: not
 * judged yet; "": not known, which satisfies no ticket that names sources. */
void tg_judge(struct tg_agent *agent, const struct tg_known_certificate *certificate, const char *account,
              const char *source, const char *ticket_id, struct tg_verdict *verdict);

/* Was it given for this account and, where both are known, this address? */
bool tg_admission_fits(const struct tg_admission *admission, const char *account, const char *source);

/* Logs a refusal and queues its event, unless its like was reported often enough this minute (repeats.h).
 * `gate` is where: principals, account, session. */
void tg_report_refusal(struct tg_agent *agent, const char *kind, const char *gate, const char *person,
                       const struct tg_agent_request *request, const char *source,
                       const struct tg_agent_answer *answer);

#endif
