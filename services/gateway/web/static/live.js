// Keeps the parts of a page marked `data-live` up to date: news arrive by server-sent events, the
// page is fetched again, and only what differs is put in place, so that focus and scroll stay.
const PAUSE = 300; // milliseconds that gather news which come together
const LONGEST = 30_000;
const PASSING = [408, 429]; // of the answers below 500 those that trying again may change
const SHORTEST = 1000;
let timer = 0;
let wait = SHORTEST; // until we listen again
let pause = SHORTEST; // until a page that could not be fetched is fetched again

// A page with a form that must not be lost names the address of the part that changes.
const part = document.querySelector("[data-live-address]")?.dataset.liveAddress;

async function refresh() {
  const answer = await fetch(part ?? location.href, { headers: { Accept: "text/html" } });
  if (answer.redirected && new URL(answer.url).pathname === "/login") {
    return part ? undefined : location.assign(answer.url); // the session has ended
  }
  if (answer.status >= 500 || PASSING.includes(answer.status)) throw new Error(answer.statusText);
  if (!answer.ok) return;
  const page = new DOMParser().parseFromString(await answer.text(), "text/html");
  let changed = false;
  for (const fresh of page.querySelectorAll("[data-live]")) {
    const old = document.getElementById(fresh.id);
    if (old === null || meaning(old) === meaning(fresh)) continue;
    put(old, fresh);
    changed ||= fresh.dataset.live !== "quiet"; // what nobody needs to be told of
  }
  if (!changed) return;
  announce();
  document.dispatchEvent(new Event("prereview:updated"));
}

// What the server drew, without what scripts have made of times and seconds since, and what was opened.
function meaning(part) {
  const copy = part.cloneNode(true);
  for (const time of copy.querySelectorAll("time")) time.replaceWith(time.dateTime);
  for (const left of copy.querySelectorAll("[data-countdown]")) {
    left.replaceWith(Number(left.dataset.countdown) > 0 ? "soon" : "now");
  }
  for (const details of copy.querySelectorAll("details")) details.open = false;
  return copy.innerHTML;
}

function put(old, fresh) {
  const focused = old.contains(document.activeElement) ? selector(document.activeElement) : null;
  const ticked = [...old.querySelectorAll("input[id]:checked")].map((box) => box.id);
  const opened = [...old.querySelectorAll("details")].map((details) => details.open);
  old.replaceChildren(...fresh.childNodes);
  old.querySelectorAll("details").forEach((details, index) => (details.open ||= opened[index] ?? false));
  for (const id of ticked) old.querySelector(`#${CSS.escape(id)}:not(:checked)`)?.click();
  if (focused) old.querySelector(focused)?.focus({ preventScroll: true });
}

function selector(element) {
  const href = element.getAttribute("href");
  return element.id ? `#${CSS.escape(element.id)}` : href ? `[href="${CSS.escape(href)}"]` : null;
}

function announce() {
  const status = document.querySelector("[data-announce]");
  if (status === null) return;
  status.textContent = "";
  setTimeout(() => (status.textContent = status.dataset.announce), 50);
}

function soon() {
  clearTimeout(timer);
  timer = setTimeout(attempt, PAUSE);
}

// News that were missed would stay missed: a failure is followed by another try.
async function attempt() {
  try {
    await refresh();
    pause = SHORTEST;
  } catch {
    clearTimeout(timer);
    timer = setTimeout(attempt, pause);
    pause = Math.min(LONGEST, pause * 2);
  }
}

// A browser allows six connections to a host: a page nobody looks at keeps none of them.
let source = null;

function listen() {
  if (document.hidden || source !== null) return;
  source = new EventSource("/events");
  source.addEventListener("open", () => {
    wait = SHORTEST;
    soon(); // whatever happened before we listened
  });
  for (const kind of ["file", "check", "mail"]) source.addEventListener(kind, soon);
  source.addEventListener("error", () => {
    if (source?.readyState !== EventSource.CLOSED) return; // it connects again by itself
    source = null;
    setTimeout(listen, wait);
    wait = Math.min(LONGEST, wait * 2);
  });
}

document.addEventListener("visibilitychange", () => {
  if (document.hidden) {
    source?.close();
    source = null;
  } else {
    listen();
  }
});
document.addEventListener("prereview:due", () => setTimeout(soon, 2000));
listen();
