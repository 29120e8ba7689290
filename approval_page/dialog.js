// SPDX-License-Identifier: BSD-2-Clause
// A question in front of everything else, for what cannot be undone. The browser keeps the focus inside and lets Escape close it.
import { busy, field, make } from "./elements.js";
import { plain } from "./language.js";

// what: {title, hint, confirm: texts; reason: label or "" if none is asked}. action(reason) may throw: the dialog then says why and stays.
// Resolves to true once the action is done, to false if it was closed.
export function ask(app, what, action) {
  return new Promise((resolve) => {
    const complaint = app.complaint();
    const reason = what.reason ? field(what.reason, { rows: 3, maxlength: 500, required: true, autofocus: true }, what.hint) : null;
    const confirm = make("button", { class: "danger" }, what.confirm);
    let done = false;

    async function go() {
      const text = reason ? reason.input.value.trim().replaceAll(/\s+/g, " ") : "";
      if (reason && text === "") return complaint.tell("reason_needed");
      await action(text);
      done = true;
      dialog.close();
    }

    const dialog = make("dialog", { "aria-labelledby": "dialog-title", onclose: () => { dialog.remove(); resolve(done); } },
      make("form", { novalidate: true, onsubmit: (event) => { event.preventDefault(); busy(confirm, go, complaint.say); } },
        make("h2", { id: "dialog-title" }, what.title),
        reason ? reason.row : make("p", {}, what.hint),
        complaint.element,
        make("div", { class: "buttons" }, confirm, make("button", { type: "button", class: "quiet", onclick: () => dialog.close() }, plain("cancel")))));
    document.body.append(dialog);
    dialog.showModal();
  });
}
