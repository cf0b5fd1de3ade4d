// The worklist page: what the server cannot do for it.
import { listenToSound, ringForNew } from "./alerts.js";
import { localize, takeServerTime, tick } from "./clock.js";
import { one } from "./dom.js";
import { listenToFeedback, settleFeedback } from "./feedback.js";
import { listenToKeys } from "./keys.js";
import { closeStudy, markSelected, remember, showMovement, showShifts } from "./list.js";
import { follow } from "./live.js";
import { applyOutline, listenToOutline } from "./pictures.js";
import { listenToViewer, settleViewer } from "./slices.js";
import { listenToSteps } from "./steps.js";

function settle() {
  takeServerTime();
  tick();
  localize();
  applyOutline();
  settleViewer();
  settleFeedback();
  ringForNew();
  markSelected();
  const critical = Number(one("#list")?.dataset.critical || 0);
  document.title = `${critical ? `(${critical}) ` : ""}Worklist – PreRead`;
}

// What had the focus may be gone, as a row that was claimed: then the open study has it, else the
// list, and never another row, as a key would mean that one.
let hadFocus = false;
let opened = one("#study")?.dataset.study;
function keepFocus() {
  const study = one("#study")?.dataset.study;
  if (document.activeElement === document.body && (hadFocus || study !== opened)) {
    (one("#study-name") ?? one("#list")).focus({ preventScroll: true });
  }
  opened = study;
}

document.addEventListener("htmx:before:swap", () => {
  hadFocus = document.activeElement !== document.body;
  remember();
});
document.addEventListener("htmx:after:swap", () => { settle(); showMovement(); keepFocus(); });
document.addEventListener("htmx:after:settle", settle);
document.addEventListener("click", (event) => {
  const plain = !event.ctrlKey && !event.metaKey && !event.shiftKey;
  if (plain && event.target.closest("#study .back")) {
    event.preventDefault();
    closeStudy();
  }
  const row = event.target.closest(".row");
  const own = event.target.closest("a, button, input, select, summary, label");
  if (row && !own && !String(getSelection())) one("a.open", row).click();
});
const more = one(".more");
if (matchMedia("(max-width: 720px)").matches) more.open = false;
setInterval(() => { tick(); showShifts(); }, 1000);
follow();
listenToSteps();
listenToFeedback();
listenToKeys();
listenToOutline();
listenToViewer();
listenToSound();
settle();
