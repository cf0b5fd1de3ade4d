// What the server cannot do for the page: clocks that run, keys, and knowing when to ask again.
(() => {
  "use strict";
  const REFRESH_MS = 400; // at most one refresh in this time, however many events come
  const OFFLINE_REFRESH_MS = 20000;
  const ARM_MS = 5000;
  const one = (selector, root = document) => root.querySelector(selector);
  const all = (selector, root = document) => [...root.querySelectorAll(selector)];

  // Clocks. The server's clock counts: that of the browser may be wrong.
  let offset = 0;
  function takeTime() {
    const now = one("#list")?.dataset.now;
    if (now) offset = Date.parse(now) - Date.now();
  }
  function span(seconds) {
    const whole = Math.floor(Math.abs(seconds));
    const hours = Math.floor(whole / 3600);
    const minutes = Math.floor((whole % 3600) / 60);
    const pad = (number) => String(number).padStart(2, "0");
    return hours ? `${hours} h ${pad(minutes)}` : `${minutes}:${pad(whole % 60)}`;
  }
  function tick() {
    const now = Date.now() + offset;
    for (const time of all("time[data-due]")) {
      const due = Date.parse(time.dataset.due);
      const left = (due - now) / 1000;
      const share = Math.max(0, Math.min(1, (due - now) / (due - Date.parse(time.dataset.from))));
      const state = left < 0 ? "late" : left < 300 ? "soon" : "";
      time.textContent = left < 0 ? `${span(left)} late` : `${span(left)} left`;
      time.title = new Date(due).toLocaleString();
      time.parentNode.dataset.state = state;
      const bar = one(".bar i", time.parentNode);
      if (bar) bar.style.width = `${(left < 0 ? 1 : share) * 100}%`;
    }
  }
  function localize() {
    for (const time of all("time[data-local]")) {
      time.textContent = new Date(time.dateTime).toLocaleString([], {
        day: "2-digit", month: "short", hour: "2-digit", minute: "2-digit", second: "2-digit",
      });
    }
  }

  // What stays as the person left it.
  function applyOutline() {
    const box = one("#outline");
    const shown = sessionStorage.getItem("outline") !== "off";
    if (box) box.checked = shown;
    for (const image of all("img[data-overlay]")) {
      const wanted = shown ? image.dataset.overlay : image.dataset.plain;
      if (image.getAttribute("src") !== wanted) image.setAttribute("src", wanted);
    }
  }
  function markSelected() {
    const selected = one("#study")?.dataset.study;
    one("main").classList.toggle("with-study", Boolean(selected));
    for (const row of all(".row")) {
      const here = row.dataset.study === selected;
      row.classList.toggle("selected", here);
      const link = one("a.open", row);
      if (here) link.setAttribute("aria-current", "true");
      else link.removeAttribute("aria-current");
    }
  }
  function settle() {
    takeTime();
    tick();
    localize();
    applyOutline();
    markSelected();
    const critical = Number(one("#list")?.dataset.critical || 0);
    document.title = `${critical ? `(${critical}) ` : ""}Worklist – PreRead`;
  }
  const say = (text) => { one("#say").textContent = text; };

  // Live.
  let refreshing = null;
  let touched = new Set();
  let ranks = 0;
  function refreshSoon() {
    refreshing ??= setTimeout(() => {
      refreshing = null;
      const selected = one("#study");
      document.body.dispatchEvent(new Event("refresh"));
      if (selected && touched.has(selected.dataset.study)) selected.dispatchEvent(new Event("refresh"));
      touched = new Set();
      if (ranks) say(`Worklist changed: ${ranks} ${ranks === 1 ? "study has" : "studies have"} a new place.`);
      ranks = 0;
    }, REFRESH_MS);
  }
  document.addEventListener("worklist", (event) => {
    const change = JSON.parse(event.detail.data);
    touched.add(change.study_id);
    if (change.kind === "rank_changed") ranks += 1;
    refreshSoon();
  });
  function showState(state, words) {
    const live = one("#live");
    live.dataset.state = state;
    one("span", live).textContent = words;
  }
  document.addEventListener("htmx:sse:after:connection", () => showState("live", "Live"));
  document.addEventListener("htmx:sse:error", () => showState("away", "Reconnecting…"));
  document.addEventListener("htmx:sse:close", () => showState("away", "Not live"));
  setInterval(() => { if (one("#live").dataset.state !== "live") refreshSoon(); }, OFFLINE_REFRESH_MS);

  // Keys and clicks.
  const links = () => all("#list a.open");
  function move(step) {
    const list = links();
    if (!list.length) return;
    const here = list.indexOf(document.activeElement.closest?.(".row")?.querySelector("a.open"));
    const current = here >= 0 ? here : list.findIndex((link) => link.hasAttribute("aria-current"));
    const next = current < 0 ? 0 : Math.max(0, Math.min(list.length - 1, current + step));
    list[next].focus();
    list[next].closest(".row").scrollIntoView({ block: "nearest" });
  }
  document.addEventListener("keydown", (event) => {
    if (event.ctrlKey || event.metaKey || event.altKey) return;
    if (event.target.matches("input:not([type=radio], [type=checkbox]), select, textarea")) return;
    if (event.key === "j") move(1);
    else if (event.key === "k") move(-1);
    else if (event.key === "o") one("#outline")?.click();
    else return;
    event.preventDefault();
  });
  document.addEventListener("change", (event) => {
    if (event.target.id !== "outline") return;
    sessionStorage.setItem("outline", event.target.checked ? "on" : "off");
    applyOutline();
  });
  document.addEventListener("click", (event) => {
    const button = event.target.closest("button[data-report]");
    if (button) { report(button); return; }
    const row = event.target.closest(".row");
    if (row && !event.target.closest("a, button") && !String(getSelection())) one("a.open", row).click();
  });

  // A report cannot be taken back, so the button asks once more.
  async function report(button) {
    if (!button.dataset.armed) {
      const words = button.textContent;
      button.dataset.armed = "true";
      button.textContent = "Press again to confirm";
      setTimeout(() => { delete button.dataset.armed; if (!button.disabled) button.textContent = words; }, ARM_MS);
      return;
    }
    button.disabled = true;
    const answer = await fetch(`/v1/studies/${button.dataset.study}/report`, {
      method: "POST",
      credentials: "same-origin",
      headers: { "Content-Type": "application/json" },
      body: JSON.stringify({ status: button.dataset.report }),
    }).catch(() => null);
    const body = answer ? await answer.json().catch(() => null) : null;
    if (answer?.ok) say(`Reported after ${span(body.turnaround.total_s)}.`);
    else {
      button.disabled = false;
      button.textContent = body?.detail ?? "The service did not answer. Try again.";
    }
    touched.add(button.dataset.study);
    if (answer?.ok) refreshSoon();
  }

  document.addEventListener("htmx:after:swap", settle);
  document.addEventListener("htmx:after:settle", settle);
  setInterval(tick, 1000);
  settle();
})();
