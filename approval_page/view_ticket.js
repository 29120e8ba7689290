// SPDX-License-Identifier: BSD-2-Clause
// One ticket: what it says, read from its bytes, and the touch that approves exactly these bytes.
import { passes } from "./api.js";
import { NotCanonical } from "./canonical.js";
import { ownUsable } from "./credentials.js";
import { ask } from "./dialog.js";
import * as documents from "./documents.js";
import { busy, foreign, icon, make } from "./elements.js";
import { duration, moment, plain, say } from "./language.js";
import { stateBadge } from "./state.js";
import { BadTicket, readTicket } from "./ticket.js";
import { bytesBlock, codeBlock, factList, headline, reasonBlock, unusualList } from "./ticket_facts.js";
import { approvalsOf, eventLine, missingText, progress } from "./ticket_progress.js";
import { unusual } from "./unusual.js";
import { pause } from "./waiting.js";
import { sign } from "./webauthn.js";

const WAIT_SECONDS = 25;
const RETRY_MS = 3000;
const SHORTER = [300, 900, 1800, 3600, 2 * 3600, 4 * 3600, 8 * 3600];
const RUNNING = new Set(["approved", "active", "exhausted"]);

async function readHistory(app, signal) {
  try {
    const { tickets } = await app.api.get("/v1/tickets?role=all&state=any", { signal });
    const read = await Promise.all(tickets.map(async (one) => ({ state: one.state, fields: (await readTicket(one.ticket).catch(() => null))?.fields })));
    return read.filter((one) => one.fields);
  } catch {
    return null;
  }
}

function drawBad(app, main, error) {
  const why = error instanceof BadTicket || error instanceof NotCanonical ? error.message : plain("broken", { why: error.message });
  main.replaceChildren(make("section", { class: "card bad" }, make("h1", { tabindex: -1 }, icon("danger"), plain("bad_ticket")),
    make("p", {}, plain("bad_ticket_hint")), make("p", { role: "alert", class: "notice danger" }, icon("danger"), foreign(why))));
  app.alarm(plain("bad_ticket"));
}

class TicketView {
  // ticket: as readTicket() gives it; never set again: what is signed is what was shown.
  constructor(app, ticket, view, signal) {
    Object.assign(this, { app, ticket, view, signal, touch: null, spoiled: false, lastEvent: 0, seconds: "0" });
    this.path = `/v1/tickets/${ticket.fields.id}`;
    this.badge = make("span", {});
    this.progressPlace = make("div", {});
    this.actions = make("section", { class: "actions", "aria-labelledby": "decide-title" });
    this.log = make("ol", { class: "log", "aria-live": "polite", "aria-relevant": "additions" });
    this.complaint = app.complaint();
    this.stale = make("p", { class: "complaint", role: "status" });
    this.outcome = make("p", { class: "outcome", role: "status" });
  }

  async draw(main, history) {
    const { fields } = this.ticket;
    const children = [
      make("header", { class: "ticket-head" },
        make("p", { class: "ticket-id" }, this.badge, make("span", {}, plain("ticket", { id: fields.id })), make("span", { class: "hint" }, plain("asked_at", { time: moment(fields.created) }))),
        make("h1", { tabindex: -1 }, headline(fields))),
      reasonBlock(fields),
      unusualList(unusual(fields, history, new Date())),
      await codeBlock(this.ticket.digestBytes),
      factList(fields),
      this.progressPlace,
      make("section", { "aria-labelledby": "log-title" }, make("h2", { id: "log-title" }, plain("happened")), this.log),
      bytesBlock(this.ticket),
      this.actions,
    ];
    this.redraw();
    main.replaceChildren(make("article", { class: "ticket" }, children));
  }

  // Takes a newer view of the same ticket. Other bytes under the same id are somebody's attack: from then on nothing is signed.
  take(view) {
    if (view.ticket !== new TextDecoder().decode(this.ticket.bytes)) return this.spoil();
    const of = (one) => [one.state, one.approvals, one.missing, one.approvers, one.hosts];
    const before = JSON.stringify(of(this.view));
    this.view = view;
    if (before !== JSON.stringify(of(view))) this.redraw();
  }

  spoil() {
    this.spoiled = true;
    this.touch?.abort();
    this.app.alarm(plain("changed"));
    this.redraw();
  }

  redraw() {
    const focused = this.actions.contains(document.activeElement) ? document.activeElement.id : null;
    this.badge.replaceChildren(stateBadge(this.view.state));
    this.progressPlace.replaceChildren(progress(this.view, this.ticket));
    if (this.touch && !this.spoiled && this.view.state === "pending") return;
    if (this.touch) this.touch.abort();
    this.actions.replaceChildren(make("h2", { id: "decide-title", tabindex: -1 }, plain("decide")), this.outcome, ...this.choices(), this.complaint.element, this.stale);
    if (focused !== null) ((focused && this.actions.querySelector(`#${CSS.escape(focused)}`)) || this.actions.querySelector("h2")).focus();
  }

  // What this person can do now.
  choices() {
    const { app: { person }, view, ticket: { fields } } = this;
    if (this.spoiled) return [make("p", { class: "notice danger" }, icon("danger"), plain("changed"))];
    const own = fields.requester === person;
    const buttons = [];
    if (view.state === "pending" && !own && view.approvers.includes(person)) return this.decision();
    if (view.state === "pending" && own) buttons.push(this.simple("cancel", "cancel_ticket", "cancelled_done"));
    if (RUNNING.has(view.state) && own) buttons.push(this.simple("release", "release_ticket", "released_done"));
    if (RUNNING.has(view.state) && !own) buttons.push(this.grave("revoke"));
    const approved = approvalsOf(view, this.ticket).some((one) => one?.approver === person);
    const said = own ? "own_ticket" : approved ? "you_approved" : view.state === "pending" ? "not_yours" : "";
    return [said !== "" && make("p", { class: "hint" }, plain(said)), buttons.length > 0 && make("div", { class: "buttons" }, buttons)].filter(Boolean);
  }

  decision() {
    const { fields } = this.ticket;
    const options = SHORTER.filter((one) => one < fields.seconds).reverse();
    // Kept over every redrawing: what was chosen is what is signed.
    const select = make("select", { id: "approve-for", onchange: () => { this.seconds = select.value; } }, make("option", { value: "0" }, plain("as_asked", { time: duration(fields.seconds) })),
      options.map((one) => make("option", { value: String(one) }, duration(one))));
    select.value = this.seconds;
    const approve = make("button", { type: "button", class: "primary", id: "approve" }, icon("key"), plain("approve_button"));
    approve.addEventListener("click", () => busy(approve, () => this.approve(Number(select.value)), (error) => this.complain(error)));
    return [make("div", { class: "buttons" }, approve, this.grave("deny")),
      options.length > 0 && make("div", { class: "field inline" }, make("label", { for: "approve-for" }, plain("approve_for")), select)].filter(Boolean);
  }

  complain(error) {
    // What a newer state or another ticket has ended is explained there.
    if (!this.spoiled && !this.signal.aborted) this.complaint.say(error);
  }

  // Signs the approval of the ticket that is shown: its digest was made of the very bytes on the screen, before they were drawn.
  async approve(seconds) {
    const { app, ticket } = this;
    this.complaint.clear();
    this.outcome.replaceChildren();
    this.touch = new AbortController();
    const stop = AbortSignal.any([this.signal, this.touch.signal]);
    this.showTouch();
    try {
      const bytes = documents.approval(ticket.digest, app.person, seconds);
      const signature = await sign(await ownUsable(app, stop), app.rpId, documents.APPROVAL, bytes, stop);
      const body = { document: new TextDecoder().decode(bytes), signature };
      this.touch = null;
      this.take(await app.api.post(`${this.path}/approvals`, body));
      if (this.spoiled) return;
      const { missing, state } = this.view;
      this.finish(state === "pending" && missing.length > 0 ? plain("approved_more", { missing: missingText(missing) }) : plain("approved_done"));
    } finally {
      this.touch = null;
      if (!this.signal.aborted) this.redraw();
    }
  }

  showTouch() {
    const text = plain("approving", { id: this.ticket.fields.id });
    this.app.announce(text);
    this.actions.replaceChildren(make("h2", { id: "decide-title", tabindex: -1 }, plain("decide")),
      make("p", { class: "touch" }, icon("key"), make("span", {}, make("strong", {}, text), make("br"), plain("touch_hint"))),
      make("div", { class: "buttons" }, make("button", { type: "button", class: "quiet", onclick: () => this.touch?.abort() }, plain("cancel"))));
    this.actions.querySelector("button").focus();
  }

  finish(text) {
    this.outcome.className = "outcome good";
    this.outcome.replaceChildren(icon("good"), text);
    this.redraw();
    this.actions.querySelector("h2").focus();
  }

  simple(call, label, done) {
    const button = make("button", { type: "button" }, plain(label));
    button.addEventListener("click", () => busy(button, async () => {
      this.take(await this.app.api.post(`${this.path}/${call}`, {}));
      this.finish(plain(done));
    }, (error) => this.complain(error)));
    return button;
  }

  // deny, revoke: with a reason, and a second question.
  grave(call) {
    const what = { title: plain(`${call}_title`), confirm: plain(`${call}_confirm`), reason: plain("deny_reason"),
      hint: call === "deny" ? plain("deny_hint", { requester: this.ticket.fields.requester }) : plain("revoke_hint") };
    const act = async (reason) => this.take(await this.app.api.post(`${this.path}/${call}`, { reason }));
    return make("button", { type: "button", class: "danger outline", id: call, onclick: async () => {
      if (await ask(this.app, what, act)) this.finish(plain(call === "deny" ? "denied_done" : "revoked_done"));
    } }, plain(`${call}_button`));
  }

  addEvents(events) {
    this.log.append(...events.map(eventLine));
    this.lastEvent = events.at(-1)?.number ?? this.lastEvent;
  }

  async follow() {
    while (!this.signal.aborted) {
      try {
        const { events } = await this.app.api.get(`${this.path}/events?after=${this.lastEvent}&wait=${WAIT_SECONDS}`, { signal: this.signal });
        this.addEvents(events);
        this.take(await this.app.api.get(this.path, { signal: this.signal }));
        this.stale.replaceChildren();
      } catch (error) {
        if (this.signal.aborted || !passes(error)) return;
        if (!this.stale.hasChildNodes()) this.stale.replaceChildren(plain("not_up_to_date"));
        await pause(RETRY_MS, this.signal);
      }
    }
  }
}

export async function showTicket(app, main, wish, signal) {
  const id = wish.get("ticket");
  const view = await app.api.get(`/v1/tickets/${encodeURIComponent(id)}`, { signal });
  let ticket;
  try {
    ticket = await readTicket(view.ticket);
    if (ticket.fields.id !== id) throw new BadTicket(plain("bad_ticket_other"));
    if (ticket.digest !== view.digest) throw new BadTicket(plain("bad_ticket_digest"));
  } catch (error) {
    drawBad(app, main, error);
    return;
  }
  const [history, { events }] = await Promise.all([readHistory(app, signal), app.api.get(`/v1/tickets/${id}/events?after=0&wait=0`, { signal })]);
  if (signal.aborted) return;
  const shown = new TicketView(app, ticket, view, signal);
  shown.addEvents(events);
  await shown.draw(main, history);
  app.title(plain("list_line", { requester: ticket.fields.requester, hosts: ticket.fields.hosts.join(", ") }));
  shown.follow();
}
