// SPDX-License-Identifier: BSD-2-Clause
// Lists of tickets: waiting for me, mine, history. Each line is read from the ticket's own bytes, as the ticket itself is.
import { foreign, foreignList, make } from "./elements.js";
import { duration, language, moment, plain, say } from "./language.js";
import { stateBadge } from "./state.js";
import { readTicket } from "./ticket.js";
import { later } from "./waiting.js";

const REFRESH_MS = 10000;

async function line(view) {
  let ticket;
  try {
    ticket = (await readTicket(view.ticket)).fields;
  } catch (error) {
    return make("li", { class: "item notice danger" }, say("unreadable", { why: foreign(error.message) }));
  }
  return make("li", { class: "item" }, make("a", { class: "item-link", href: `#ticket=${ticket.id}` },
    make("span", { class: "item-head" },
      make("strong", {}, say("list_line", { requester: foreign(ticket.requester), hosts: foreignList(ticket.hosts, language) })),
      stateBadge(view.state)),
    make("span", { class: "item-reason" }, foreign(ticket.reason)),
    make("span", { class: "item-facts" },
      make("span", {}, say("list_as", { account: foreign(ticket.account) })),
      make("span", {}, plain("list_for", { time: duration(ticket.seconds) })),
      make("span", {}, plain("asked_at", { time: moment(ticket.created) })),
      view.state === "pending" && make("span", {}, plain("answer_by", { time: moment(ticket.approve_by) })),
      ticket.emergency === 1 && make("strong", { class: "badge danger" }, plain("emergency")))));
}

function empty(what) {
  return make("div", { class: "empty" }, make("p", { class: "lead" }, plain(what.none)), what.hint && make("p", { class: "hint" }, plain(what.hint)));
}

// Draws a list and draws it anew whenever it has changed, until `signal`.
async function showList(app, main, signal, what) {
  const place = make("div", {});
  let drawn = null;

  async function draw() {
    const { tickets } = await app.api.get(`/v1/tickets?role=${what.role}&state=${what.state}`, { signal });
    const state = JSON.stringify(tickets.map((one) => [one.digest, one.state, one.approvals.length]));
    if (state === drawn) return;
    const focused = place.contains(document.activeElement) ? document.activeElement.hash : "";
    place.replaceChildren(tickets.length === 0 ? empty(what) : make("ul", { class: "items" }, await Promise.all(tickets.map(line))));
    if (focused) (place.querySelector(`a[href="${CSS.escape(focused)}"]`) ?? main.querySelector("h1")).focus();
    if (what.counted) {
      app.title(tickets.length > 0 ? `(${tickets.length}) ${plain(what.title)}` : plain(what.title));
      if (drawn !== null) app.announce(plain("more_in_title", { count: String(tickets.length) }));
    }
    drawn = state;
  }

  await draw();
  if (signal.aborted) return;
  main.replaceChildren(make("h1", { tabindex: -1 }, plain(what.title)), place);
  later(REFRESH_MS, signal, draw);
}

export const showWaiting = (app, main, wish, signal) =>
  showList(app, main, signal, { title: "waiting_for_me", role: "approvable", state: "pending", none: "nothing_waiting", hint: "nothing_waiting_hint", counted: true });

export const showMine = (app, main, wish, signal) =>
  showList(app, main, signal, { title: "mine", role: "mine", state: "any", none: "nothing_mine", hint: "nothing_mine_hint" });

export const showHistory = (app, main, wish, signal) =>
  showList(app, main, signal, { title: "history", role: "all", state: "any", none: "nothing_history" });
