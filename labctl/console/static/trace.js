// Filters of the waterfall, and opening the span that the address names.
"use strict";
const waterfall = document.querySelector(".waterfall");

for (const [id, name] of [["only-critical", "show-critical"], ["only-errors", "show-errors"]]) {
  const box = document.getElementById(id);
  const apply = () => waterfall.classList.toggle(name, box.checked);
  box.addEventListener("change", apply);
  apply();
}

function openNamed() {
  const named = location.hash && document.getElementById(decodeURIComponent(location.hash.slice(1)));
  if (named instanceof HTMLDetailsElement) named.open = true;
}
addEventListener("hashchange", openNamed);
openNamed();
