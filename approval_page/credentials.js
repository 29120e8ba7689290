// SPDX-License-Identifier: BSD-2-Clause
// Which of a person's keys can be used here: those of the policy that were made for this very site.
import { fingerprint, blobOfLine } from "./sshsig.js";

// The person's keys in the policy, fingerprint -> line. The policy is public; whether it is the one in force is the service's and the hosts'
// business: a wrong line makes a signature that nobody accepts.
async function policyKeys(app, person) {
  const { document: text } = await app.api.get("/v1/policy", { token: "" });
  const keys = new Map();
  for (const entry of JSON.parse(text).people[person]?.keys ?? []) {
    if (entry.origin === location.origin && entry.rp_id === app.rpId) keys.set(await fingerprint(blobOfLine(entry.key)), entry.key);
  }
  return keys;
}

// Of credentials as the service lists them ([{id, fingerprint}]) those that can sign here: [{id, key}].
export async function usable(app, person, credentials) {
  const keys = await policyKeys(app, person);
  return credentials.filter((one) => one.id && keys.has(one.fingerprint)).map((one) => ({ id: one.id, key: keys.get(one.fingerprint) }));
}

// Those of whoever is signed in.
export async function ownUsable(app, signal) {
  const { credentials } = await app.api.get("/v1/credentials", { signal });
  return usable(app, app.person, credentials.filter((one) => one.kind === "webauthn" && !one.revoked));
}
