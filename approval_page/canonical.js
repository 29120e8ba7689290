// SPDX-License-Identifier: BSD-2-Clause
// The canonical form of documents (docs/protocol.md, section 1): one JSON object, UTF-8, keys sorted by byte value, no white space, only
// text, integers from 0 to 2^53-1, arrays and objects, nested at most 8 deep, no character that could not be seen for what it is.
// The same rules as lib/canonical_json.c; the tests hold both to the same vectors.
import { equal, utf8 } from "./bytes.js";

const DEPTH_MAX = 8;
// C0, DEL and C1 controls, line and paragraph separators, and what reverses the direction of text.
const HIDDEN = /[\u0000-\u001f\u007f-\u009f\u061c\u200e\u200f\u2028-\u202e\u2066-\u2069]/u;

export class NotCanonical extends Error {}

function byBytes(one, other) {
  const [a, b] = [utf8(one), utf8(other)];
  const at = a.findIndex((byte, index) => byte !== b[index]);
  return at < 0 ? a.length - b.length : a[at] - (b[at] ?? -1);
}

function writeText(text) {
  if (HIDDEN.test(text)) throw new NotCanonical("has a control character");
  if (!text.isWellFormed()) throw new NotCanonical("has half a character");
  // Without control characters only the quotation mark and the backslash have an escape.
  return `"${text.replaceAll("\\", "\\\\").replaceAll('"', '\\"')}"`;
}

function writeValue(value, depth) {
  if (depth > DEPTH_MAX) throw new NotCanonical("is nested too deeply");
  if (typeof value === "string") return writeText(value);
  if (typeof value === "number") {
    if (!Number.isSafeInteger(value) || value < 0 || Object.is(value, -0)) throw new NotCanonical("has a number other than an integer from 0 to 2^53-1");
    return String(value);
  }
  if (typeof value !== "object" || value === null) throw new NotCanonical("has a value other than text, integer, array or object");
  if (Array.isArray(value)) return `[${value.map((member) => writeValue(member, depth + 1)).join(",")}]`;
  const members = Object.keys(value).sort(byBytes).map((key) => `${writeText(key)}:${writeValue(value[key], depth + 1)}`);
  return `{${members.join(",")}}`;
}

// The bytes of an object in canonical form.
export function encode(object) {
  if (typeof object !== "object" || object === null || Array.isArray(object)) throw new NotCanonical("is not a JSON object");
  return utf8(writeValue(object, 1));
}

// The object that canonical bytes stand for. Throws NotCanonical unless writing it again gives the very same bytes: so there is one
// reading of them only. (Of a key that stands there twice one is lost in parsing, and so does
// not come out again.)
export function decode(bytes, maximum) {
  if (bytes.length === 0 || bytes.length > maximum) throw new NotCanonical(`must have 1 to ${maximum} bytes`);
  let object;
  try {
    object = JSON.parse(new TextDecoder("utf-8", { fatal: true, ignoreBOM: true }).decode(bytes));
  } catch {
    throw new NotCanonical("is not JSON in UTF-8");
  }
  if (!equal(encode(object), bytes)) throw new NotCanonical("is not in canonical form (keys sorted, no white space)");
  return object;
}
