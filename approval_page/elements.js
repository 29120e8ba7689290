// SPDX-License-Identifier: BSD-2-Clause
// Elements are made of names, attributes and text, never of markup: no text can become anything else.

const URLS = /^(#|blob:)/;

// make("p", {class: "hint", onclick: f}, "text", element, [more]). Attributes: true sets it empty, false and null leave it out.
export function make(name, attributes = {}, ...children) {
  const element = document.createElement(name);
  for (const [key, value] of Object.entries(attributes)) {
    if (value === false || value === null || value === undefined) continue;
    if (key.startsWith("on")) element.addEventListener(key.slice(2), value);
    else if (key === "href" && !URLS.test(value)) throw new Error("a link out of the page");
    else element.setAttribute(key, value === true ? "" : value);
  }
  element.append(...children.flat(Infinity).filter((child) => child !== null && child !== undefined && child !== false));
  return element;
}

// Characters that are not what they look like: those that cli/output.c writes as escapes, but for backslashes.
const DECEIVING = /[\u0000-\u001f\u007f-\u009f\u00ad\u034f\u061c\u115f\u1160\u17b4\u17b5\u180b-\u180f\u200b-\u200f\u2028-\u202e\u2060-\u206f\u2800\u3164\ue000-\uf8ff\ufe00-\ufe0f\ufeff\uffa0\ufff0-\ufffb\ufffe\uffff\u{e0000}-\u{e0fff}\u{f0000}-\u{10ffff}]/gu;
const visible = (text) => String(text).replaceAll(DECEIVING, (one) => `\\u{${one.codePointAt(0).toString(16).padStart(4, "0")}}`);

// Text of somebody else's: of whatever direction, it does not disturb what stands beside it.
export const foreign = (text, attributes = {}) => make("bdi", attributes, visible(text));

// Several of them, in the way of the language.
export function foreignList(texts, language) {
  const parts = new Intl.ListFormat(language, { type: "conjunction" }).formatToParts(texts.length > 0 ? texts : []);
  return parts.map((part) => (part.type === "element" ? foreign(part.value) : part.value));
}

let fieldNumber = 0;

// A labelled input. -> {row, input}
export function field(label, attributes, hint = "") {
  const id = `field-${++fieldNumber}`;
  const input = make(attributes.rows ? "textarea" : "input", { id, ...attributes, "aria-describedby": hint ? `${id}-hint` : null });
  const row = make("div", { class: "field" }, make("label", { for: id }, label), input, hint && make("p", { class: "hint", id: `${id}-hint` }, hint));
  return { row, input };
}

const OUTLINES = {
  danger: "M12 3 2 20h20L12 3zm0 6v5m0 3v.5",
  notice: "M12 2a10 10 0 1 0 0 20 10 10 0 0 0 0-20zm0 5v.5m0 3.500v6",
  good: "M4 12.500 9.500 18 20 6.500",
  waiting: "M12 2a10 10 0 1 0 0 20 10 10 0 0 0 0-20zm0 4.500V12l4 2.500",
  ended: "M5 12h14",
  key: "M7.500 8a4 4 0 1 0 0 8 4 4 0 0 0 0-8zm4 4H21v4m-4-4v3",
};

// Decoration: what it means always stands beside it in words.
export function icon(name) {
  const space = "http://www.w3.org/2000/svg";
  const svg = document.createElementNS(space, "svg");
  for (const [key, value] of Object.entries({ viewBox: "0 0 24 24", class: "icon", "aria-hidden": "true", focusable: "false" })) svg.setAttribute(key, value);
  const path = document.createElementNS(space, "path");
  path.setAttribute("d", OUTLINES[name]);
  svg.append(path);
  return svg;
}

// Runs an action behind a button: once at a time, and whatever it throws goes to `failed`.
export async function busy(button, action, failed) {
  if (button.getAttribute("aria-disabled") === "true") return;
  button.setAttribute("aria-disabled", "true");
  try {
    await action();
  } catch (error) {
    failed(error);
  } finally {
    button.removeAttribute("aria-disabled");
  }
}
