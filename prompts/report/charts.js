"use strict";
// Drawing: every element is made here, and every text is set as text.

const el = (name, attributes = {}, ...children) => {
  const element = document.createElement(name);
  for (const [key, value] of Object.entries(attributes)) {
    if (value === undefined || value === null || value === false) continue;
    if (key === "style")
      for (const [property, to] of Object.entries(value)) element.style.setProperty(property, to);
    else element.setAttribute(key, value === true ? "" : value);
  }
  element.append(
    ...children.flat(Infinity).filter((child) => child !== null && child !== undefined && child !== ""),
  );
  return element;
};

const find = (id) => document.getElementById(id);

const whole = new Intl.NumberFormat("en");
const short = new Intl.NumberFormat("en", { notation: "compact", maximumFractionDigits: 1 });
const count = (number) => (Math.abs(number) < 1e6 ? whole.format(number) : short.format(number));
const percent = (part, all) => (all ? `${((100 * part) / all).toFixed(part && part < all / 100 ? 1 : 0)} %` : "–");
const dollars = (cost) => (cost === null ? "–" : `$${cost.toFixed(cost && cost < 1 ? 4 : 2)}`);
const plain = (name) => name.replaceAll("_", " ");
const sum = (numbers) => numbers.reduce((total, number) => total + number, 0);
const at = (share) => `${(100 * Math.min(1, Math.max(0, share))).toFixed(2)}%`;

/** Keys of all objects, in the order in which they come. */
const union = (...lists) => [...new Set(lists.flat())];

/** A table of bars, one for each run; a tick marks what was asked for. */
const bars = (caption, lines) => {
  const most = Math.max(1, ...lines.flatMap((line) => [...line.values, ...(line.asked || [])]));
  const body = lines.map((line) =>
    el(
      "tr",
      {},
      el(
        "th",
        { scope: "row", title: line.title },
        line.href ? el("a", { href: line.href }, line.label) : line.label,
      ),
      el(
        "td",
        { class: "tracks" },
        line.values.map((value, run) =>
          el(
            "div",
            { class: "track" },
            value ? el("i", { class: `fill run-${line.run ?? run}`, style: { width: at(value / most) } }) : null,
            line.asked && line.asked[run]
              ? el("i", {
                  class: "tick",
                  title: `asked for: ${count(Math.round(line.asked[run]))}`,
                  style: { left: at(line.asked[run] / most) },
                })
              : null,
          ),
        ),
      ),
      el(
        "td",
        { class: "number" },
        line.values.map((value) => el("div", {}, line.shown ? line.shown(value) : count(value))),
      ),
    ),
  );
  return el("table", { class: "bars" }, el("caption", { class: "unseen" }, caption), el("tbody", {}, body));
};

/** The lines that matter, and the rest behind a button. */
const folded = (first, make, lines) => {
  const box = el("div", {}, make(lines.slice(0, first)));
  if (lines.length > first) {
    const button = el("button", { type: "button", class: "quiet" }, `Show all ${lines.length}`);
    button.addEventListener("click", () => box.replaceChildren(make(lines)));
    box.append(button);
  }
  return box;
};

/** Bars in tenths of 0..1; every series is drawn as shares of its own total. */
const histogram = (title, series) => {
  const totals = series.map((one) => sum(one.counts));
  const most = Math.max(
    ...series.flatMap((one, place) => one.counts.map((number) => number / (totals[place] || 1))),
    0.01,
  );
  const bins = series[0].counts.map((_, bin) => {
    const said = series.map((one) => `${one.name ? `${one.name}: ` : ""}${count(one.counts[bin])}`).join(", ");
    return el(
      "div",
      { class: "bin", title: `${(bin / 10).toFixed(1)}–${((bin + 1) / 10).toFixed(1)} · ${said}` },
      series.map((one, place) =>
        el("i", { class: one.class, style: { height: at(one.counts[bin] / (totals[place] || 1) / most) } }),
      ),
    );
  });
  const said = series
    .map(
      (one, place) =>
        `${one.name || title}: ${one.counts.map((number) => percent(number, totals[place])).join(", ")}`,
    )
    .join("; ");
  return el(
    "figure",
    { class: "histogram" },
    el(
      "figcaption",
      {},
      el("span", {}, title),
      el("span", { class: "soft" }, series.map((_, place) => count(totals[place])).join(" · ")),
    ),
    el("div", { class: "bins", role: "img", "aria-label": `Shares by tenth, from 0 to 1. ${said}` }, bins),
    el(
      "div",
      { class: "axis", "aria-hidden": "true" },
      el("span", {}, "0"),
      el("span", {}, "0.5"),
      el("span", {}, "1"),
    ),
  );
};

/** Counts in a grid; the stronger the ground, the larger the number. */
const heat = (caption, columns, lines) => {
  const most = Math.max(1, ...lines.flatMap((line) => line.values));
  const cell = (value, href) =>
    el(
      "td",
      { class: "number", style: { "--heat": at(value / most) } },
      value ? el("a", { href }, count(value)) : el("span", { class: "soft" }, "·"),
    );
  return el(
    "div",
    { class: "scroll", tabindex: 0, role: "region", "aria-label": caption },
    el(
      "table",
      { class: "heat" },
      el("caption", { class: "unseen" }, caption),
      el(
        "thead",
        {},
        el(
          "tr",
          {},
          el("td"),
          columns.map((column) => el("th", { scope: "col", title: column.title }, column.label)),
        ),
      ),
      el(
        "tbody",
        {},
        lines.map((line) =>
          el(
            "tr",
            {},
            el("th", { scope: "row" }, line.label),
            line.values.map((value, place) => cell(value, line.hrefs[place])),
          ),
        ),
      ),
    ),
  );
};

const table = (caption, heads, lines) =>
  el(
    "div",
    { class: "scroll" },
    el(
      "table",
      { class: "plain" },
      el("caption", { class: "unseen" }, caption),
      el(
        "thead",
        {},
        el(
          "tr",
          {},
          heads.map((head, place) => el("th", { scope: "col", class: place ? "number" : null }, head)),
        ),
      ),
      el(
        "tbody",
        {},
        lines.map((line) =>
          el(
            "tr",
            {},
            line.map((value, place) =>
              place ? el("td", { class: "number" }, value) : el("th", { scope: "row" }, value),
            ),
          ),
        ),
      ),
    ),
  );

const panel = (id, name, title, about, ...children) =>
  el(
    "section",
    { id, "data-name": name, "aria-labelledby": `${id}-title` },
    el("h2", { id: `${id}-title` }, title),
    about ? el("p", { class: "soft" }, about) : null,
    children,
  );

const part = (title, ...children) => el("div", { class: "part" }, el("h3", {}, title), children);

const legend = (...entries) =>
  el(
    "p",
    { class: "legend" },
    entries.map(([kind, words]) => el("span", {}, el("i", { class: kind }), words)),
  );
