// Takes the key out of the address, where the demo puts it, before anything can remember it.
(() => {
  const key = new URLSearchParams(location.hash.slice(1)).get("key");
  if (!key) return;
  history.replaceState(null, "", location.pathname + location.search);
  document.getElementById("key").value = key;
  document.querySelector("button[type=submit]").focus();
})();
