"use strict";
(() => {
  const rows = JSON.parse(document.getElementById("data").textContent);
  const find = (id) => document.getElementById(id);
  const [search, family, language, reason, list, count, more] =
    ["search", "family", "language", "reason", "rows", "count", "more"].map(find);
  const STEP = 50;
  let shown = STEP;
  let matching = rows;

  const make = (name, className, text) => {
    const element = document.createElement(name);
    if (className) element.className = className;
    if (text !== undefined) element.textContent = text;
    return element;
  };
  const modelText = (name, className, text, lang) => {
    const element = make(name, className, text);
    element.dir = "auto";
    if (lang) element.lang = lang;
    return element;
  };
  const options = (select, values) => {
    for (const value of [...new Set(values)].filter(Boolean).sort()) {
      const option = make("option", "", value);
      option.value = value;
      select.append(option);
    }
  };
  options(family, rows.map((row) => row.family));
  options(language, rows.flatMap((row) => row.languages));
  options(reason, rows.map((row) => row.reason));

  const haystacks = rows.map((row) =>
    [row.task, row.query, row.id, row.detail || "", ...row.positives.map((t) => t.text), ...row.negatives.map((t) => t.text)]
      .join("\n").toLowerCase());

  const item = (row) => {
    const element = make("li", row.reason ? "rejected" : "");
    element.tabIndex = -1;
    const head = make("div", "head");
    head.append(make("span", "", row.family), make("span", "", [...new Set(row.languages)].join(" → ")), make("span", "", row.task));
    if (row.reason) head.append(make("span", "tag", row.reason), make("span", "", row.detail));
    element.append(head, modelText("p", "query", row.query, row.languages[0]));
    const texts = make("div", "texts");
    for (const [sign, className, group] of [["+", "plus", row.positives], ["−", "minus", row.negatives]]) {
      for (const text of group) {
        const grade = text.grade === null ? "" : ` (${text.grade})`;
        texts.append(make("span", className, sign), modelText("p", "", text.text + grade, row.languages[1]));
      }
    }
    element.append(texts);
    return element;
  };

  const draw = () => {
    list.replaceChildren(...matching.slice(0, shown).map(item));
    count.textContent = `${matching.length} rows`;
    more.hidden = shown >= matching.length;
  };
  const filter = () => {
    const words = search.value.toLowerCase();
    matching = rows.filter((row, place) =>
      (!family.value || row.family === family.value) &&
      (!language.value || row.languages.includes(language.value)) &&
      (!reason.value || (reason.value === "+" ? !row.reason : reason.value === "-" ? Boolean(row.reason) : row.reason === reason.value)) &&
      (!words || haystacks[place].includes(words)));
    shown = STEP;
    draw();
  };
  for (const control of [search, family, language, reason]) control.addEventListener("input", filter);
  find("filters").addEventListener("submit", (event) => event.preventDefault());
  more.addEventListener("click", () => { shown += STEP; draw(); });
  find("theme").addEventListener("click", () => {
    const root = document.documentElement;
    const dark = root.dataset.theme ? root.dataset.theme === "dark" : matchMedia("(prefers-color-scheme: dark)").matches;
    root.dataset.theme = dark ? "light" : "dark";
  });
  document.addEventListener("keydown", (event) => {
    const typing = ["INPUT", "SELECT"].includes(document.activeElement.tagName);
    if (event.key === "/" && !typing) { event.preventDefault(); search.focus(); }
    if (event.key === "Escape") { search.value = ""; search.blur(); filter(); }
    if ((event.key === "j" || event.key === "k") && !typing) {
      const items = [...list.children];
      const at = items.indexOf(document.activeElement);
      const next = items[Math.max(0, Math.min(items.length - 1, event.key === "j" ? at + 1 : at - 1))];
      if (next) { next.focus(); next.scrollIntoView({ block: "nearest" }); }
    }
  });
  draw();
})();
