// SPDX-License-Identifier: BSD-2-Clause
// My keys: what there is, a new one, a lost one; and the password.
import { ask } from "./dialog.js";
import { busy, field, foreign, icon, make } from "./elements.js";
import { enrolment } from "./enrolment.js";
import { moment, plain, say } from "./language.js";
import { newPassword } from "./view_invitation.js";

const badge = (look, text) => make("span", { class: `badge ${look}` }, icon(look), text);

function keyLine(app, key, redraw) {
  const lose = async () => {
    const revoke = () => app.api.post("/v1/revocations", { key: key.fingerprint, serial: "", key_id: "", reason: plain("lost_reason") });
    if (!await ask(app, { title: plain("lost_title"), hint: plain("lost_hint"), confirm: plain("lost_confirm"), reason: "" }, revoke)) return;
    app.announce(plain("lost_done"));
    await redraw();
  };
  return make("li", { class: "item key" },
    make("span", { class: "item-head" }, make("strong", {}, key.label || key.device ? foreign(key.label || key.device) : plain("key_unnamed")),
      key.revoked ? badge("danger", plain("key_revoked")) : badge(key.in_policy ? "good" : "waiting", plain(key.in_policy ? "key_in_policy" : "key_not_in_policy"))),
    make("code", { class: "fingerprint" }, key.fingerprint),
    make("span", { class: "item-facts" },
      key.device && make("span", {}, foreign(key.device)),
      make("span", {}, plain(key.attested ? "key_attested" : "key_unattested")),
      make("span", {}, plain(key.kind === "webauthn" ? "key_for_browser" : "key_for_ssh")),
      key.created > 0 && make("span", {}, plain("enrolled_at", { time: moment(key.created) }))),
    // What the policy does not name counts nowhere: there is nothing to take back.
    Boolean(!key.revoked && key.in_policy) && make("button", { type: "button", class: "danger outline small", onclick: lose, "aria-label": `${plain("lost_key")}: ${key.label || key.fingerprint}` }, plain("lost_key")));
}

function passwordForm(app) {
  const complaint = app.complaint();
  const old = field(plain("old_password"), { type: "password", autocomplete: "current-password", required: true, maxlength: 512 });
  const password = newPassword(complaint);
  const outcome = make("p", { class: "outcome good", role: "status" });
  const button = make("button", {}, plain("change_password"));
  async function change() {
    outcome.replaceChildren();
    const chosen = password.value();
    if (chosen === "") return;
    await app.api.post("/v1/password", { password: old.input.value, new_password: chosen });
    form.reset();
    outcome.replaceChildren(icon("good"), plain("password_changed"));
  }
  const form = make("form", { onsubmit: (event) => { event.preventDefault(); busy(button, change, complaint.say); } },
    make("input", { type: "text", autocomplete: "username", value: app.person, readonly: true, hidden: true }), old.row, password.rows, button, outcome, complaint.element);
  return form;
}

export async function showKeys(app, main, wish, signal) {
  const list = make("ul", { class: "items" });
  async function draw() {
    const { credentials } = await app.api.get("/v1/credentials", { signal });
    list.replaceChildren(...(credentials.length > 0 ? credentials.map((key) => keyLine(app, key, draw)) : [make("li", { class: "item" }, plain("no_keys"))]));
  }
  await draw();
  const add = make("button", { type: "button", class: "primary", onclick: async () => {
    const section = await enrolment(app, app.person);
    add.replaceWith(section);
    section.querySelector("input").focus();
  } }, plain("add_key"));
  if (signal.aborted) return;
  main.replaceChildren(make("h1", { tabindex: -1 }, plain("my_keys")), make("p", { class: "hint" }, plain("keys_lead")), list,
    make("section", { class: "card" }, add),
    make("section", { class: "card", "aria-labelledby": "password-title" }, make("h2", { id: "password-title" }, plain("change_password")), passwordForm(app)));
}
