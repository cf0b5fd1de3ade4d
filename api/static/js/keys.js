// One key for everything a reader does all day; they can be switched off (WCAG 2.1.4).
import { all, one } from "./dom.js";
import { openCorrections } from "./feedback.js";
import { closeStudy } from "./list.js";
import { nextWindow, step } from "./slices.js";

const press = (selector, root) => one(selector, root)?.click();

function currentRow() {
  const focused = document.activeElement?.closest(".row");
  return focused ?? one(".row.selected");
}

function move(step) {
  const links = all("#list a.open");
  if (!links.length) return;
  const at = links.indexOf(one("a.open", currentRow() ?? undefined));
  const here = currentRow() ? at : -1;
  const next = here < 0 ? 0 : Math.max(0, Math.min(links.length - 1, here + step));
  links[next].focus();
  links[next].closest(".row").scrollIntoView({ block: "nearest" });
}

// The study that a key means: the row with the focus, else the one that is open.
const meant = () => document.activeElement?.closest(".row") ?? one("#study") ?? one(".row.selected");

const KEYS = {
  j: () => move(1),
  k: () => move(-1),
  n: () => press("#next button"),
  c: () => press("[data-key=c]", meant() ?? undefined),
  o: () => press("#outline"),
  w: nextWindow,
  v: () => one("#viewer input[type=range]")?.focus(),
  f: openCorrections,
  m: () => press("#sound"),
  "/": () => one("#search")?.focus(),
  "?": () => one("#help").showModal(),
  "[": () => step(-1),
  "]": () => step(1),
};
for (const score of "01234") KEYS[score] = () => press(`#study [data-score="${score}"]`);

const typing = (target) =>
  target.matches("input:not([type=radio], [type=checkbox], [type=range]), select, textarea");

export function listenToKeys() {
  const box = one("#single-keys");
  box.checked = localStorage.getItem("single-keys") !== "off";
  box.addEventListener("change", () => {
    localStorage.setItem("single-keys", box.checked ? "on" : "off");
  });
  one("#help-open").addEventListener("click", () => one("#help").showModal());
  document.addEventListener("keydown", (event) => {
    if (event.ctrlKey || event.metaKey || event.altKey || one("dialog[open]")) return;
    if (event.key === "Escape") {
      if (event.target.matches("input, select, textarea")) event.target.blur();
      else closeStudy();
    }
    if (typing(event.target) || !box.checked || !Object.hasOwn(KEYS, event.key)) return;
    KEYS[event.key]();
    event.preventDefault();
  });
}
