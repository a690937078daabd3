// What the page says of one run, or of two beside each other.

const toRows = (filters) => `#rows?${new URLSearchParams(filters)}`;
const stageOf = (run, name) => run.ledger.find((stage) => stage.name === name);
const tokensOf = (run) => [
  sum(run.models.map((model) => model.tokens_in)),
  sum(run.models.map((model) => model.tokens_out)),
];
const costOf = (run) =>
  run.models.every((model) => model.cost === null) ? null : sum(run.models.map((model) => model.cost || 0));
const runMark = (names, place) => el("span", { class: `chip run-${place}` }, names[place]);

const FIGURES = [
  { name: "rows accepted", of: (run) => run.accepted, note: (run) => `of ${count(run.target)}` },
  { name: "families", of: (run) => run.families.filter((family) => family.rows).length },
  { name: "languages", of: (run) => run.languages.filter((language) => language.rows).length },
  { name: "model calls", of: (run) => sum(Object.values(run.requests)) },
  {
    name: "yield",
    of: (run) =>
      run.accepted / ((stageOf(run, "generate") || stageOf(run, "import"))?.created || run.accepted || 1),
    shown: (share) => percent(share, 1),
    note: (run) => (stageOf(run, "import") ? "accepted of given" : "accepted of asked"),
  },
  {
    name: "tokens",
    of: (run) => sum(tokensOf(run)),
    shown: (tokens) => short.format(tokens),
    note: (run) => (run.accepted ? `${count(Math.round(sum(tokensOf(run)) / run.accepted))} a row` : ""),
  },
  {
    name: "asking took",
    of: askingTime,
    shown: duration,
    note: (run) =>
      askingTime(run)
        ? `${rate(sum(run.sessions.flatMap((one) => one.replies)) / askingTime(run))} replies a second`
        : "",
  },
  {
    name: "cost",
    of: costOf,
    shown: dollars,
    note: (run) => (run.models.some((model) => model.cost === null) ? "known prices only" : ""),
  },
];

const headline = (runs, names) => {
  const figures = FIGURES.filter((figure) => runs.some((run) => figure.of(run)));
  const value = (figure, run) => (figure.shown || count)(figure.of(run));
  if (runs.length > 1) {
    const change = ([first, second]) =>
      first === null || second === null
        ? "–"
        : first === second
          ? "same"
          : first
            ? `${second > first ? "+" : "−"}${percent(Math.abs(second - first), first)}`
            : "–";
    return [
      el("h1", {}, names.join(" beside ")),
      table(
        "Key figures",
        ["", runMark(names, 0), runMark(names, 1), "change"],
        figures.map((figure) => [
          figure.name,
          ...runs.map((run) => value(figure, run)),
          change(runs.map(figure.of)),
        ]),
      ),
    ];
  }
  const run = runs[0];
  const tile = (figure) =>
    el(
      "div",
      {},
      el("dt", {}, figure.name),
      el("dd", {}, value(figure, run), figure.note ? el("small", {}, figure.note(run)) : null),
    );
  const replayed = `${run.recorded === run.accepted ? "All" : count(run.recorded)} rows were replayed from recorded model replies, not asked for in this run.`;
  return [
    el("h1", {}, run.recipe),
    el("p", { class: "lead" }, run.description),
    el("dl", { class: "tiles" }, figures.map(tile)),
    ...(run.recorded ? [el("p", { class: "note" }, replayed)] : []),
    ...(stageOf(run, "publish")
      ? []
      : [el("p", { class: "note" }, "This run is not finished: the page shows what is there so far.")]),
  ];
};

/** One run as it is, two in columns; `make` also gets the filter that leads to the rows of the run alone. */
const beside = (runs, names, make) =>
  runs.length === 1
    ? make(runs[0], 0, {})
    : el(
        "div",
        { class: "columns" },
        runs.map((run, place) =>
          el("div", { class: "part" }, el("h3", {}, runMark(names, place)), make(run, place, { run: place })),
        ),
      );
