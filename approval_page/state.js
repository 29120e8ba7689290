// SPDX-License-Identifier: BSD-2-Clause
// Where the service says that a ticket stands: a word and a sign, never a colour alone.
import { icon, make } from "./elements.js";
import { has, plain } from "./language.js";

const LOOKS = { pending: "waiting", approved: "good", active: "good", denied: "danger", revoked: "danger" };

export function stateBadge(state) {
  const look = LOOKS[state] ?? "ended";
  return make("span", { class: `badge ${look}` }, icon(look), has(`state_${state}`) ? plain(`state_${state}`) : "?");
}
