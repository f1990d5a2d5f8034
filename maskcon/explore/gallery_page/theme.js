// Light and dark.

const preferred = window.matchMedia("(prefers-color-scheme: dark)");
const remembered = (theme) => {
  try {
    return theme ? localStorage.setItem("theme", theme) : localStorage.getItem("theme");
  } catch {
    return null; // a page opened from a file may have no storage: then it is not remembered
  }
};
const setTheme = (theme) => {
  document.documentElement.dataset.theme = theme;
  readStyle();
  redraw();
};
at("theme").addEventListener("click", () => {
  const theme = document.documentElement.dataset.theme === "dark" ? "light" : "dark";
  remembered(theme);
  setTheme(theme);
});
preferred.addEventListener("change", () => remembered() || setTheme(preferred.matches ? "dark" : "light"));
