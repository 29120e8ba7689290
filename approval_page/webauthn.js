// SPDX-License-Identifier: BSD-2-Clause
// The security key, by WebAuthn Level 2. Only ES256, always with user verification: OpenSSH knows no other signature of a browser, and a
// touch alone does not say whose finger it was.
import { base64url, digest, equal, fromBase64url, utf8 } from "./bytes.js";
import * as sshsig from "./sshsig.js";

const ES256 = -7;
const PATIENCE_MS = 120000;
const USER_PRESENT = 0x01;
const USER_VERIFIED = 0x04;
const DATA_LENGTH = 37;
const P256_SPKI_LENGTH = 91;

// `code` is a key of the texts.
export class KeyTrouble extends Error {
  constructor(code) {
    super(code);
    this.code = code;
  }
}

// What the browser says when nothing came of it does not tell much, on purpose: so that a site cannot find out which keys there are.
function explained(error) {
  if (error instanceof KeyTrouble || error.name === "AbortError") return error;
  const codes = { NotAllowedError: "key_not_allowed", SecurityError: "key_wrong_site", InvalidStateError: "key_already_enrolled", NotSupportedError: "key_unsupported", ConstraintError: "key_unsupported" };
  return new KeyTrouble(codes[error.name] ?? "key_failed");
}

export const available = () => window.isSecureContext && "credentials" in navigator && "PublicKeyCredential" in window;

// What a host would refuse is refused here, where the person can still do something about it. (lib/webauthn.h has the same checks.)
async function checkAssertion(data, clientData, challengeText, rpId) {
  if (data.length < DATA_LENGTH || !equal(data.subarray(0, 32), await digest("SHA-256", utf8(rpId)))) throw new KeyTrouble("key_wrong_site");
  const flags = data[32];
  if (!(flags & USER_PRESENT) || !(flags & USER_VERIFIED)) throw new KeyTrouble("key_not_verified");
  if (data.length !== DATA_LENGTH || flags & 0xe2) throw new KeyTrouble("key_extensions");
  const prefix = utf8(`{"type":"webauthn.get","challenge":"${challengeText}","origin":"${location.origin}"`);
  if (!equal(clientData.subarray(0, prefix.length), prefix)) throw new KeyTrouble("key_other_data");
}

// Has one of `credentials` ([{id, key}], key an OpenSSH line) sign `message` in an SSHSIG namespace. Resolves to the armored signature.
export async function sign(credentials, rpId, namespace, message, signal) {
  if (credentials.length === 0) throw new KeyTrouble("key_none");
  const challenge = await sshsig.signedData(namespace, message);
  try {
    const found = await navigator.credentials.get({
      signal,
      publicKey: {
        challenge, rpId, timeout: PATIENCE_MS, userVerification: "required",
        allowCredentials: credentials.map((one) => ({ type: "public-key", id: fromBase64url(one.id) })),
      },
    });
    const used = credentials.find((one) => one.id === found.id);
    if (!used) throw new KeyTrouble("key_none");
    const authenticatorData = new Uint8Array(found.response.authenticatorData);
    const clientData = new Uint8Array(found.response.clientDataJSON);
    await checkAssertion(authenticatorData, clientData, base64url(challenge), rpId);
    return sshsig.armored(sshsig.blobOfLine(used.key), namespace, {
      authenticatorData, clientData, der: new Uint8Array(found.response.signature), origin: location.origin,
    });
  } catch (error) {
    throw explained(error);
  }
}

// Makes a new credential whose attestation answers `challenge`. `known` are the ids of the person's other credentials.
// Resolves to {attestation, clientData, keyBlob}.
export async function enrol(person, rpId, challenge, known) {
  try {
    const made = await navigator.credentials.create({
      publicKey: {
        challenge, timeout: PATIENCE_MS, attestation: "direct",
        rp: { id: rpId, name: "Tegata" },
        user: { id: await digest("SHA-256", utf8(`tegata ${person}`)), name: person, displayName: person },
        pubKeyCredParams: [{ type: "public-key", alg: ES256 }],
        authenticatorSelection: { userVerification: "required", residentKey: "discouraged" },
        excludeCredentials: known.map((id) => ({ type: "public-key", id: fromBase64url(id) })),
      },
    });
    const spki = new Uint8Array(made.response.getPublicKey() ?? []);
    if (made.response.getPublicKeyAlgorithm() !== ES256 || spki.length !== P256_SPKI_LENGTH) throw new KeyTrouble("key_unsupported");
    return {
      attestation: new Uint8Array(made.response.attestationObject),
      clientData: new Uint8Array(made.response.clientDataJSON),
      keyBlob: sshsig.publicKeyBlob(spki.subarray(-64), rpId),
    };
  } catch (error) {
    throw explained(error);
  }
}
