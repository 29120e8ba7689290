// SPDX-License-Identifier: BSD-2-Clause
// A one-time link: set a password, enrol a key, take the policy change home.
import { enrolment } from "./enrolment.js";
import { busy, field, foreign, make } from "./elements.js";
import { plain, say } from "./language.js";

export const PASSWORD_LEAST = 12;

// Two inputs for a new password. -> {rows, value(): text or ""; then complaint says why}
export function newPassword(complaint) {
  const first = field(plain("new_password"), { type: "password", autocomplete: "new-password", required: true, minlength: PASSWORD_LEAST, maxlength: 512 }, plain("password_hint"));
  const again = field(plain("repeat_password"), { type: "password", autocomplete: "new-password", required: true, maxlength: 512 });
  const value = () => {
    complaint.clear();
    if ([...first.input.value].length < PASSWORD_LEAST) complaint.tell("password_short");
    else if (first.input.value !== again.input.value) complaint.tell("password_differs");
    else return first.input.value;
    return "";
  };
  return { rows: [first.row, again.row], value };
}

// The second half: with the token that the link was good for.
async function drawEnrolment(app, card) {
  const { person, token } = app.enrolling;
  card.replaceChildren(make("h1", { tabindex: -1 }, plain("invitation")),
    make("p", { class: "lead" }, say("invited", { person: foreign(person) })),
    await enrolment(app, person, token));
}

export async function showInvitation(app, main, wish) {
  // The link is used up, but the language was changed: the token is all that is left of it.
  if (app.enrolling && wish.get("invitation") === "") {
    const card = make("section", { class: "card" });
    await drawEnrolment(app, card);
    main.replaceChildren(card);
    return;
  }
  const complaint = app.complaint();
  const password = newPassword(complaint);
  const button = make("button", { class: "primary" }, plain("set_password"));
  const card = make("section", { class: "card" });

  async function redeem() {
    const chosen = password.value();
    if (chosen === "") return;
    app.enrolling = await app.api.post("/v1/invitations/redeem", { token: wish.get("invitation"), password: chosen }, { token: "" });
    // The link is used up: it need not stay in the history of the browser.
    history.replaceState(null, "", "#invitation");
    await drawEnrolment(app, card);
    card.querySelector("h1").focus();
  }

  card.append(make("h1", { tabindex: -1 }, plain("invitation")), make("p", { class: "lead" }, plain("invitation_lead")),
    make("h2", {}, plain("invitation_step_password")),
    make("form", { onsubmit: (event) => { event.preventDefault(); busy(button, redeem, complaint.say); } }, password.rows, button, complaint.element));
  main.replaceChildren(card);
}
