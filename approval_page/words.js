// SPDX-License-Identifier: BSD-2-Clause
// Six words for the first 66 bits of a SHA-256, so that two people can compare digests aloud. lib/code_words.h has the same.

const WORDS = 2048;
const BITS = 11;
const COUNT = 6;
const list = fetch(new URL("words.txt", import.meta.url), { credentials: "omit" })
  .then((answer) => (answer.ok ? answer.text() : Promise.reject(new Error("words.txt cannot be read"))))
  .then((text) => {
    const words = text.trimEnd().split("\n");
    if (new Set(words).size !== WORDS) throw new Error(`words.txt must have ${WORDS} words`);
    return words;
  });
// Whoever asks for words learns of a failure; nobody need be told before.
list.catch(() => {});

// digestBytes: the 32 bytes of the digest. Resolves to an array of six words.
export async function codeWords(digestBytes) {
  const words = await list;
  let number = 0n;
  for (const byte of digestBytes.subarray(0, 9)) number = (number << 8n) | BigInt(byte);
  number >>= BigInt(9 * 8 - COUNT * BITS);
  const code = [];
  for (let at = 0; at < COUNT; at++) {
    code.unshift(words[Number(number & BigInt(WORDS - 1))]);
    number >>= BigInt(BITS);
  }
  return code;
}
