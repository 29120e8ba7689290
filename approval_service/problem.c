/* SPDX-License-Identifier: BSD-2-Clause */
#include "approval_service/problem.h"

unsigned tg_problem_status(enum tg_reason reason)
{
    switch (reason) {
    case TG_request_malformed:
        return 400;
    case TG_request_unsigned:
    case TG_request_signature:
    case TG_request_time:
    case TG_request_replayed:
    case TG_token_invalid:
    case TG_sign_in_failed:
    case TG_invitation_invalid:
    case TG_nonce_invalid:
    case TG_sign_in_signature:
    case TG_sign_in_time:
    case TG_sign_in_service:
    case TG_sign_in_key:
    case TG_sign_in_software_key:
    case TG_sign_in_no_touch:
        return 401;
    case TG_request_forbidden:
    case TG_requester_unknown:
    case TG_requester_disabled:
    case TG_origin_refused:
    case TG_enrolment_only:
        return 403;
    case TG_not_found:
    case TG_host_unknown:
        return 404;
    case TG_method_not_allowed:
        return 405;
    case TG_ticket_exists:
    case TG_ticket_state:
    case TG_ticket_used_up:
    case TG_host_exists:
    case TG_approval_exists:
    case TG_policy_old:
    case TG_events_unchained:
    case TG_host_key_pinned:
        return 409;
    case TG_request_too_large:
        return 413;
    case TG_body_type:
        return 415;
    case TG_request_rate:
    case TG_sign_in_wait:
        return 429;
    case TG_internal_error:
        return 500;
    case TG_store_failed:
    case TG_policy_missing:
    case TG_issuing_off:
    case TG_ca_unreachable:
    case TG_service_busy:
        return 503;
    default:
        return 422; /* well-formed and well-signed, but what it says cannot be */
    }
}

void tg_problem_answer(const struct tg_error *error, struct tg_http_answer *answer)
{
    tg_http_answer_clear(answer);
    bool ours = error->reason == TG_internal_error || error->reason == TG_store_failed;
    const char *detail = ours || error->text[0] == '\0' ? tg_reason_advice(error->reason) : error->text;
    answer->problem = true;
    answer->status = tg_problem_status(error->reason);
    answer->json = json_pack("{s:s, s:i, s:s, s:s}", "title", tg_reason_text(error->reason), "status",
                             (int)answer->status, "detail", detail, "code", tg_reason_name(error->reason));
}
