// Knowing when to ask again: an event of the service, or time itself while the line is down.
import { one, toast, whisper } from "./dom.js";

const REFRESH_MS = 350; // at most one refresh in this time, however many events come
const OFFLINE_REFRESH_MS = 20000;
const AIMING_MS = 1200; // so long the list waits for a person who is about to press a button in it
const SILENT_MS = 40000; // the service gives a sign of life every 15 s
const STALE_MS = 10000; // a line that comes back sooner is not worth an alarm
let lastSign = Date.now();
let refreshing = null;
let asked = 0;
let touched = new Set();
let ranks = 0;

function refresh() {
  refreshing = null;
  asked = 0;
  const selected = one("#study");
  document.body.dispatchEvent(new Event("refresh"));
  if (selected && touched.has(selected.dataset.study)) selected.dispatchEvent(new Event("refresh"));
  touched = new Set();
  if (ranks) whisper(`Worklist changed: ${ranks} ${ranks === 1 ? "study has" : "studies have"} a new place.`);
  ranks = 0;
}

function whenNobodyAims() {
  const aims = one(".row :is(button, a):hover:not(a.open)");
  if (aims && Date.now() - asked < AIMING_MS) refreshing = setTimeout(whenNobodyAims, 100);
  else refresh();
}

export function refreshSoon(study = null) {
  if (study) touched.add(study);
  asked ||= Date.now();
  refreshing ??= setTimeout(whenNobodyAims, REFRESH_MS);
}

function showState(state, words) {
  const live = one("#live");
  live.dataset.state = state;
  one("span", live).textContent = words;
}

const isLive = () => one("#live").dataset.state === "live";

function showStale() {
  const silent_ms = Date.now() - lastSign;
  const box = one("#stale");
  box.hidden = isLive() || silent_ms < STALE_MS;
  // By the minute, as an alarm that changes each second is read out each second.
  const words = silent_ms < 60000 ? "" : ` for ${Math.floor(silent_ms / 60000)} min`;
  const since = one(".since", box);
  if (since.textContent !== words) since.textContent = words;
}

// A line may die without a word: a VPN that went, a service that hangs. Then no sign of life comes.
function watch() {
  if (isLive() && Date.now() - lastSign > SILENT_MS) {
    showState("away", "Reconnecting…");
    one("#events")._htmx?.sse?.reader?.cancel();
  }
  showStale();
}

function signOfLife() {
  lastSign = Date.now();
}

// Who reads a study learns at once that it is theirs no longer; what they do then would be refused.
function tellOfLoss({ kind, study_id: study, detail }) {
  if (!one(`#study[data-study="${study}"] [data-mine]`)) return;
  if (kind === "taken_over") toast(`${detail.by} took this study over: ${detail.reason}`, "refused");
  if (kind === "claim_expired") toast("Your claim of this study ran out; it is back on the list.", "refused");
}

export function follow() {
  document.addEventListener("heartbeat", signOfLife);
  document.addEventListener("worklist", (event) => {
    signOfLife();
    const change = JSON.parse(event.detail.data);
    if (change.kind === "rank_changed") ranks += 1;
    tellOfLoss(change);
    refreshSoon(change.study_id);
  });
  document.addEventListener("htmx:sse:after:connection", () => {
    signOfLife();
    showState("live", "Live");
    showStale();
  });
  document.addEventListener("htmx:sse:error", () => showState("away", "Reconnecting…"));
  document.addEventListener("htmx:sse:close", () => showState("away", "Not live"));
  setInterval(() => { if (!isLive()) refreshSoon(); }, OFFLINE_REFRESH_MS);
  setInterval(watch, 1000);
}
