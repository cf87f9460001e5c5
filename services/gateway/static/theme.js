// Follows the system's colours. Runs before the page is painted, so that nothing flashes.
const dark = matchMedia("(prefers-color-scheme: dark)");
const root = document.documentElement;
const follow = () => root.setAttribute("data-bs-theme", dark.matches ? "dark" : "light");
root.classList.add("script");
follow();
dark.addEventListener("change", follow);
