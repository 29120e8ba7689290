// SPDX-License-Identifier: BSD-2-Clause
// The frame: configuration, language, who is signed in, which view the address's fragment asks for.
import { Api, Refused, Unreachable } from "./api.js";
import { make, foreign } from "./elements.js";
import { chooseLanguage, has, language, LANGUAGES, loadLanguage, plain, say } from "./language.js";
import * as session from "./session.js";
import { available, KeyTrouble } from "./webauthn.js";
import { showCertificate } from "./view_certificate.js";
import { showInvitation } from "./view_invitation.js";
import { showKeys } from "./view_keys.js";
import { showHistory, showMine, showWaiting } from "./view_lists.js";
import { showSessions } from "./view_sessions.js";
import { showSignIn } from "./view_sign_in.js";
import { showTicket } from "./view_ticket.js";

// The first name in the fragment says which. `open`: does not need a session.
const VIEWS = {
  waiting: { show: showWaiting, title: "waiting_for_me", listed: true },
  mine: { show: showMine, title: "mine", listed: true },
  sessions: { show: showSessions, title: "live_sessions", listed: true },
  history: { show: showHistory, title: "history", listed: true },
  keys: { show: showKeys, title: "my_keys", listed: true },
  ticket: { show: showTicket, title: "waiting_for_me" },
  certificate: { show: showCertificate, title: "certificate", open: true },
  invitation: { show: showInvitation, title: "invitation", open: true },
};

const main = document.getElementById("main");
const header = document.getElementById("header");

class App {
  #shown = new AbortController();

  constructor(config) {
    this.config = config;
    this.session = session.load();
    this.rpId = config.rp_id ?? location.hostname;
    this.api = new Api(config.api, () => this.session?.token, () => this.#lost());
  }

  get person() {
    return this.session?.person;
  }

  // The authority that documents name: the service's own word, which the service checks again.
  async service() {
    this.servicePage ??= await this.api.get("/v1/page", { token: "" });
    return this.servicePage.service;
  }

  // For those who do not see what changes.
  announce(text) {
    document.getElementById("status").textContent = text;
  }

  alarm(text) {
    document.getElementById("alarm").textContent = text;
  }

  title(text) {
    document.title = `${text} · Tegata`;
  }

  // What went wrong, as a sentence.
  explain(error) {
    if (error instanceof KeyTrouble) return plain(error.code);
    if (error instanceof Refused) {
      const text = [error.message, error.detail].filter(Boolean).join(": ");
      return error.code ? plain("refused", { text, code: error.code }) : plain("refused_unknown", { text });
    }
    if (error instanceof Unreachable) return plain("unreachable");
    if (error.name === "AbortError") return plain("touch_stopped");
    return plain("broken", { why: error.message });
  }

  // A line under a form that says what went wrong. -> {element, say(error), clear()}
  complaint() {
    const element = make("p", { class: "complaint", role: "alert" });
    return { element, say: (error) => element.replaceChildren(this.explain(error)), tell: (key) => element.replaceChildren(plain(key)), clear: () => element.replaceChildren() };
  }

  signIn(signedIn) {
    session.store(signedIn);
    this.session = session.load();
    this.announce(plain("signed_in"));
    this.show();
  }

  signOut() {
    session.forget();
    this.session = null;
    location.hash = "";
    this.announce(plain("signed_out"));
    this.show();
  }

  #lost() {
    if (this.session === null) return;
    session.forget();
    this.session = null;
    this.alarm(plain("session_over"));
    this.show();
  }

  // Draws what the fragment asks for; whatever the view before still waited for is given up.
  async show() {
    this.#shown.abort();
    this.#shown = new AbortController();
    const { signal } = this.#shown;
    const wish = new URLSearchParams(location.hash.slice(1));
    const name = wish.keys().next().value ?? "waiting";
    const view = VIEWS[Object.hasOwn(VIEWS, name) ? name : "waiting"];
    const wanted = view.open || this.session ? view : { show: showSignIn, title: "sign_in" };
    this.title(plain(wanted.title));
    this.#drawHeader(view);
    main.replaceChildren(make("p", { class: "loading" }, plain("loading")));
    try {
      await wanted.show(this, main, wish, signal);
    } catch (error) {
      if (!signal.aborted) this.#drawFailure(error);
      return;
    }
    if (!signal.aborted) (main.querySelector("[autofocus]") ?? main.querySelector("h1"))?.focus({ preventScroll: true });
  }

  #drawFailure(error) {
    const unreachable = error instanceof Unreachable;
    main.replaceChildren(make("section", { class: "card" },
      make("h1", { tabindex: -1 }, plain(unreachable ? "page_of_nobody" : "notice")),
      make("p", { role: "alert" }, this.explain(error)),
      unreachable && make("p", { class: "hint" }, plain("page_of_nobody_hint")),
      make("p", {}, make("button", { type: "button", class: "primary", onclick: () => this.show() }, plain("try_again")))));
    main.querySelector("h1").focus();
  }

  #drawHeader(current) {
    document.getElementById("skip").textContent = plain("skip");
    const links = Object.entries(VIEWS).filter(([, view]) => view.listed).map(([name, view]) =>
      make("li", {}, make("a", { href: `#${name}`, "aria-current": view === current ? "page" : null }, plain(view.title))));
    const other = Object.keys(LANGUAGES).find((name) => name !== language);
    const switchLanguage = make("button", { type: "button", class: "quiet", lang: other, onclick: () => this.#useLanguage(other) }, LANGUAGES[other]);
    header.replaceChildren(
      make("div", { class: "top" },
        make("a", { class: "mark", href: "#waiting" }, make("img", { src: "icon.svg", alt: "", width: 28, height: 28 }), "Tegata"),
        make("div", { class: "who" },
          this.session && make("span", { class: "person" }, say("signed_in_as", { person: foreign(this.person) })),
          switchLanguage,
          this.session && make("button", { type: "button", class: "quiet", onclick: () => this.signOut() }, plain("sign_out")))),
      ...(this.session ? [make("nav", { "aria-label": plain("navigation") }, make("ul", {}, links))] : []));
    // On a narrow screen the list of pages scrolls.
    header.querySelector("[aria-current]")?.scrollIntoView({ block: "nearest", inline: "center" });
  }

  async #useLanguage(name) {
    await chooseLanguage(name);
    await this.show();
    header.querySelector(".who button").focus();
  }
}

async function readConfig() {
  const answer = await fetch("config.json", { credentials: "omit", cache: "no-store" });
  const config = answer.ok ? await answer.json() : {};
  if (typeof config.api !== "string" || !/^($|https:\/\/[^/?#]+$)/.test(config.api)) throw new Error("config.json: api must be \"\" or https://HOST[:PORT]");
  return config;
}

async function start() {
  await loadLanguage();
  // The server's header forbids it as well; this is for a server that was set up without.
  const refusal = window.top !== window.self ? "framed" : !available() ? "no_webauthn" : "";
  if (refusal !== "" && has(refusal)) {
    main.replaceChildren(make("p", { class: "notice danger", role: "alert" }, plain(refusal)));
    return;
  }
  const app = new App(await readConfig());
  document.getElementById("skip").addEventListener("click", (event) => {
    event.preventDefault();
    main.focus();
  });
  window.addEventListener("hashchange", () => app.show());
  await app.show();
  document.documentElement.dataset.ready = "yes";
}

start().catch((error) => main.replaceChildren(make("p", { class: "notice danger", role: "alert" }, String(error.message))));
