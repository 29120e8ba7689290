// SPDX-License-Identifier: BSD-2-Clause
// Who is signed in, in this tab only: sessionStorage ends with it, and no other site can read it.

const NAME = "tegata-session";

export function load() {
  try {
    const session = JSON.parse(sessionStorage.getItem(NAME));
    return session && session.expires * 1000 > Date.now() ? session : null;
  } catch {
    return null;
  }
}

// session: {token, expires, person}
export const store = (session) => sessionStorage.setItem(NAME, JSON.stringify({ token: session.token, expires: session.expires, person: session.person }));

export const forget = () => sessionStorage.removeItem(NAME);
