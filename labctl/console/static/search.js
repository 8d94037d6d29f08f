// Says that a search is running, and suggests the span names of the chosen service.
"use strict";
const form = document.querySelector("form.search");
const results = document.getElementById("results");

form.addEventListener("submit", () => {
  results.setAttribute("aria-busy", "true");
  // Empty fields stay out of the address, so that it can be shared.
  for (const field of form.elements) if (field.name && field.value === "") field.disabled = true;
});
addEventListener("pageshow", () => {
  results.removeAttribute("aria-busy");
  for (const field of form.elements) field.disabled = false;
});

const service = document.getElementById("service");
const names = document.getElementById("operations");

async function suggest() {
  names.replaceChildren();
  if (!service.value) return;
  try {
    const answer = await fetch(`${form.dataset.operations}?service=${encodeURIComponent(service.value)}`);
    if (!answer.ok) return;
    for (const name of (await answer.json()).operations) {
      const option = document.createElement("option");
      option.value = name;
      names.append(option);
    }
  } catch {
    // Suggestions are a convenience; the search itself says when Jaeger is away.
  }
}

if (names) {
  service.addEventListener("change", suggest);
  suggest();
}
