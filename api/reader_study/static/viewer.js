// Slices of one case: wheel, keys and slider, three windows, the outline once it may be shown.
(() => {
  "use strict";
  const viewer = document.querySelector("#viewer");
  const picture = viewer.querySelector(".picture");
  const slider = document.querySelector("#index");
  const where = document.querySelector("#where");
  const box = document.querySelector("#show-outline");
  const buttons = [...document.querySelectorAll("[data-window]")];
  const number = viewer.dataset.case;
  const count = Number(viewer.dataset.slices);
  const outlined = new Set(viewer.dataset.outlined.split(" ").filter(Boolean).map(Number));
  const kept = new Map(); // pictures stay here: the server lets no browser store them
  let view = "brain";
  let index = Number(slider.value) - 1;
  let wheel = 0;

  const urlOf = (at) => `/cases/${number}/${view}/${at}.png`;
  const outlineOf = (at) => `/cases/${number}/outlines/${at}`;
  function keep(url) {
    if (!kept.has(url)) {
      const image = new Image();
      image.alt = "";
      image.draggable = false;
      image.src = url;
      kept.set(url, image);
    }
    return kept.get(url);
  }
  async function show() {
    const at = index;
    const wanted = view;
    slider.value = at + 1;
    where.textContent = `${at + 1} / ${count}`;
    const layers = [keep(urlOf(at))];
    if (box?.checked && outlined.has(at)) layers.push(keep(outlineOf(at)));
    await Promise.allSettled(layers.map((image) => image.decode()));
    if (at !== index || wanted !== view) return; // the reader went on meanwhile
    layers[0].alt = `Slice ${at + 1} of ${count}, ${view} window; the patient's right is on the left`;
    picture.replaceChildren(...layers);
    for (const near of [at + 1, at - 1, at + 2, at - 2]) if (near >= 0 && near < count) keep(urlOf(near));
  }
  function go(to) {
    index = Math.max(0, Math.min(count - 1, to));
    show();
  }
  function choose(name) {
    view = name;
    for (const button of buttons) button.setAttribute("aria-pressed", String(button.dataset.window === name));
    show();
  }
  viewer.addEventListener("wheel", (event) => {
    event.preventDefault();
    wheel += event.deltaY;
    if (Math.abs(wheel) < 20) return; // a touchpad sends many small ones
    go(index - Math.sign(wheel));
    wheel = 0;
  }, { passive: false });
  slider.addEventListener("input", () => go(Number(slider.value) - 1));
  box?.addEventListener("change", show);
  for (const button of buttons) button.addEventListener("click", () => choose(button.dataset.window));

  document.addEventListener("keydown", (event) => {
    if (event.ctrlKey || event.metaKey || event.altKey || event.target.matches("textarea, select")) return;
    const key = event.key;
    if (key === "j" || key === "ArrowDown" || key === "PageDown") go(index - 1);
    else if (key === "k" || key === "ArrowUp" || key === "PageUp") go(index + 1);
    else if (key === "w") choose(buttons[(buttons.findIndex((one) => one.dataset.window === view) + 1) % buttons.length].dataset.window);
    else if (key === "o" && box) { box.checked = !box.checked; show(); }
    else return;
    event.preventDefault();
  });
  show();
})();
