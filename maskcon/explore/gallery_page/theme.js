// Light and dark: what the person chose, else what the system prefers.

const preferred = window.matchMedia("(prefers-color-scheme: dark)");
const memory = (() => {
  try {
    return localStorage;
  } catch {
    return {}; // a page opened from a file may have no storage: then the choice is not remembered
  }
})();
const showTheme = () => {
  document.documentElement.dataset.theme = memory.theme || (preferred.matches ? "dark" : "light");
  redraw();
};
at("theme").addEventListener("click", () => {
  memory.theme = document.documentElement.dataset.theme === "dark" ? "light" : "dark";
  showTheme();
});
preferred.addEventListener("change", showTheme);
