// SPDX-License-Identifier: BSD-2-Clause
// Calls of the approval service (docs/protocol.md, section 3). The bearer token goes in a header, never in a cookie: no other site can send it.

const PATIENCE_MS = 45000;

// What the service refused: its reason code, sentence and detail.
export class Refused extends Error {
  constructor(status, problem) {
    super(problem.title ?? `HTTP ${status}`);
    this.status = status;
    this.code = problem.code ?? "";
    this.detail = problem.detail ?? "";
  }
}

export class Unreachable extends Error {}

// Will asking again later help? A service that is away, busy, or that has heard too much for the moment.
export const passes = (error) => error instanceof Unreachable || (error instanceof Refused && (error.status === 429 || error.status >= 500));

export class Api {
  // base: "" for the origin of the page. token: () => text. lost: called when the token is no longer good.
  constructor(base, token, lost) {
    Object.assign(this, { base, token, lost });
  }

  async #send(method, path, body, { token = this.token(), signal } = {}) {
    const headers = { ...(token && { Authorization: `Bearer ${token}` }), ...(body && { "Content-Type": "application/json" }) };
    const timeout = AbortSignal.timeout(PATIENCE_MS);
    try {
      return await fetch(this.base + path, {
        method, headers, body: body && JSON.stringify(body), signal: signal ? AbortSignal.any([signal, timeout]) : timeout,
        credentials: "omit", cache: "no-store", redirect: "error", referrerPolicy: "no-referrer",
      });
    } catch (error) {
      if (signal?.aborted) throw signal.reason;
      throw new Unreachable(error.message);
    }
  }

  // An answer can break off, and be given up, while it is read.
  async #read(answer, signal) {
    try {
      return await answer.json();
    } catch (error) {
      if (signal?.aborted) throw signal.reason;
      if (answer.ok) throw new Unreachable(error.message);
      return {};
    }
  }

  async #call(method, path, body, options = {}) {
    const answer = await this.#send(method, path, body, options);
    if (answer.status === 204) return null;
    const content = await this.#read(answer, options.signal);
    if (answer.ok) return content;
    // A request that came with a token of its own (an enrolment's) says nothing about the session.
    if (answer.status === 401 && content.code === "token_invalid" && options.token === undefined) this.lost();
    throw new Refused(answer.status, content);
  }

  get(path, options) {
    return this.#call("GET", path, null, options);
  }

  post(path, body, options) {
    return this.#call("POST", path, body, options);
  }
}
