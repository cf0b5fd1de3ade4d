// The answer: types by keys, the score by a digit, Enter sends; and the time the page is really looked at.
(() => {
  "use strict";
  const form = document.querySelector("#answer");
  const missing = document.querySelector("#missing");
  const all = (selector, root = form) => [...root.querySelectorAll(selector)];
  const none = form.elements.no_hemorrhage;
  const scored = form.dataset.step === "score";
  const typeKeys = { p: "IPH", d: "SDH", v: "IVH", a: "SAH", e: "EDH" };

  // Time in front of the reader; a reload goes on with it, a hidden page stops it.
  const slot = `visible:${location.pathname}:${form.dataset.step}`;
  let counted = Number(sessionStorage.getItem(slot)) || 0;
  let since = document.hidden ? null : performance.now();
  function visible() {
    return Math.round(counted + (since === null ? 0 : performance.now() - since));
  }
  function pause() {
    counted = visible();
    since = null;
    sessionStorage.setItem(slot, String(Math.round(counted)));
  }
  document.addEventListener("visibilitychange", () => {
    if (document.hidden) pause();
    else since = performance.now();
  });
  window.addEventListener("pagehide", () => { if (since !== null) pause(); });

  function show() {
    for (const type of all(".type")) {
      const ticked = type.querySelector("input").checked;
      const places = type.querySelector(".places");
      places.hidden = !ticked;
      for (const select of all("select", places)) select.disabled = !ticked;
    }
    if (!scored) return;
    const bleeds = all("input[name=type]:checked").length > 0;
    for (const radio of all("input[name=score]")) {
      radio.disabled = none.checked;
      if (none.checked) radio.checked = false;
    }
    const chosen = form.querySelector("input[name=score]:checked");
    document.querySelector("#meaning").textContent = none.checked
      ? "A study without hemorrhage has no score."
      : chosen ? `${chosen.value}: ${chosen.closest("label").title}` : bleeds ? "Press 0 to 4." : "";
  }
  function complaint() {
    const ticked = all("input[name=type]:checked");
    if (!ticked.length && !none.checked) return "Tick each type that you see, or «no hemorrhage».";
    for (const box of ticked) {
      const sides = all(`select[name="side-${box.value}"]`);
      const named = sides.filter((side) => side.value || side.nextElementSibling.value);
      if (!named.length || named.some((side) => !side.value)) return `Give the side of each ${box.value}.`;
    }
    if (scored && ticked.length && !form.querySelector("input[name=score]:checked")) return "Give a score from 0 to 4.";
    if (scored && ticked.length && form.dataset.flagged === "no" && !form.querySelector("input[name=score][value='0']:checked")) {
      return "The pre-read says «none»: of a bleed that it missed the score is 0.";
    }
    if (scored && none.checked && form.dataset.flagged === "yes" && !form.elements.fp_cause.value) {
      return "The study was flagged and you see no hemorrhage: say what caused it.";
    }
    return "";
  }
  function toggle(box) {
    box.checked = !box.checked;
    box.dispatchEvent(new Event("change", { bubbles: true }));
  }
  form.addEventListener("change", (event) => {
    if (event.target === none && none.checked) for (const box of all("input[name=type]")) box.checked = false;
    else if (event.target.name === "type" && event.target.checked) none.checked = false;
    missing.hidden = true;
    show();
    if (event.target.name === "type" && event.target.checked) {
      const side = event.target.closest(".type").querySelector("select");
      if (!side.value) side.focus();
    }
  });
  form.addEventListener("click", (event) => {
    if (!event.target.matches(".add")) return;
    const rows = event.target.parentNode.querySelectorAll(".place");
    const fresh = rows[rows.length - 1].cloneNode(true);
    for (const select of fresh.querySelectorAll("select")) select.value = "";
    event.target.before(fresh);
    fresh.querySelector("select").focus();
  });
  form.addEventListener("submit", (event) => {
    const words = complaint();
    if (words) {
      event.preventDefault();
      missing.textContent = words;
      missing.hidden = false;
      missing.scrollIntoView({ block: "nearest" });
      return;
    }
    form.elements.visible_ms.value = String(visible());
    sessionStorage.removeItem(slot);
    since = null; // the page goes away: nothing more is counted
    counted = 0;
  });
  document.addEventListener("keydown", (event) => {
    if (event.ctrlKey || event.metaKey || event.altKey || event.isComposing) return;
    const target = event.target;
    if (target.matches("textarea, button, summary, a")) return;
    if (event.key === "Enter") {
      event.preventDefault();
      form.requestSubmit();
      return;
    }
    if (event.key === "Escape") document.querySelector("#viewer").focus();
    if (target.matches("select")) return; // letters choose an option there
    if (typeKeys[event.key]) toggle(form.querySelector(`input[value="${typeKeys[event.key]}"]`));
    else if (event.key === "n") toggle(none);
    else if (scored && /^[0-4]$/.test(event.key)) {
      const radio = form.querySelector(`input[name=score][value="${event.key}"]`);
      if (radio.disabled) return;
      radio.checked = true;
      show();
    } else return;
    event.preventDefault();
  });
  show();
})();
