// Clocks that run. The server's clock counts: that of the browser may be wrong.
import { all, one } from "./dom.js";

const SOON_S = 300;
let offset = 0;

export function takeServerTime() {
  const now = one("#list")?.dataset.now;
  if (now) offset = Date.parse(now) - Date.now();
}

function span(seconds) {
  const whole = Math.floor(Math.abs(seconds));
  const hours = Math.floor(whole / 3600);
  const minutes = Math.floor((whole % 3600) / 60);
  const pad = (number) => String(number).padStart(2, "0");
  return hours ? `${hours}\u00a0h ${pad(minutes)}\u00a0min` : `${minutes}:${pad(whole % 60)}\u00a0min`;
}

function show(time, now) {
  const due = Date.parse(time.dataset.due);
  const left = (due - now) / 1000;
  const words = left < 0 ? `${span(left)} late` : `${span(left)} left`;
  if (time.textContent === words) return;
  time.textContent = words;
  const cell = time.parentNode;
  const state = left < 0 ? "late" : left < SOON_S ? "soon" : "";
  if (cell.dataset.state !== state) cell.dataset.state = state;
  const bar = one(".bar i", cell);
  const share = Math.max(0, Math.min(1, (due - now) / (due - Date.parse(time.dataset.from))));
  const width = `${Math.round((left < 0 ? 1 : share) * 100)}%`;
  if (bar && bar.style.width !== width) bar.style.width = width;
}

// How many waiting studies are late or about to be: the rows themselves may be far down the list.
function showHurry() {
  const box = one(".hurry");
  if (!box) return;
  const late = all('.rows .due[data-state="late"]').length;
  const soon = all('.rows .due[data-state="soon"]').length;
  const parts = [late && `${late} past ${late === 1 ? "its" : "their"} time`, soon && `${soon} due within ${SOON_S / 60} min`];
  const words = [parts.filter(Boolean).join(", "), box.dataset.part].filter(Boolean).join(" ");
  box.hidden = !late && !soon;
  box.dataset.state = late ? "late" : "soon";
  if (box.textContent !== words) box.textContent = words;
}

export function tick() {
  const now = Date.now() + offset;
  for (const time of all("time[data-due]")) show(time, now);
  showHurry();
  for (const time of all("time[data-since]")) {
    time.textContent = `${span((now - Date.parse(time.dataset.since)) / 1000)}`;
  }
}

export function localize() {
  for (const time of all("time[data-local]")) {
    time.textContent = new Date(time.dateTime).toLocaleString([], {
      day: "2-digit", month: "short", hour: "2-digit", minute: "2-digit", second: "2-digit", hourCycle: "h23",
    });
  }
}
