// What a person does to a study: forms that htmx posts; here their answers, and asking twice.
import { one, toast } from "./dom.js";
import { refreshSoon } from "./live.js";

const ARM_MS = 5000;

function arm(button) {
  const words = button.textContent;
  button.dataset.armed = "true";
  button.textContent = "Press again to confirm";
  setTimeout(() => {
    delete button.dataset.armed;
    if (button.isConnected) button.textContent = words;
  }, ARM_MS);
}

function reasonOf(text) {
  try {
    return JSON.parse(text).detail;
  } catch {
    return null;
  }
}

export function listenToSteps() {
  document.addEventListener("click", (event) => {
    const button = event.target.closest("button[data-arm]");
    if (!button || button.dataset.armed) return;
    event.preventDefault(); // what cannot be taken back is asked once more
    event.stopPropagation();
    arm(button);
  }, true);
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
