// The list while it changes: what is selected, what moved and how far, and where the person looks.
import { all, one } from "./dom.js";

const SHOWN_MS = 8000;
const GLIDE_MS = 400;
const still = matchMedia("(prefers-reduced-motion: reduce)");
let before = null;
const moved = new Map(); // study -> words and until when they stand beside its position

export function markSelected() {
  const selected = one("#study")?.dataset.study;
  one("main").classList.toggle("with-study", Boolean(selected));
  for (const row of all(".row.selected, .row:has([aria-current])")) {
    if (row.dataset.study !== selected) {
      row.classList.remove("selected");
      one("a.open", row).removeAttribute("aria-current");
    }
  }
  const row = selected && document.getElementById(`row-${selected}`);
  if (!row) return;
  row.classList.add("selected");
  one("a.open", row).setAttribute("aria-current", "true");
}

// Away with the open study; the focus goes to its row, where the person came from.
export function closeStudy() {
  const back = one("#study .back");
  if (!back) return;
  const row = document.getElementById(`row-${one("#study").dataset.study}`);
  one("#detail").replaceChildren();
  history.pushState(null, "", back.href);
  markSelected();
  one("a.open", row ?? one("#list"))?.focus();
}

const inView = (box) => box.bottom > 0 && box.top < innerHeight;

// The row that must not jump: the one with the focus, else the first on the screen.
function anchorOf(rows) {
  const focused = document.activeElement?.closest(".row");
  if (focused && inView(focused.getBoundingClientRect())) return focused;
  return scrollY > 0 ? rows.find((row) => inView(row.getBoundingClientRect())) : null;
}

export function remember() {
  const rows = all(".row");
  const anchor = anchorOf(rows);
  before = {
    order: rows.map((row) => row.dataset.study),
    tops: new Map(
      rows.map((row) => [row, row.getBoundingClientRect()])
        .filter(([, box]) => inView(box)).map(([row, box]) => [row.dataset.study, box.top]),
    ),
    query: one("#list").getAttribute("hx-get"),
    anchor: anchor && { study: anchor.dataset.study, top: anchor.getBoundingClientRect().top },
  };
}

export function showMovement() {
  const seen = before;
  before = null;
  if (!seen || seen.query !== one("#list").getAttribute("hx-get")) return; // another list
  const anchor = seen.anchor && scrollY > 0 && document.getElementById(`row-${seen.anchor.study}`);
  if (anchor) scrollBy(0, anchor.getBoundingClientRect().top - seen.anchor.top);
  const rows = all(".row");
  const until = Date.now() + SHOWN_MS;
  for (const [study, by] of risen(seen.order, rows.map((row) => row.dataset.study))) {
    moved.set(study, { words: by ? `▲ ${by}` : "new", until });
  }
  for (const row of rows) glide(row, seen.tops.get(row.dataset.study));
  showShifts();
}

// Who passed others, and how many; 0 for who was not here. Others' leaving moves nobody.
function risen(old, now) {
  const stayed = new Set(now);
  const was = new Map(old.filter((study) => stayed.has(study)).map((study, place) => [study, place]));
  const found = [];
  let place = 0;
  for (const study of now) {
    if (!was.has(study)) found.push([study, 0]);
    else if (was.get(study) > place++) found.push([study, was.get(study) - place + 1]);
  }
  return found;
}

function glide(row, top) {
  if (still.matches || top === undefined) return;
  const by = top - row.getBoundingClientRect().top;
  if (Math.abs(by) < 1 || Math.abs(by) > 2 * innerHeight) return;
  row.animate([{ transform: `translateY(${by}px)` }, { transform: "none" }], {
    duration: GLIDE_MS, easing: "ease-out",
  });
}

export function showShifts() {
  const now = Date.now();
  for (const [study, { words, until }] of moved) {
    const place = document.getElementById(`row-${study}`)?.querySelector(".position");
    if (until < now) moved.delete(study);
    if (place && until < now) delete place.dataset.shift;
    else if (place) place.dataset.shift = words;
  }
}
