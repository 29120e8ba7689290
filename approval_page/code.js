// SPDX-License-Identifier: BSD-2-Clause
// Six words, as they are shown everywhere.
import { make } from "./elements.js";
import { codeWords } from "./words.js";

export async function codeElement(digestBytes) {
  const words = await codeWords(digestBytes);
  const parts = words.flatMap((word, at) => [at > 0 && "-", make("span", {}, word)]);
  return make("p", { class: "code", translate: "no", lang: "en" }, parts);
}
