// SPDX-License-Identifier: BSD-2-Clause
// A ticket, read from the very bytes whose digest is signed: canonical form, then a closed schema. lib/ticket.c has the same.
import { digest, hex, utf8 } from "./bytes.js";
import { decode } from "./canonical.js";

const MAX_BYTES = 4096;
const NAME = /^[a-z_][a-z0-9_-]{0,31}$/;
const ID = /^T-[0-9A-HJKMNP-TV-Z]{13}$/;
const TIME = Number.MAX_SAFE_INTEGER;

export class BadTicket extends Error {}

const integer = (least, most) => (value) => typeof value === "number" && value >= least && value <= most;
const text = (least, most, form = /^/) => (value) => typeof value === "string" && [...value].length >= least && [...value].length <= most && form.test(value);
const texts = (least, most, form = /^/) => (value) =>
  Array.isArray(value) && value.length >= least && value.length <= most && new Set(value).size === value.length && value.every(text(1, 1024, form));

const FIELDS = {
  v: integer(1, 1),
  id: text(15, 15, ID),
  created: integer(0, TIME),
  requester: text(1, 32, NAME),
  key: text(50, 50, /^SHA256:[A-Za-z0-9+/]{43}$/),
  hosts: texts(1, 32, /^[a-z0-9]([a-z0-9.-]{0,62}[a-z0-9])?$/),
  account: text(1, 32, NAME),
  uid: integer(0, 2 ** 31 - 1),
  shell: text(2, 128, /^\/[A-Za-z0-9/._+-]+$/),
  groups: texts(0, 32, NAME),
  sudo: texts(0, 32, NAME),
  options: texts(0, 4, /^(pty|agent-forwarding|port-forwarding|x11)$/),
  permit_open: texts(0, 32, /^([A-Za-z0-9._-]{1,253}|\[[0-9A-Fa-f:.]{2,45}\]):[1-9][0-9]{0,4}$/),
  command: text(0, 1024, /^[^#"\\]*$/),
  source: texts(0, 32, /^[0-9a-fA-F.:]+(\/[0-9]{1,3})?$/),
  seconds: integer(1, 86400),
  not_before: integer(0, TIME),
  approve_by: integer(0, TIME),
  sessions: integer(0, 1000000),
  reason: text(1, 500),
  reference: text(0, 100),
  rule: text(1, 32, NAME),
  policy: integer(1, TIME),
  emergency: integer(0, 1),
  extends: text(15, 15, ID),
};
const OPTIONAL = new Set(["extends"]);

function check(ticket) {
  for (const [key, fits] of Object.entries(FIELDS)) {
    if (!Object.hasOwn(ticket, key)) {
      if (!OPTIONAL.has(key)) throw new BadTicket(`key '${key}' is missing`);
    } else if (!fits(ticket[key])) {
      throw new BadTicket(`key '${key}' has a value that is not allowed`);
    }
  }
  const unknown = Object.keys(ticket).find((key) => !Object.hasOwn(FIELDS, key));
  if (unknown !== undefined) throw new BadTicket(`key '${unknown}' is not known`);
  if (ticket.approve_by < ticket.created) throw new BadTicket("key 'approve_by' is before created");
  if (ticket.extends === ticket.id) throw new BadTicket("key 'extends' must be another ticket");
}

// Reads a ticket's text, as the API carries it. Resolves to {bytes, digest (hex), digestBytes, fields}, all of it frozen: what was shown is what is
// signed, whatever the service says later. Throws BadTicket, or NotCanonical.
export async function readTicket(documentText) {
  if (typeof documentText !== "string") throw new BadTicket("is not text");
  const bytes = utf8(documentText);
  const fields = decode(bytes, MAX_BYTES);
  check(fields);
  for (const value of Object.values(fields)) Object.freeze(value);
  const digestBytes = await digest("SHA-256", bytes);
  return Object.freeze({ bytes, digestBytes, digest: hex(digestBytes), fields: Object.freeze(fields) });
}

// An approval's document, if it is one of this ticket; otherwise null. Its signature is the hosts' business.
export function readApproval(documentText, ticketDigest) {
  try {
    const fields = decode(utf8(documentText), MAX_BYTES);
    return fields.ticket === ticketDigest && fields.decision === "approve" && NAME.test(fields.approver) ? fields : null;
  } catch {
    return null;
  }
}
