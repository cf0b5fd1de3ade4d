// The two questions that every script here asks the document.
export const one = (selector, root = document) => root.querySelector(selector);
export const all = (selector, root = document) => [...root.querySelectorAll(selector)];

// Words for the person: a short sentence on the screen, or one for screen readers alone.
const TOAST_MS = 6000;
let fading = null;
export function toast(text, kind = "done") {
  const box = one("#toast");
  box.dataset.kind = kind;
  box.textContent = text;
  clearTimeout(fading);
  fading = setTimeout(() => { box.textContent = ""; }, TOAST_MS);
}
export const whisper = (text) => { one("#say").textContent = text; };
