// SPDX-License-Identifier: BSD-2-Clause
// SSH signatures around a browser's assertions: OpenSSH's PROTOCOL.sshsig, and PROTOCOL.u2f for the signature of type
// webauthn-sk-ecdsa-sha2-nistp256@openssh.com. Anyone can verify what comes out with `ssh-keygen -Y verify`.
import { base64, digest, equal, fromBase64, join, utf8 } from "./bytes.js";

export const KEY_TYPE = "sk-ecdsa-sha2-nistp256@openssh.com";
const SIGNATURE_TYPE = "webauthn-sk-ecdsa-sha2-nistp256@openssh.com";
const CURVE = "nistp256";
const HASH = "sha512";
const MAGIC = utf8("SSHSIG");
const LINE = 70;

export function uint32(number) {
  const bytes = new Uint8Array(4);
  new DataView(bytes.buffer).setUint32(0, number);
  return bytes;
}

// RFC 4251 section 5: a length and so many bytes.
export const string = (value) => {
  const bytes = typeof value === "string" ? utf8(value) : value;
  return join(uint32(bytes.length), bytes);
};

// RFC 4251 section 5, for a positive number in big-endian bytes: no leading zeros but one before a set top bit.
export function mpint(number) {
  const first = number.findIndex((byte) => byte !== 0);
  if (first < 0) return string(new Uint8Array(0));
  const bytes = number.subarray(first);
  return string(bytes[0] & 0x80 ? join(new Uint8Array(1), bytes) : bytes);
}

// What is signed in the end, and so the challenge of the assertion.
export async function signedData(namespace, message) {
  return join(MAGIC, string(namespace), string(""), string(HASH), string(await digest("SHA-512", message)));
}

function derInteger(der, at) {
  if (der[at] !== 0x02 || !(der[at + 1] >= 1 && der[at + 1] <= 33) || at + 2 + der[at + 1] > der.length) throw new Error("not an ECDSA signature in DER");
  return der.subarray(at + 2, at + 2 + der[at + 1]);
}

// The r and s of an ECDSA signature on P-256 in DER.
export function numbersOfDer(der) {
  if (der[0] !== 0x30 || der[1] !== der.length - 2) throw new Error("not an ECDSA signature in DER");
  const r = derInteger(der, 2);
  const s = derInteger(der, 4 + r.length);
  if (6 + r.length + s.length !== der.length) throw new Error("not an ECDSA signature in DER");
  return { r, s };
}

// A public key as OpenSSH has it, of the two coordinates' 64 bytes and the relying party's id.
export function publicKeyBlob(point, rpId) {
  return join(string(KEY_TYPE), string(CURVE), string(join(Uint8Array.of(4), point)), string(rpId));
}

// The same as a line: "TYPE BASE64".
export const publicKeyLine = (blob) => `${KEY_TYPE} ${base64(blob)}`;

export async function fingerprint(blob) {
  return `SHA256:${base64(await digest("SHA-256", blob)).replaceAll("=", "")}`;
}

// The blob of a key line. Throws if the line's type is not the blob's, or anything follows the blob.
export function blobOfLine(line) {
  const [type, encoded, ...rest] = line.split(" ");
  if (!encoded || rest.length > 0) throw new Error("not a public key line");
  const blob = fromBase64(encoded);
  if (!equal(blob.subarray(0, 4 + utf8(type).length), string(type))) throw new Error("a public key whose type is not what its line says");
  return blob;
}

// signature: {authenticatorData, clientData, der, origin} of an assertion whose challenge was signedData(namespace, message).
export function armored(keyBlob, namespace, signature) {
  const { r, s } = numbersOfDer(signature.der);
  const flagsAndCounter = signature.authenticatorData.subarray(32, 37);
  const value = join(string(SIGNATURE_TYPE), string(join(mpint(r), mpint(s))), flagsAndCounter,
    string(signature.origin), string(signature.clientData), string(""));
  const whole = base64(join(MAGIC, uint32(1), string(keyBlob), string(namespace), string(""), string(HASH), string(value)));
  const lines = whole.match(new RegExp(`.{1,${LINE}}`, "g"));
  return ["-----BEGIN SSH SIGNATURE-----", ...lines, "-----END SSH SIGNATURE-----", ""].join("\n");
}
