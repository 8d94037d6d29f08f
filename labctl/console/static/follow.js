// Follows the log search live. Every answer overlaps the last one, since lines arrive out of order; rows are told apart
// by their key. Rows are rendered (and escaped) by the server.
"use strict";
const box = document.getElementById("follow");
const rows = document.getElementById("log-rows");
const state = document.getElementById("follow-state");
const EVERY_MS = 1000;
const MAX_ROWS = 1000;
let timer = null;
let arrived = 0;

async function look() {
  const query = new URLSearchParams(new FormData(document.querySelector("form.search")));
  query.set("after_ns", box.dataset.after);
  try {
    const answer = await fetch(`${box.dataset.source}?${query}`, { cache: "no-store" });
    if (!answer.ok) throw new Error(`status ${answer.status}`);
    const page = new DOMParser().parseFromString(await answer.text(), "text/html");
    const body = page.querySelector("tbody");
    box.dataset.after = body.dataset.after;
    add([...body.rows]);
    state.textContent = `following, ${arrived} new`;
    state.classList.remove("bad-text");
  } catch {
    state.textContent = "Loki cannot be asked; trying again";
    state.classList.add("bad-text");
  }
  if (box.checked) timer = setTimeout(look, EVERY_MS);
}

function add(found) {
  const known = new Set([...rows.rows].map((row) => row.dataset.key));
  const fresh = found.filter((row) => !known.has(row.dataset.key));
  for (const row of fresh) row.classList.add("fresh");
  rows.prepend(...fresh);
  arrived += fresh.length;
  while (rows.rows.length > MAX_ROWS) rows.lastElementChild.remove();
}

if (box) {
  box.addEventListener("change", () => {
    clearTimeout(timer);
    if (box.checked) {
      state.textContent = "following";
      look();
    } else {
      state.textContent = "";
    }
  });
  if (box.checked) look();
}
