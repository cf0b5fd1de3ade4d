// All slices of a study: scrolled by wheel, keys or slider, in three windows, with or without outlines.
import { all, one } from "./dom.js";

const WHEEL_PX = 40;
const LATE_MS = 200; // a slice that takes longer must not be taken for the one that is still shown
const AHEAD = 3; // slices fetched beyond the one that is shown, on either side

let shown = null; // what the viewer on the page shows: its element, the slices, the index
const kept = (name, otherwise) => sessionStorage.getItem(name) ?? otherwise;

function addressOf(index) {
  const overlay = one("#outline")?.checked ? "&overlay=true" : "";
  return `${shown.slices[index].url}&window=${one("#viewer [name=window]:checked").value}${overlay}`;
}

function fetchAhead(index) {
  for (let step = 1; step <= AHEAD; step += 1) {
    for (const near of [index + step, index - step]) {
      if (shown.slices[near]) new Image().src = addressOf(near);
    }
  }
}

async function show(index) {
  const { figure, slices } = shown;
  shown.index = Math.max(0, Math.min(slices.length - 1, index));
  const slice = slices[shown.index];
  const address = addressOf(shown.index);
  const slider = one("input[type=range]", figure);
  slider.value = shown.index;
  const names = slice.finding_ids.map((id) => shown.types.get(id)).join(", ");
  const words = `Slice ${shown.index + 1} of ${slices.length}${names ? `, outlined: ${names}` : ""}`;
  slider.setAttribute("aria-valuetext", words);
  one("output", figure).textContent = words;
  for (const button of all("#study [data-slice]")) {
    button.setAttribute("aria-pressed", String(Number(button.dataset.slice) === shown.index));
  }
  const isWanted = () => shown.figure === figure && shown.index === slice.index && addressOf(shown.index) === address;
  const tell = (picture, more) => {
    if (!isWanted()) return;
    figure.dataset.picture = picture;
    one("output", figure).textContent = `${words}${more}`;
  };
  const late = setTimeout(tell, LATE_MS, "late", ": loading …");
  const next = new Image();
  next.src = address;
  try {
    await next.decode();
  } catch {
    tell("missing", ": cannot be shown");
    return;
  } finally {
    clearTimeout(late);
  }
  if (!isWanted()) return;
  tell("shown", "");
  const image = one("img", figure);
  image.src = address;
  image.alt = `Slice ${shown.index + 1} of ${slices.length}${names ? `: suspected ${names} outlined` : ""}`;
  fetchAhead(shown.index);
}

// Where along the head each finding lies, beside the slider; the words say the same.
function drawMarks(answer) {
  const marks = one(".marks", shown.figure);
  const colors = new Map(answer.findings.map((finding) => [finding.finding_id, finding.color]));
  marks.replaceChildren();
  for (const slice of answer.slices) {
    const cell = document.createElement("i");
    const own = slice.finding_ids.map((id) => colors.get(id));
    if (own.length) cell.style.background = own[0];
    marks.append(cell);
  }
}

async function open(figure) {
  const answer = await fetch(figure.dataset.slices, { credentials: "same-origin" })
    .then((got) => (got.ok ? got.json() : null)).catch(() => null);
  if (!answer?.count || !figure.isConnected) return; // the key images stay
  const types = new Map(answer.findings.map((finding) => [finding.finding_id, finding.type]));
  shown = { figure, slices: answer.slices, types, index: Number(figure.dataset.start) };
  one(`[name=window][value="${kept("window", "brain")}"]`, figure).checked = true;
  one("input[type=range]", figure).max = answer.count - 1;
  figure.dataset.ready = "true";
  drawMarks(answer);
  show(shown.index);
}

// Called whenever the pane may have changed.
export function settleViewer() {
  const figure = one("#viewer");
  if (!figure || figure.dataset.opened) return;
  figure.dataset.opened = "true";
  open(figure);
}

export const step = (by) => { if (shown?.figure.isConnected) show(shown.index + by); };

export function nextWindow() {
  const choices = all("#viewer [name=window]");
  const at = choices.findIndex((choice) => choice.checked);
  choices[(at + 1) % choices.length]?.click();
}

let travelled = 0;
function turnWheel(event) {
  if (event.ctrlKey || !event.target.closest(".viewer[data-ready] .stage")) return;
  event.preventDefault();
  travelled += event.deltaMode === WheelEvent.DOM_DELTA_PIXEL ? event.deltaY : event.deltaY * WHEEL_PX;
  const steps = Math.trunc(travelled / WHEEL_PX);
  travelled -= steps * WHEEL_PX;
  if (steps) step(-steps); // down is toward the feet
}

export function listenToViewer() {
  document.addEventListener("wheel", turnWheel, { passive: false });
  document.addEventListener("input", (event) => {
    if (event.target.matches("#viewer input[type=range]")) show(Number(event.target.value));
  });
  document.addEventListener("change", (event) => {
    if (event.target.matches("#viewer [name=window]")) sessionStorage.setItem("window", event.target.value);
    if (shown?.figure.isConnected && event.target.matches("#viewer [name=window], #outline")) show(shown.index);
  });
  document.addEventListener("click", (event) => {
    const button = event.target.closest("#study [data-slice]");
    if (button && shown?.figure.isConnected) show(Number(button.dataset.slice));
    if (event.target.closest(".viewer .stage")) one("#viewer input[type=range]").focus();
  });
}
