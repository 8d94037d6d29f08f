// Keeps the status page fresh. What changes is rendered by the server; the page says when it has become old.
"use strict";
const board = document.getElementById("status");
const stale = document.getElementById("status-stale");
const EVERY_MS = 2000;
let last = board.innerHTML;

async function refresh() {
  if (document.hidden) return;
  try {
    const answer = await fetch(board.dataset.source, { headers: { Accept: "text/html" }, cache: "no-store" });
    if (!answer.ok) throw new Error(`status ${answer.status}`);
    const text = await answer.text();
    stale.hidden = true;
    board.classList.remove("old");
    // A link that has the focus keeps it: the board waits until the focus moves on.
    if (text !== last && !board.contains(document.activeElement)) {
      board.innerHTML = text;
      last = text;
    }
  } catch {
    stale.hidden = false;
    board.classList.add("old");
  }
}

setInterval(refresh, EVERY_MS);
document.addEventListener("visibilitychange", refresh);
