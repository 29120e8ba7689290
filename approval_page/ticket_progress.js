// SPDX-License-Identifier: BSD-2-Clause
// How far a ticket is: what the service says around its bytes. Nothing of it is signed.
import { foreign, foreignList, icon, make } from "./elements.js";
import { duration, has, language, moment, plain, say } from "./language.js";
import { readApproval } from "./ticket.js";

export const missingText = (missing) => missing.map((one) => plain("missing_group", { count: String(one.count), group: one.group })).join(", ");

// Those approvals of a view that are of this ticket.
export const approvalsOf = (view, ticket) => view.approvals.map((one) => readApproval(one.document, ticket.digest));

function approvalLine(approval) {
  if (approval === null) return make("li", { class: "notice danger" }, icon("danger"), plain("approval_foreign"));
  return make("li", { class: "outcome good" }, icon("good"), make("span", {},
    say("approved_by", { person: foreign(approval.approver), time: moment(approval.at) }),
    approval.seconds > 0 && plain("approved_shorter", { time: duration(approval.seconds) })));
}

export function progress(view, ticket) {
  const pending = view.state === "pending";
  const running = ["approved", "active"].includes(view.state);
  const known = view.hosts.filter((host) => host.acknowledged === 1).map((host) => host.name);
  const problems = view.hosts.filter((host) => host.problem !== "");
  return make("section", { class: "progress", "aria-labelledby": "progress-title" }, make("h2", { id: "progress-title", tabindex: -1 }, plain("approvals")),
    view.approvals.length > 0 && make("ul", { class: "approvals" }, approvalsOf(view, ticket).map(approvalLine)),
    pending && view.missing.length > 0 && make("p", { class: "outcome" }, icon("waiting"), make("span", {}, make("strong", {}, plain("still_missing")), ": ", missingText(view.missing))),
    pending && view.approvers.length > 0 && make("p", { class: "hint" }, plain("could_approve"), ": ", foreignList(view.approvers, language)),
    pending && make("p", { class: "hint" }, plain("approve_before", { time: moment(ticket.fields.approve_by, true) })),
    problems.map((host) => make("p", { class: "notice danger" }, icon("danger"), make("span", {}, say("host_problem", { host: foreign(host.name), code: make("code", {}, host.problem) })))),
    running && known.length > 0 && make("p", { class: "hint" }, plain("known_to"), ": ", foreignList(known, language)),
    running && view.verdict.ends > 0 && make("p", {}, plain("window_until", { time: moment(view.verdict.ends, true) })));
}

export function eventLine(event) {
  const key = `event_${event.kind}`;
  return make("li", {}, make("time", { datetime: new Date(event.time * 1000).toISOString() }, moment(event.time)), " ",
    has(key) ? plain(key) : foreign(event.kind),
    event.person && [" · ", foreign(event.person)], event.host && [" · ", foreign(event.host)],
    event.code && [" · ", make("code", {}, event.code)], event.text && [" · ", foreign(event.text)]);
}
