// What cannot be taken back is asked once more, on the button itself.
const ARM_MS = 5000;

function arm(button) {
  const words = button.textContent;
  button.dataset.armed = "true";
  button.textContent = "Press again to confirm";
  button.setAttribute("hx-morph-skip", ""); // news about the study must not disarm it
  setTimeout(() => {
    delete button.dataset.armed;
    button.removeAttribute("hx-morph-skip");
    if (button.isConnected) button.textContent = words;
  }, ARM_MS);
}

export function listenToArming() {
  document.addEventListener("click", (event) => {
    const button = event.target.closest("button[data-arm]");
    if (!button || button.dataset.armed) return;
    event.preventDefault();
    event.stopPropagation();
    arm(button);
  }, true);
}
