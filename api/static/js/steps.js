// What a person does to a study: forms that htmx posts; here their answers.
import { listenToArming } from "./arm.js";
import { one, toast } from "./dom.js";
import { refreshSoon } from "./live.js";

const HEARTBEAT_MS = 60000;

function reasonOf(text) {
  try {
    return JSON.parse(text).detail;
  } catch {
    return null;
  }
}

// While the page is open its claims live; the cookies with their tokens are not for scripts.
function keepClaims() {
  if (!one(".taken [data-mine]") && !one("#study [data-mine]")) return;
  fetch("/heartbeat", { method: "POST", credentials: "same-origin" }).catch(() => null);
}

export function listenToSteps() {
  setInterval(keepClaims, HEARTBEAT_MS);
  listenToArming();
  document.addEventListener("step-done", (event) => {
    toast(event.detail.said);
    refreshSoon(one("#study")?.dataset.study);
  });
  document.addEventListener("htmx:response:error", (event) => {
    const { response, text } = event.detail.ctx;
    if (response.status === 401) return; // the page goes to the sign-in
    toast(reasonOf(text) ?? "The service refused this. Nothing was changed.", "refused");
    refreshSoon(one("#study")?.dataset.study);
  });
  document.addEventListener("htmx:error", (event) => {
    if (event.detail.ctx?.request?.method === "POST") {
      toast("The service did not answer. Try again.", "refused");
    }
  });
}
