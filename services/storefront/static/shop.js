// The shop's page: calls the API under /shop/api and shows, after every action, which trace it made.
// Text from the server is only ever set as text, never as HTML.

const byId = (id) => document.getElementById(id);
const state = { user: document.body.dataset.user, waiting: 0, queue: Promise.resolve(), purchase: null };

/** An element with attributes and children; a string child is text. */
function make(tag, attributes = {}, ...children) {
  const element = document.createElement(tag);
  for (const [name, value] of Object.entries(attributes)) element.setAttribute(name, value);
  element.append(...children);
  return element;
}

// ---- calling the API

class ApiError extends Error {
  constructor(error, meta) {
    super(error.message);
    Object.assign(this, { code: error.code, hint: error.hint, meta });
  }
}

/** Call the API; resolves to {data, meta}, meta = {traceId, correlationId, durationMs, status}. Throws ApiError. */
async function call(method, path, { body, headers, signal } = {}) {
  const started = performance.now();
  let response;
  try {
    response = await fetch(`/shop/api${path}`, {
      method, signal,
      headers: { ...(body === undefined ? {} : { "Content-Type": "application/json" }), ...headers },
      body: body === undefined ? undefined : JSON.stringify(body),
    });
  } catch (error) {
    if (error.name === "AbortError") throw error;
    throw new ApiError({ code: "network", message: "The shop cannot be reached.", hint: "Is the lab running? Try again." },
      { durationMs: performance.now() - started });
  }
  const meta = {
    status: response.status,
    traceId: (response.headers.get("traceresponse") ?? "").split("-")[1],
    correlationId: response.headers.get("X-Correlation-ID"),
    durationMs: performance.now() - started,
  };
  const data = await response.json().catch(() => null);
  if (response.ok && data !== null) return { data, meta };
  throw new ApiError(data?.error ?? {
    code: "gateway", message: `The shop answered ${response.status} without an explanation.`,
    hint: "Look at the status page of the lab.",
  }, meta);
}

// ---- the panel of the last action

/** A sentence: first letter upper case, a full stop at the end. */
function sentence(text) {
  const trimmed = (text ?? "").trim();
  if (!trimmed) return "";
  return trimmed[0].toUpperCase() + trimmed.slice(1) + (/[.!?]$/.test(trimmed) ? "" : ".");
}

function showLast(kind, paragraphs, meta) {
  const outcome = make("div", { class: `outcome ${kind}`, ...(kind === "bad" ? { role: "alert" } : {}) });
  outcome.append(...paragraphs.filter(Boolean).map((text) => make("p", {}, text)));
  const facts = make("dl", { class: "facts", id: "last-facts" });
  if (meta?.traceId) {
    const link = make("a", { href: `/traces/${meta.traceId}`, id: "last-trace" }, make("code", {}, meta.traceId));
    facts.append(make("dt", {}, "Trace"), make("dd", {}, link));
  }
  if (meta?.correlationId) {
    facts.append(make("dt", {}, "Correlation"), make("dd", {}, make("code", { id: "last-correlation" }, meta.correlationId)));
  }
  if (meta) facts.append(make("dt", {}, "Took"), make("dd", { id: "last-duration" }, `${Math.round(meta.durationMs)} ms`));
  byId("last").replaceChildren(outcome, facts);
}

/** Run one action of the visitor after the ones before it (the cart lives in a cookie); its outcome in the panel. */
function act(action) {
  setBusy(state.waiting + 1);
  state.queue = state.queue.catch(() => {}).then(() => run(action));
}

async function run(action) {
  try {
    const { text, meta } = await action();
    if (text) showLast("good", [text], meta);
  } catch (error) {
    if (!(error instanceof ApiError)) throw error;
    if (error.code === "session.missing") setUser("");
    showLast("bad", [sentence(error.message), sentence(error.hint)], error.meta);
  } finally {
    setBusy(state.waiting - 1);
  }
}

function setBusy(waiting) {
  state.waiting = waiting;
  document.body.setAttribute("aria-busy", String(waiting > 0));
  byId("pay").disabled = waiting > 0;
}

// ---- money

const currency = () => byId("currency").value;

function money({ amount_minor, currency: code }) {
  const format = new Intl.NumberFormat("en", { style: "currency", currency: code });
  return format.format(amount_minor / 10 ** format.resolvedOptions().maximumFractionDigits);
}

// ---- who

function setUser(user) {
  state.user = user;
  byId("login").hidden = Boolean(user);
  byId("logout-form").hidden = !user;
  byId("who").textContent = user;
  if (!user) showCart({ items: [], pieces: 0 });
}

byId("login-form").addEventListener("submit", (event) => {
  event.preventDefault();
  act(async () => {
    const { data, meta } = await call("POST", "/login", { body: { user: byId("user").value.trim() } });
    setUser(data.user);
    showCart({ items: [], pieces: 0 });
    byId("q").focus();
    return { text: `Logged in as ${data.user}.`, meta };
  });
});

byId("logout-form").addEventListener("submit", (event) => {
  event.preventDefault();
  act(async () => {
    const { meta } = await call("POST", "/logout", { body: {} });
    setUser("");
    byId("user").focus();
    return { text: "Logged out.", meta };
  });
});

// ---- search

let searching = null;

/** Search as people type: the newest text wins. Only what was asked for by hand goes into the panel. */
async function search({ quiet = false } = {}) {
  searching?.abort();
  searching = new AbortController();
  const text = byId("q").value.trim();
  const query = new URLSearchParams({ q: text, limit: "24", currency: currency() });
  byId("status").textContent = "Searching …";
  try {
    const { data, meta } = await call("GET", `/products?${query}`, { signal: searching.signal });
    showProducts(data, text);
    if (!quiet) showLast("good", [text ? `Searched for “${text}”: ${data.total} found.` : "Listed what is popular."], meta);
  } catch (error) {
    if (error.name === "AbortError") return;
    if (!(error instanceof ApiError)) throw error;
    byId("status").textContent = "The search failed.";
    showLast("bad", [sentence(error.message), sentence(error.hint)], error.meta);
  }
}

function showProducts({ products, total }, text) {
  byId("results").replaceChildren(...products.map(productCard));
  const shown = products.length < total ? `, the first ${products.length} shown` : "";
  if (!text) byId("status").textContent = `${total} products; these are popular.`;
  else if (total) byId("status").textContent = `${total} found${shown}.`;
  else byId("status").textContent = `Nothing found for “${text}”. Try fewer or shorter words.`;
}

function productCard(product) {
  const words = product.name.split(" ");
  const initials = words[0][0] + words.at(-1)[0];
  const slug = product.category.toLowerCase().replace(/[^a-z]/g, "");
  const add = make("button", { type: "button", "aria-label": `Add ${product.name} to the cart` }, "Add");
  add.addEventListener("click", () => addToCart(product));
  return make("li", { class: "card" },
    make("div", { class: `art art-${slug}`, "aria-hidden": "true" }, initials),
    make("div", { class: "card-body" },
      make("span", { class: "tag" }, `${product.category} · ${product.brand ?? ""}`),
      make("h3", {}, product.name),
      make("p", { class: "text" }, product.description),
      make("div", { class: "foot" }, make("span", { class: "price" }, money(product.price)), add)));
}

let typing = 0;
byId("q").addEventListener("input", () => {
  clearTimeout(typing);
  typing = setTimeout(search, 250);
});
byId("search-form").addEventListener("submit", (event) => {
  event.preventDefault();
  clearTimeout(typing);
  search();
});
byId("currency").addEventListener("change", () => {
  search({ quiet: true });
  loadCart();
});

// ---- cart

function addToCart(product) {
  if (!state.user) {
    byId("user").focus();
    showLast("bad", ["Log in first: pick any name."]);
    return;
  }
  act(async () => {
    const { data, meta } = await call("POST", `/cart?currency=${currency()}`, { body: { product_id: product.id, quantity: 1 } });
    showCart(data);
    return { text: `Put ${product.name} into the cart.`, meta };
  });
}

function setQuantity(item, quantity) {
  act(async () => {
    const path = `/cart/${encodeURIComponent(item.product_id)}?currency=${currency()}`;
    const { data, meta } = await call("PUT", path, { body: { quantity } });
    showCart(data);
    return { text: quantity ? `${quantity} × ${item.name}.` : `Took ${item.name} out.`, meta };
  });
}

function loadCart() {
  if (!state.user) return;
  act(async () => {
    const { data } = await call("GET", `/cart?currency=${currency()}`);
    showCart(data);
    return {};
  });
}

function showCart(cart) {
  state.purchase = null; // another cart is another purchase, with a key of its own
  const filled = cart.items.length > 0;
  byId("cart-count").textContent = cart.pieces;
  byId("cart-lines").replaceChildren(...cart.items.map(cartLine));
  byId("cart-empty").hidden = filled;
  byId("cart-clear").hidden = !filled;
  byId("cart-total").hidden = !filled;
  byId("checkout").hidden = !filled;
  if (!filled) return;
  byId("cart-total").replaceChildren(make("span", {}, "Total"), make("span", {}, money(cart.total)));
  byId("pay").textContent = `Pay ${money(cart.total)}`;
}

function cartLine(item) {
  const step = (label, sign, quantity) => {
    const button = make("button", { type: "button", "aria-label": `${label} ${item.name}` }, sign);
    button.addEventListener("click", () => setQuantity(item, quantity));
    return button;
  };
  return make("li", {},
    make("span", {}, item.name),
    make("span", { class: "price" }, money(item.line_total)),
    make("span", { class: "stepper" },
      step("One less of", "−", item.quantity - 1),
      make("span", {}, String(item.quantity)),
      step("One more of", "+", item.quantity + 1)),
    make("span", { class: "tag" }, `${money(item.unit_price)} each`));
}

byId("cart-clear").addEventListener("click", () => act(async () => {
  const { data, meta } = await call("DELETE", `/cart?currency=${currency()}`);
  showCart(data);
  return { text: "Emptied the cart.", meta };
}));

// ---- checkout

function method() {
  return new FormData(byId("checkout-form")).get("method");
}

function payment() {
  const form = new FormData(byId("checkout-form"));
  if (method() === "card") {
    return { method: "card", card: { number: form.get("number"), expiry: form.get("expiry"), cvc: form.get("cvc") } };
  }
  return method() === "bank" ? { method: "bank", iban: form.get("iban") } : { method: "crypto", wallet: form.get("wallet") };
}

/** A UUID, also where the page is served over plain http from another host (there crypto.randomUUID is missing). */
function newKey() {
  if (crypto.randomUUID) return crypto.randomUUID();
  return Array.from(crypto.getRandomValues(new Uint8Array(16)), (byte) => byte.toString(16).padStart(2, "0")).join("");
}

/** The key of this purchase: kept as long as nobody knows what became of it, so that trying again cannot pay twice. */
function keyFor(request) {
  const meaning = JSON.stringify(request);
  if (state.purchase?.meaning !== meaning) state.purchase = { meaning, key: newKey() };
  return state.purchase.key;
}

byId("checkout-form").addEventListener("submit", (event) => {
  event.preventDefault();
  if (state.waiting) return; // a double click is one purchase
  act(async () => {
    const request = { payment: payment(), currency: currency() };
    const headers = { "Idempotency-Key": keyFor(request) };
    let answer;
    try {
      answer = await call("POST", "/checkout", { body: request, headers });
    } catch (error) {
      const isFinal = error.meta?.status >= 400 && error.meta.status < 500 && error.meta.status !== 409;
      if (isFinal) state.purchase = null;
      throw error;
    }
    const { data, meta } = answer;
    showCart({ items: [], pieces: 0 });
    return { text: `Order ${data.order_id} is placed: ${money(data.total)} by ${data.payment.method}.`, meta };
  });
});

for (const radio of document.querySelectorAll("input[name=method]")) {
  radio.addEventListener("change", () => {
    for (const fields of document.querySelectorAll(".fields")) fields.hidden = fields.dataset.method !== method();
  });
}
for (const chip of document.querySelectorAll("[data-fill]")) {
  chip.addEventListener("click", () => {
    byId("checkout-form").elements[chip.dataset.fill].value = chip.dataset.value;
  });
}

// ---- begin

for (const fields of document.querySelectorAll(".fields")) fields.hidden = fields.dataset.method !== method();
setUser(state.user);
loadCart();
search({ quiet: true });
