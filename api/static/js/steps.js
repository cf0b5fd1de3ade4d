// What a person does to a study: forms that htmx posts; here their answers.
import { listenToArming } from "./arm.js";
import { all, one, toast } from "./dom.js";
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

// By the rubric, 0 of a flagged study says that nothing is there, and else that something was missed.
function readyToJudge(form, score) {
  const types = all("[name=types]", form);
  if (score !== "0") return true;
  if ("flagged" in form.dataset) for (const type of types) type.checked = false;
  else if (!types.some((type) => type.checked)) {
    toast("Tick first what AI missed.", "refused");
    types[0].focus();
    return false;
  }
  return true;
}

export function listenToSteps() {
  document.addEventListener("click", (event) => {
    const button = event.target.closest("#feedback [data-score]");
    if (button && !readyToJudge(button.form, button.dataset.score)) {
      event.preventDefault();
      event.stopPropagation();
    }
  }, true);
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
