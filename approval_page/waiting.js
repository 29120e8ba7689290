// SPDX-License-Identifier: BSD-2-Clause
// Work that is done again and again while a view is shown.
import { passes } from "./api.js";

export const pause = (milliseconds, signal) => new Promise((resolve) => {
  const timer = setTimeout(resolve, milliseconds);
  signal.addEventListener("abort", () => { clearTimeout(timer); resolve(); }, { once: true });
});

const visible = (signal) => new Promise((resolve) => {
  if (!document.hidden || signal.aborted) return resolve();
  const look = () => { if (!document.hidden) resolve(); };
  document.addEventListener("visibilitychange", look, { signal });
  signal.addEventListener("abort", () => resolve(), { once: true });
});

// Calls `work` every so often, not while nobody looks, until `signal`. A service that is away is asked again later.
export async function later(milliseconds, signal, work) {
  while (!signal.aborted) {
    await pause(milliseconds, signal);
    await visible(signal);
    if (signal.aborted) return;
    try {
      await work();
    } catch (error) {
      if (!passes(error) && !signal.aborted) return;
    }
  }
}
