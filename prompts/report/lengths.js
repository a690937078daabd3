// Lengths asked for and found.

const asked = (length) =>
  length.low || length.high !== null
    ? length.high === null
      ? `at least ${length.low}`
      : `${length.low}–${length.high}`
    : "any length";

const lengths = (runs, names) => {
  const key = (length) => JSON.stringify([length.family, length.column, length.low, length.high]);
  const found = runs.map((run) => new Map(run.lengths.map((length) => [key(length), length])));
  const keys = union(...found.map((map) => [...map.keys()])).sort((a, b) => {
    const [x, y] = [a, b].map((text) => JSON.parse(text)[0]);
    return x < y ? -1 : x > y ? 1 : 0;
  });
  if (!keys.length) return null;
  const most = Math.max(
    10,
    ...runs.flatMap((run) => run.lengths.map((length) => Math.max(length.found.most, length.high || length.low))),
  );
  const place = (words) => Math.log(Math.max(1, words)) / Math.log(most * 1.1);
  const ticks = [1, 3, 10, 30, 100, 300, 1000, 3000, 10000].filter((tick) => tick <= most);
  const track = (length, run) =>
    el(
      "div",
      { class: "range" },
      length.low || length.high !== null
        ? el("i", {
            class: length.high === null ? "band open" : "band",
            style: { left: at(place(length.low)), right: at(1 - (length.high === null ? 1 : place(length.high))) },
          })
        : null,
      el("i", {
        class: `whole run-${run}`,
        style: { left: at(place(length.found.least)), right: at(1 - place(length.found.most)) },
      }),
      el("i", {
        class: `most run-${run}`,
        style: { left: at(place(length.found.low)), right: at(1 - place(length.found.high)) },
      }),
      el("i", { class: `middle run-${run}`, style: { left: at(place(length.found.middle)) } }),
    );
  const said = (length) =>
    length.low || length.high !== null ? percent(length.texts - length.shorter - length.longer, length.texts) : "";
  const lines = keys.map((name, place) => {
    const both = found.map((map) => map.get(name));
    const length = both.find(Boolean);
    const opens = !place || JSON.parse(keys[place - 1])[0] !== length.family;
    return [
      opens ? el("tr", {}, el("th", { scope: "rowgroup", colspan: 4 }, length.family)) : null,
      el(
        "tr",
        {},
        el("th", { scope: "row" }, `${length.column} `, el("small", { class: "soft" }, asked(length))),
        el(
          "td",
          { class: "tracks" },
          both.map((one, run) => (one ? track(one, run) : el("div", { class: "range" }))),
        ),
        el(
          "td",
          { class: "number" },
          both.map((one) =>
            el(
              "div",
              {
                title: one
                  ? `${count(one.texts)} texts: ${count(one.shorter)} shorter, ${count(one.longer)} longer; from ${one.found.least} to ${one.found.most} words`
                  : null,
              },
              one ? count(one.found.middle) : "–",
            ),
          ),
        ),
        el(
          "td",
          { class: "number" },
          both.map((one) => el("div", {}, one ? said(one) || "–" : "–")),
        ),
      ),
    ];
  });
  return panel(
    "lengths",
    "Lengths",
    "Lengths asked for and found",
    "Words of accepted texts on a logarithmic scale, against the bounds that the model was given.",
    legend(
      ["band", "asked for"],
      ["whole run-0", "shortest to longest"],
      ["most run-0", "the middle four fifths"],
      ["middle run-0", "median"],
      ...(runs.length > 1
        ? [
            ["fill run-0", names[0]],
            ["fill run-1", names[1]],
          ]
        : []),
    ),
    el(
      "table",
      { class: "lengths" },
      el("caption", { class: "unseen" }, "Lengths by family and column"),
      el(
        "thead",
        {},
        el(
          "tr",
          {},
          el("th", { scope: "col" }, "texts"),
          el(
            "td",
            { class: "tracks" },
            el(
              "div",
              { class: "ticks", "aria-hidden": "true" },
              ticks.map((tick) => el("span", { style: { left: at(place(tick)) } }, count(tick))),
            ),
          ),
          el("th", { scope: "col", class: "number" }, "median"),
          el("th", { scope: "col", class: "number" }, "within"),
        ),
      ),
      el("tbody", {}, lines),
    ),
  );
};
