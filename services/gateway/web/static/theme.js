// Follows the system's colours where the person has chosen none: then the server has written no
// theme down. Runs before the page is painted, so that nothing flashes.
const dark = matchMedia("(prefers-color-scheme: dark)");
const root = document.documentElement;
const follow = () => root.setAttribute("data-bs-theme", dark.matches ? "dark" : "light");
root.classList.add("script");
if (!root.dataset.bsTheme) {
  follow();
  dark.addEventListener("change", follow);
}
