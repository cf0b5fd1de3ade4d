// What a reader says of a pre-read: one key for the score, a few more for what is really there.
import { all, one, toast } from "./dom.js";

const form = () => one("#feedback");

// Places are sent only by who opened the corrections: a score alone says nothing about them.
export function settleFeedback() {
  const corrections = one("#corrections");
  if (corrections) one("fieldset", corrections).disabled = !corrections.open;
}

export function openCorrections() {
  const corrections = one("#corrections");
  if (!corrections) return;
  corrections.open = true;
  settleFeedback();
  one("[name=types]", form()).focus();
}

function untickAll() {
  for (const box of all("[name=types], [name=places]", form())) box.checked = false;
  one("[name=volume][value='']", form()).checked = true;
}

function refuse(why) {
  toast(why, "refused");
  one("[name=types]", form()).focus();
  return false;
}

// By the rubric, 0 of a flagged study says that nothing is there, and else that something was missed.
// Nothing there and nothing flagged has no score: «4», all right, is then the button that says so.
function readyToJudge(score) {
  const nothingThere = !one("[name=types]:checked", form());
  if (!("flagged" in form().dataset)) {
    if (!nothingThere) return true;
    if (score !== "4") return refuse("Tick first what AI missed.");
    one("#no-bleed").click();
    return false;
  }
  if (score === "0") untickAll();
  else if (nothingThere) return refuse("With nothing there it is a false alarm: 0.");
  return true;
}

function addPlace() {
  const [side, region] = [one("[name=side]", form()), one("[name=region]", form())];
  if (!region.value) return region.focus();
  const value = side.value ? `${region.value}:${side.value}` : region.value;
  let box = one(`[name=places][value="${value}"]`, form());
  if (!box) {
    const label = document.createElement("label");
    const words = document.createElement("span");
    box = Object.assign(document.createElement("input"), { type: "checkbox", name: "places", value });
    words.textContent = `${side.value ? `${side.selectedOptions[0].text} ` : ""}${region.selectedOptions[0].text}`;
    label.append(box, " ", words);
    one("#places").append(label);
  }
  box.checked = true;
  region.value = "";
  region.focus();
}

function enter(event) {
  if (event.key !== "Enter" || !event.target.matches("#feedback :is(input, select)")) return;
  event.preventDefault(); // or the browser would press the first button it finds
  if (event.target.matches(".one-more select")) addPlace();
  else one("#save-corrections")?.click();
}

export function listenToFeedback() {
  document.addEventListener("click", (event) => {
    if (event.target.closest("[data-add-place]")) addPlace();
    if (event.target.closest("#feedback :is([data-cause], #no-bleed)")) untickAll();
    const button = event.target.closest("#feedback [data-score]");
    if (button && !readyToJudge(button.dataset.score)) {
      event.preventDefault();
      event.stopPropagation();
    }
  }, true);
  document.addEventListener("keydown", enter);
  document.addEventListener("toggle", (event) => {
    if (event.target.id === "corrections") settleFeedback();
  }, true);
  // What is being corrected must not be put back by news about the study.
  document.addEventListener("change", (event) => {
    if (event.target.closest("#feedback")) form().setAttribute("hx-morph-skip", "");
  });
  document.addEventListener("htmx:after:request", (event) => {
    if (event.target.closest?.("#feedback")) form()?.removeAttribute("hx-morph-skip");
  });
}
