// What a page tells once: it leaves the address, so that nobody is told again, and the page, when
// the page has changed since and it may no longer be true.
const READ = 4000; // milliseconds in which it can be read in any case
const began = performance.now();

const address = new URL(location.href);
const once = ["notice", "added", "same", "after"].filter((name) => address.searchParams.has(name));
for (const name of once) address.searchParams.delete(name);
if (once.length > 0) history.replaceState(history.state, "", address);

function vanish() {
  for (const notice of document.querySelectorAll("[data-notice]")) notice.remove();
}

document.addEventListener("prereview:updated", () => {
  setTimeout(vanish, Math.max(0, began + READ - performance.now()));
});
// A page that comes back as it was left tells what was true then.
addEventListener("pageshow", (event) => event.persisted && vanish());
