// Times in the browser's zone, written as the server writes them, and seconds that count down.
// Where the account has a zone the server has written them in that one.
const written = new Intl.DateTimeFormat(document.documentElement.lang, {
  day: "numeric", month: "short", year: "numeric", hour: "2-digit", minute: "2-digit", hourCycle: "h23",
});

function localise() {
  if (document.documentElement.dataset.zone) return;
  for (const element of document.querySelectorAll("time")) {
    element.textContent = inWords(new Date(element.dateTime));
  }
}

function inWords(moment) {
  const parts = written.formatToParts(moment).map(({ type, value }) => [type, value]);
  const { day, month, year, hour, minute } = Object.fromEntries(parts);
  return `${day} ${month} ${year}, ${hour}:${minute} ${offset(-moment.getTimezoneOffset())}`;
}

function offset(minutes) {
  if (minutes === 0) return "UTC";
  const [hours, rest] = [Math.floor(Math.abs(minutes) / 60), Math.abs(minutes) % 60];
  return `UTC${minutes < 0 ? "\u2212" : "+"}${hours}${rest ? `:${String(rest).padStart(2, "0")}` : ""}`;
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
