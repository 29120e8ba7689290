// SPDX-License-Identifier: BSD-2-Clause
// What a ticket says, in words. Everything here is made of the fields that were read from the ticket's bytes.
import { codeElement } from "./code.js";
import { foreign, foreignList, icon, make } from "./elements.js";
import { duration, language, moment, plain, say } from "./language.js";

const list = (texts, none) => (texts.length > 0 ? foreignList(texts, language) : plain(none));

function forwarding(fields) {
  const parts = [];
  if (fields.options.includes("agent-forwarding")) parts.push(plain("option_agent"));
  if (fields.options.includes("x11")) parts.push(plain("option_x11"));
  if (fields.options.includes("port-forwarding")) {
    parts.push(fields.permit_open.length > 0 ? say("forwarding_to", { places: foreignList(fields.permit_open, language) }) : plain("forwarding_everywhere"));
  }
  return parts.length > 0 ? parts.map((part) => make("span", { class: "part" }, part)) : plain("forwarding_none");
}

function toDo(fields) {
  if (fields.command === "") return plain("to_do_shell", { shell: fields.shell });
  return [plain("to_do_command", { shell: fields.shell }), make("code", { class: "command" }, foreign(fields.command))];
}

// A sentence that says it all.
export function headline(fields) {
  return say(fields.extends ? "wish_extension" : "wish", {
    requester: foreign(fields.requester), hosts: foreignList(fields.hosts, language), account: foreign(fields.account), time: duration(fields.seconds),
  });
}

export function reasonBlock(fields) {
  return make("figure", { class: "reason" }, make("figcaption", {}, plain("why_asked")), make("blockquote", {}, foreign(fields.reason)),
    fields.reference !== "" && make("p", { class: "hint" }, plain("reference"), ": ", foreign(fields.reference)));
}

export async function codeBlock(digestBytes, key = "code", hint = "code_hint") {
  return make("section", { class: "code-block", "aria-labelledby": "code-title" }, make("h2", { id: "code-title" }, plain(key)), await codeElement(digestBytes), hint && make("p", { class: "hint" }, plain(hint)));
}

export function factList(fields) {
  const facts = [
    ["where", list(fields.hosts)],
    ["as_whom", [foreign(fields.account), fields.uid > 0 && ` (uid ${fields.uid})`]],
    ["how_long", duration(fields.seconds)],
    ["begins", fields.not_before > 0 ? plain("begins_at", { time: moment(fields.not_before, true) }) : plain("begins_approved")],
    ["to_do", toDo(fields)],
    ["sudo", list(fields.sudo, "no_sudo")],
    fields.groups.length > 0 && ["groups", list(fields.groups)],
    ["forwarding", forwarding(fields)],
    ["terminal", plain(fields.options.includes("pty") ? "yes" : "no")],
    ["from_where", list(fields.source, "from_anywhere")],
    ["how_often", fields.sessions > 0 ? String(fields.sessions) : plain("any_number")],
    ["login_key", make("code", { class: "fingerprint" }, fields.key)],
    ["rule", say("rule_value", { rule: foreign(fields.rule), policy: String(fields.policy) })],
  ].filter(Boolean);
  return make("section", { "aria-labelledby": "what-title" }, make("h2", { id: "what-title" }, plain("what")),
    make("dl", { class: "facts" }, facts.map(([key, value]) => make("div", {}, make("dt", {}, plain(key)), make("dd", {}, value)))));
}

function unusualText({ code, values }) {
  const shown = Object.fromEntries(Object.entries(values).map(([key, value]) => [key,
    Array.isArray(value) ? foreignList(value, language) : key === "seconds" ? null : foreign(String(value))]));
  return say(`unusual_${code}`, { ...shown, time: values.seconds ? duration(values.seconds) : "" });
}

export function unusualList(found) {
  const items = found.map((one) => make("li", { class: `notice ${one.level}` }, icon(one.level), make("span", {}, make("strong", { class: "level" }, plain(one.level)), " ", unusualText(one))));
  return make("section", { "aria-labelledby": "unusual-title" }, make("h2", { id: "unusual-title" }, plain("unusual")),
    items.length > 0 ? make("ul", { class: "notices" }, items) : make("p", { class: "outcome good" }, icon("good"), plain("nothing_unusual")));
}

export function bytesBlock(ticket) {
  return make("details", { class: "bytes" }, make("summary", {}, plain("bytes")),
    make("p", { class: "hint" }, say("bytes_hint", { digest: make("code", {}, ticket.digest) })),
    make("pre", { tabindex: 0, "aria-label": plain("bytes") }, new TextDecoder().decode(ticket.bytes)));
}
