// SPDX-License-Identifier: BSD-2-Clause
// Who is logged in right now, as the hosts have told.
import { foreign, make } from "./elements.js";
import { moment, plain, say } from "./language.js";
import { passes } from "./api.js";
import { pause } from "./waiting.js";

const WAIT_SECONDS = 25;
const RETRY_MS = 3000;

const line = (session) => make("li", { class: "item" }, make("a", { class: "item-link", href: `#ticket=${session.ticket}` },
  make("span", { class: "item-head" }, make("strong", {}, say("session_line", { person: foreign(session.person), host: foreign(session.host) }))),
  make("span", { class: "item-facts" },
    make("span", {}, say("list_as", { account: foreign(session.account) })),
    session.source && make("span", {}, say("from_address", { source: foreign(session.source) })),
    make("span", {}, plain("opened_at", { time: moment(session.opened) })),
    session.ends > 0 && make("span", {}, plain("ends_at", { time: moment(session.ends) })))));

async function follow(app, signal, revision, draw) {
  let after = revision;
  while (!signal.aborted) {
    try {
      const changed = await app.api.get(`/v1/host-sessions?after=${after}&wait=${WAIT_SECONDS}`, { signal });
      if (changed.revision !== after) await draw();
      after = changed.revision;
    } catch (error) {
      if (signal.aborted || !passes(error)) return;
      await pause(RETRY_MS, signal);
    }
  }
}

export async function showSessions(app, main, wish, signal) {
  const place = make("div", {});
  async function draw() {
    const { sessions, revision } = await app.api.get("/v1/host-sessions?state=open", { signal });
    place.replaceChildren(sessions.length === 0 ? make("div", { class: "empty" }, make("p", { class: "lead" }, plain("nothing_live"))) : make("ul", { class: "items" }, sessions.map(line)));
    return revision;
  }
  const revision = await draw();
  if (signal.aborted) return;
  main.replaceChildren(make("h1", { tabindex: -1 }, plain("live_sessions")), place);
  follow(app, signal, revision, draw);
}
