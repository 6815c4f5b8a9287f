// Keys and live state of the pages. One module, no framework. Without JavaScript, all pages work except for these.

const main = document.querySelector("main");
const all = (selector, root = document) => [...root.querySelectorAll(selector)];
const isShown = (element) => element.checkVisibility ? element.checkVisibility({ contentVisibilityAuto: false }) : true;

// ── keys ────────────────────────────────────────────────────────────────────────────────────────────────────────────────

const ROWS = ".row-link, .failure .title, .rows .title, .result .title, tbody a.title";

function focus(element) {
  element.focus({ preventScroll: true });
  element.scrollIntoView({ block: "nearest" });
}

// Focus the next (or previous) element after the focused one, in the order of the page. Returns whether there is one.
function move(selector, step) {
  const found = all(selector, main).filter(isShown);
  if (!found.length) return false;
  const now = document.activeElement;
  const here = found.findIndex((element) => element === now || element.contains(now));
  let next;
  if (here >= 0) next = found[here + step];
  else if (now && main.contains(now) && now !== main) {
    const isAfter = (element) => now.compareDocumentPosition(element) & Node.DOCUMENT_POSITION_FOLLOWING;
    next = step > 0 ? found.find(isAfter) : found.findLast((element) => !isAfter(element));
  } else next = step > 0 ? found[0] : found.at(-1);
  if (!next) return false;
  focus(next);
  return true;
}

function follow(selector) {
  const link = document.querySelector(selector);
  if (link) location.assign(link.href);
  return !!link;
}

function toggleCard() {
  const card = document.activeElement?.closest("details") ?? all("details.card").find(isShown);
  if (!card) return false;
  card.open = !card.open;
  focus(card.querySelector("summary"));
  return true;
}

const KEYS = {
  "/": () => { const box = document.getElementById("q"); box?.focus(); box?.select(); return !!box; },
  j: () => move(ROWS, 1),
  k: () => move(ROWS, -1),
  f: () => move(".failure .title", 1) || follow("a[rel~=next]"),
  F: () => move(".failure .title", -1) || follow("a[rel~=prev]"),
  o: toggleCard,
  u: () => follow("a[data-up]") || follow(".crumbs li:nth-last-child(2) a"),
  c: () => follow("a[data-compare]"),
  "?": () => { document.getElementById("keys")?.showModal(); return true; },
};

const isTyping = (element) => element.isContentEditable || /^(TEXTAREA|SELECT)$/.test(element.tagName) ||
  (element.tagName === "INPUT" && !/^(checkbox|radio|button|submit)$/.test(element.type));

document.addEventListener("keydown", (event) => {
  if (event.defaultPrevented || event.ctrlKey || event.altKey || event.metaKey || event.isComposing) return;
  if (event.key === "Escape" && event.target.id === "q") event.target.blur();
  if (isTyping(event.target) || document.querySelector("dialog[open]")) return;
  if (Object.hasOwn(KEYS, event.key) && KEYS[event.key]()) event.preventDefault();
});

// ── cards: their steps are loaded when they are opened ──────────────────────────────────────────────────────────────────

const loading = new WeakSet();

async function loadSteps(body, url) {
  if (loading.has(body)) return;
  loading.add(body);
  try { await htmx.ajax("GET", url, { source: body, target: body, swap: "innerMorph" }); } finally { loading.delete(body); }
}

document.addEventListener("toggle", ({ target }) => {
  const link = target.matches?.("details.card[open]") && target.querySelector("[hx-morph-skip] > a:only-child");
  if (link) loadSteps(link.parentElement, link.href);
}, true);

// ── live ────────────────────────────────────────────────────────────────────────────────────────────────────────────────

// Elapsed time of what is running: the server sends the seconds at its time, so the clock of this machine doesn't matter.
function tick() {
  for (const element of all("[data-elapsed]")) {
    if (element.dataset.seen !== element.dataset.elapsed) {
      element.dataset.seen = element.dataset.elapsed;
      element.elapsedSince = performance.now() - 1000 * Number(element.dataset.elapsed);
    }
    element.textContent = duration((performance.now() - element.elapsedSince) / 1000);
  }
}

function duration(seconds) {
  if (seconds < 60) return `${Math.floor(seconds)} s`;
  const minutes = Math.floor(seconds / 60);
  if (minutes < 60) return `${minutes} min ${String(Math.floor(seconds % 60)).padStart(2, "0")} s`;
  return `${Math.floor(minutes / 60)} h ${String(minutes % 60).padStart(2, "0")} min`;
}

let stream = document.querySelector("[data-live]");

if (stream) {
  const SILENT_MS = 40000; // the server sends something every 15 s
  let heard = performance.now();
  let lostAt = null;

  function setLive(isLive) {
    if (isLive) heard = performance.now();
    if (isLive === (lostAt === null)) return;
    lostAt = isLive ? null : new Date();
    const pill = document.querySelector("[data-live-state]");
    if (!pill) return;
    pill.hidden = isLive;
    pill.textContent = isLive ? "" : `not live since ${lostAt.toTimeString().slice(0, 5)}`;
  }

  // Load the steps of open cards again if the server has newer ones.
  function refreshCards() {
    for (const card of all("details.card[open]")) {
      const steps = card.querySelector("[data-steps]");
      if (steps && steps.dataset.steps !== card.dataset.version) loadSteps(steps.parentElement, steps.dataset.url);
    }
  }

  const on = (name, act) => document.addEventListener(name, (event) => event.target === stream && act());

  on("htmx:sse:after:connection", () => setLive(true));
  on("htmx:sse:after:message", () => { setLive(true); refreshCards(); });
  on("htmx:sse:error", () => setLive(false));
  on("htmx:sse:close", () => setLive(false));
  // The first connection failed, or too many pages are live: hx-sse only repeats connections that it had.
  const retry = () => { setLive(false); setTimeout(() => htmx.trigger(stream, "reconnect"), 5000); };
  on("htmx:error", retry);
  on("htmx:response:error", retry);

  // A silent connection is replaced by a new one, which gets the whole state.
  setInterval(() => {
    if (document.hidden || performance.now() - heard < SILENT_MS) return;
    setLive(false);
    heard = performance.now();
    const fresh = stream.cloneNode();
    fresh.removeAttribute("data-htmx-powered");
    stream.replaceWith(fresh);
    stream = fresh;
    htmx.process(fresh);
  }, 5000);
}

if (document.querySelector("[data-elapsed]") || stream) setInterval(tick, 1000);
