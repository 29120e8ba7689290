// SPDX-License-Identifier: BSD-2-Clause
// `tegata login --web` opens this: a certificate for the key in the address, by password and touch. The touch is over that very key.
import { digest, fromBase64url } from "./bytes.js";
import * as documents from "./documents.js";
import { busy, foreign, icon, make } from "./elements.js";
import { duration, moment, plain, say } from "./language.js";
import { blobOfLine, fingerprint } from "./sshsig.js";
import { codeBlock } from "./ticket_facts.js";
import { passwordAndTouch, personAndPassword } from "./view_sign_in.js";

const SECONDS_MOST = 7 * 86400;

// -> {line, blob, seconds}, or null
function readWish(wish) {
  try {
    const line = new TextDecoder("utf-8", { fatal: true }).decode(fromBase64url(wish.get("certificate"))).trim();
    const seconds = Number(wish.get("seconds") ?? "0");
    if (!Number.isInteger(seconds) || seconds < 0 || seconds > SECONDS_MOST) return null;
    const [type, encoded] = line.split(" ");
    if (!/^[a-z0-9@.-]{1,64}$/.test(type)) return null;
    return { line: `${type} ${encoded}`, blob: blobOfLine(`${type} ${encoded}`), seconds };
  } catch {
    return null;
  }
}

function done(made) {
  const copied = make("span", { role: "status" });
  const copy = async () => {
    await navigator.clipboard.writeText(`${made.certificate}\n`);
    copied.textContent = plain("copied");
  };
  return [make("p", { class: "outcome good" }, icon("good"), plain("certificate_done")),
    make("p", { class: "hint" }, say("certificate_id", { key_id: foreign(made.key_id), time: moment(made.valid_before, true) })),
    make("p", {}, make("button", { type: "button", class: "quiet", onclick: copy }, plain("copy_certificate")), " ", copied)];
}

export async function showCertificate(app, main, wish, signal) {
  const wanted = readWish(wish);
  const title = make("h1", { tabindex: -1 }, plain("certificate"));
  if (wanted === null) {
    main.replaceChildren(make("section", { class: "card" }, title, make("p", { class: "notice danger", role: "alert" }, icon("danger"), plain("certificate_bad"))));
    return;
  }
  const { person, password } = personAndPassword(app);
  const complaint = app.complaint();
  const button = make("button", { class: "primary wide" }, plain("certificate_button"));

  async function obtain() {
    complaint.clear();
    const compose = (nonce, service) => documents.certificate(person.input.value, service, nonce, wanted.line, wanted.seconds);
    const proof = await passwordAndTouch(app, person.input.value, password.input.value, documents.CERTIFICATE, compose, signal);
    const made = await app.api.post("/v1/certificates", proof, { token: "" });
    form.replaceWith(...done(made));
    app.announce(plain("certificate_done"));
    title.focus();
  }

  const form = make("form", { onsubmit: (event) => { event.preventDefault(); busy(button, obtain, complaint.say); } }, person.row, password.row, button, complaint.element);
  main.replaceChildren(make("section", { class: "card narrow" }, title,
    make("p", { class: "lead" }, plain("certificate_lead")),
    make("p", { class: "notice danger" }, icon("danger"), plain("certificate_warning")),
    await codeBlock(await digest("SHA-256", wanted.blob), "certificate_words", ""),
    make("dl", { class: "facts" },
      make("div", {}, make("dt", {}, plain("certificate_key")), make("dd", {}, make("code", { class: "fingerprint" }, await fingerprint(wanted.blob)))),
      make("div", {}, make("dt", {}, plain("certificate_seconds")), make("dd", {}, wanted.seconds > 0 ? duration(wanted.seconds) : plain("certificate_usual")))),
    form));
}
