// Key images with or without outlines, as the person left it.
import { all, one } from "./dom.js";

export function applyOutline() {
  const box = one("#outline");
  const shown = sessionStorage.getItem("outline") !== "off";
  if (box) box.checked = shown;
  for (const image of all("img[data-overlay]")) {
    const wanted = shown ? image.dataset.overlay : image.dataset.plain;
    if (image.getAttribute("src") !== wanted) image.setAttribute("src", wanted);
  }
}

export function listenToOutline() {
  document.addEventListener("change", (event) => {
    if (event.target.id !== "outline") return;
    sessionStorage.setItem("outline", event.target.checked ? "on" : "off");
    applyOutline();
  });
}
