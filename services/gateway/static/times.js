// Times in the reader's own zone, and seconds that count down.
// The zone is the one of the account, else the browser's.
const zone = knownZone(document.documentElement.dataset.zone);
// The page's language, in the reader's own variety of it: 14:00 for some, 2 PM for others.
const language = navigator.languages.find((one) => one.startsWith(document.documentElement.lang)) ?? document.documentElement.lang;
const near = new Intl.DateTimeFormat(language, { day: "numeric", month: "short", hour: "2-digit", minute: "2-digit", timeZone: zone });
const far = new Intl.DateTimeFormat(language, { dateStyle: "medium", timeStyle: "short", timeZone: zone });
const full = new Intl.DateTimeFormat(language, { dateStyle: "full", timeStyle: "long", timeZone: zone });

function knownZone(name) {
  try {
    return new Intl.DateTimeFormat("en", { timeZone: name || undefined }) && (name || undefined);
  } catch {
    return undefined; // younger than this browser
  }
}

function localise() {
  for (const element of document.querySelectorAll("time:not([title])")) {
    const moment = new Date(element.dateTime);
    const format = moment.getFullYear() === new Date().getFullYear() ? near : far;
    element.textContent = format.format(moment);
    element.title = full.format(moment);
  }
}

function countDown() {
  for (const element of document.querySelectorAll("[data-countdown]")) {
    const left = Number(element.dataset.countdown) - 1;
    if (left === 0) document.dispatchEvent(new Event("prereview:due"));
    element.dataset.countdown = String(left);
    element.textContent = left > 0 ? element.dataset.pattern.replace("{n}", String(left)) : element.dataset.now;
  }
}

localise();
document.addEventListener("prereview:updated", localise);
setInterval(countDown, 1000);
