// Put the page together.

const { runs, names } = JSON.parse(document.getElementById("data").textContent);

const SECTIONS = [funnels, contents, lengths, negatives, duplicates, spending, settings];
find("top").append(...headline(runs, names));
find("figures").append(...SECTIONS.map((section) => section(runs, names)).filter(Boolean));
find("sections").append(
  ...[...document.querySelectorAll("main section")].map((section) =>
    el("a", { href: `#${section.id}` }, section.dataset.name),
  ),
);
find("held").textContent = holdings(runs);

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

addEventListener("DOMContentLoaded", () => startRows(runs, names)); // the blocks of rows follow this script
