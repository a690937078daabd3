// Put the page together.

const { runs, names } = JSON.parse(document.getElementById("data").textContent);

const SECTIONS = [funnels, contents, lengths, negatives, duplicates, quality, spending, paces, settings];
find("top").append(...headline(runs, names));
find("figures").append(...SECTIONS.map((section) => section(runs, names)).filter(Boolean));
find("sections").append(
  ...[...document.querySelectorAll("main section")].map((section) =>
    el("a", { href: `#${section.id}` }, section.dataset.name),
  ),
);
find("held").textContent = holdings(runs);

addEventListener("DOMContentLoaded", () => startRows(runs, names)); // the blocks of rows follow this script
