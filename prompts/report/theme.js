// Light or dark: the system's, until a person chooses.

const THEME = "triplesmith-theme";
const paint = (scheme) => {
  document.documentElement.style.colorScheme = scheme;
};
const remembered = (action) => {
  try {
    return action();
  } catch {
    return null;
  }
}; // pages from a file may have no storage
const chosen = remembered(() => localStorage.getItem(THEME));
if (chosen === "light" || chosen === "dark") paint(chosen);
find("theme").addEventListener("click", () => {
  const now =
    document.documentElement.style.colorScheme ||
    (matchMedia("(prefers-color-scheme: dark)").matches ? "dark" : "light");
  const next = now === "dark" ? "light" : "dark";
  paint(next);
  remembered(() => localStorage.setItem(THEME, next));
});
