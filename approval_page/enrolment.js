// SPDX-License-Identifier: BSD-2-Clause
// A new security key: its attestation answers the service's challenge; what comes back is a file for the root holders.
import { base64url, digest, utf8 } from "./bytes.js";
import { codeElement } from "./code.js";
import { busy, field, foreign, icon, make } from "./elements.js";
import { plain, say } from "./language.js";
import { fingerprint } from "./sshsig.js";
import { enrol, KeyTrouble } from "./webauthn.js";

const FILE_TYPE = "application/json";

// What to do with the answer: the words are of the key that this browser saw, not of the one that the service says it got.
async function enrolled(app, person, label, keyBlob, answer) {
  if (answer.fingerprint !== await fingerprint(keyBlob)) throw new KeyTrouble("change_differs");
  const file = URL.createObjectURL(new Blob([answer.change], { type: FILE_TYPE }));
  const heading = make("h2", { tabindex: -1 }, plain("invitation_step_words"));
  const device = answer.device || label;
  app.announce(plain("enrolled", { device }));
  return [heading,
    make("p", { class: "outcome good" }, icon("good"), make("span", {}, say("enrolled", { device: foreign(device) }))),
    make("p", { class: answer.attested ? "hint" : "notice" }, plain(answer.attested ? "enrolled_attested" : "enrolled_unattested")),
    make("p", {}, plain("enrolled_words")),
    await codeElement(await digest("SHA-256", keyBlob)),
    make("p", {}, plain("enrolled_next")),
    make("p", {}, make("a", { class: "button primary", href: file, download: `tegata-key-${person}.json` }, plain("download_change")))];
}

// A section with a form. token: of an enrolment, or undefined for the session's own.
export async function enrolment(app, person, token) {
  const label = field(plain("key_label"), { required: true, maxlength: 64 }, plain("key_label_hint"));
  const complaint = app.complaint();
  const button = make("button", { class: "primary" }, plain("enrol_button"));
  const section = make("div", { class: "enrolment" });

  async function start() {
    complaint.clear();
    const { credentials } = await app.api.get("/v1/credentials", { token });
    const { document: challenge } = await app.api.post("/v1/credentials/challenge", {}, { token });
    const known = credentials.filter((one) => one.kind === "webauthn" && one.rp_id === app.rpId && !one.revoked).map((one) => one.id);
    app.announce(plain("touch_now"));
    const made = await enrol(person, app.rpId, utf8(challenge), known);
    const answer = await app.api.post("/v1/credentials", {
      document: challenge, format: "webauthn", key: "", attestation: base64url(made.attestation), client_data: base64url(made.clientData), label: label.input.value,
    }, { token });
    section.replaceChildren(...await enrolled(app, person, label.input.value, made.keyBlob, answer));
    section.querySelector("h2").focus();
  }

  section.append(make("h2", {}, plain("invitation_step_key")), make("p", { class: "hint" }, plain("enrol_lead")),
    make("form", { onsubmit: (event) => { event.preventDefault(); busy(button, start, complaint.say); } }, label.row, button, complaint.element));
  return section;
}
