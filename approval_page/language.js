// SPDX-License-Identifier: BSD-2-Clause
// The language of the page: the browser's, or the one chosen here before. Texts are in text_en.js and text_ja.js, with the same keys.

const NAME = "tegata-language";
export const LANGUAGES = { en: "English", ja: "日本語" };

export let language = "en";
let texts = {};

function preferred() {
  const kept = localStorage.getItem(NAME);
  const wishes = [kept, ...navigator.languages].filter(Boolean).map((wish) => wish.slice(0, 2));
  return wishes.find((wish) => Object.hasOwn(LANGUAGES, wish)) ?? "en";
}

async function use(name) {
  texts = (await (name === "ja" ? import("./text_ja.js") : import("./text_en.js"))).default;
  language = name;
  document.documentElement.lang = name;
}

export const loadLanguage = () => use(preferred());

export async function chooseLanguage(name) {
  localStorage.setItem(NAME, name);
  await use(name);
}

// The parts of a text, each {value} of it replaced by what stands for it: text, a node or a list of these.
export function say(key, values = {}) {
  const text = texts[key];
  if (text === undefined) throw new Error(`no text for ${key}`);
  return text.split(/(\{[a-z_]+\})/).map((part) => (part.startsWith("{") ? values[part.slice(1, -1)] : part)).flat(Infinity).filter((part) => part !== "");
}

export const plain = (key, values = {}) => say(key, values).map((part) => part.textContent ?? part).join("");

export const has = (key) => Object.hasOwn(texts, key);

export function duration(seconds) {
  const units = [["day", 86400], ["hour", 3600], ["minute", 60], ["second", 1]];
  const parts = [];
  let left = Math.max(0, seconds);
  for (const [unit, size] of units) {
    const count = Math.floor(left / size);
    left -= count * size;
    if (count > 0 || (unit === "second" && parts.length === 0)) {
      parts.push(new Intl.NumberFormat(language, { style: "unit", unit, unitDisplay: "long" }).format(count));
    }
  }
  return parts.join(" ");
}

const sameDay = (one, other) => one.toDateString() === other.toDateString();

// A moment, in seconds: the time alone if it is today, otherwise with its day; always with the time zone where it matters.
export function moment(seconds, zone = false) {
  const date = new Date(seconds * 1000);
  const day = sameDay(date, new Date()) ? {} : { weekday: "short", day: "numeric", month: "short", ...(date.getFullYear() !== new Date().getFullYear() && { year: "numeric" }) };
  return new Intl.DateTimeFormat(language, { ...day, hour: "2-digit", minute: "2-digit", hourCycle: "h23", ...(zone && { timeZoneName: "short" }) }).format(date);
}
