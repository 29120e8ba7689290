// SPDX-License-Identifier: BSD-2-Clause
// Name and password, then a signature of the security key over a document that holds the service's nonce.
import { usable } from "./credentials.js";
import * as documents from "./documents.js";
import { busy, field, make } from "./elements.js";
import { plain } from "./language.js";
import { KeyTrouble, sign } from "./webauthn.js";

// The first half, which two views share: the password buys a nonce, the touch is bound to it.
// compose(nonce, service) -> the document's bytes. Resolves to {document, signature} as the service takes them.
export async function passwordAndTouch(app, person, password, namespace, compose, signal) {
  const started = await app.api.post("/v1/sign-ins", { person, password }, { token: "", signal });
  const credentials = await usable(app, person, started.credentials);
  if (credentials.length === 0) throw new KeyTrouble("no_keys_here");
  const bytes = compose(started.nonce, await app.service());
  app.announce(plain("touch_now"));
  return { document: new TextDecoder().decode(bytes), signature: await sign(credentials, app.rpId, namespace, bytes, signal) };
}

export function personAndPassword(app) {
  const person = field(plain("name"), { name: "username", autocomplete: "username webauthn", required: true, maxlength: 32, pattern: "[a-z_][a-z0-9_\\-]*", autocapitalize: "none", spellcheck: "false", value: app.person ?? "", autofocus: !app.person });
  const password = field(plain("password"), { name: "password", type: "password", autocomplete: "current-password", required: true, maxlength: 512, autofocus: Boolean(app.person) });
  return { person, password };
}

export async function showSignIn(app, main, wish, signal) {
  const { person, password } = personAndPassword(app);
  const complaint = app.complaint();
  const button = make("button", { class: "primary wide" }, plain("sign_in_button"));
  const hint = make("p", { class: "hint" }, plain("touch_hint"));

  async function signIn() {
    complaint.clear();
    const compose = (nonce, service) => documents.session(person.input.value, service, nonce);
    const proof = await passwordAndTouch(app, person.input.value, password.input.value, documents.SESSION, compose, signal);
    app.signIn(await app.api.post("/v1/web-sessions", proof, { token: "" }));
  }

  const form = make("form", { onsubmit: (event) => { event.preventDefault(); busy(button, signIn, complaint.say); } },
    person.row, password.row, button, hint, complaint.element);
  main.replaceChildren(make("section", { class: "card narrow" },
    make("h1", { tabindex: -1 }, plain("sign_in")),
    make("p", { class: "lead" }, plain(wish.size > 0 && !wish.has("waiting") ? "sign_in_for" : "sign_in_lead")),
    form));
}
