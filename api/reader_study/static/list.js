// The list of cases by keys: j and k go on and back, Enter opens.
(() => {
  "use strict";
  const links = [...document.querySelectorAll("#next, .cases a")];
  if (document.activeElement === document.body) links[0]?.focus();
  document.addEventListener("keydown", (event) => {
    if (event.ctrlKey || event.metaKey || event.altKey) return;
    const step = { j: 1, ArrowDown: 1, k: -1, ArrowUp: -1 }[event.key];
    if (!step) return;
    event.preventDefault();
    const at = links.indexOf(document.activeElement);
    links[Math.max(0, Math.min(links.length - 1, at + step))]?.focus();
  });
})();
