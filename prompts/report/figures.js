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
    name: "accepted of what was asked for",
    of: (run) => run.accepted / (stageOf(run, "generate")?.created || run.accepted || 1),
    shown: (share) => percent(share, 1),
  },
  {
    name: "tokens",
    of: (run) => sum(tokensOf(run)),
    shown: (tokens) => short.format(tokens),
    note: (run) => (run.accepted ? `${count(Math.round(sum(tokensOf(run)) / run.accepted))} a row` : ""),
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
      first === second
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
      el("dd", {}, value(figure, run), figure.note ? el("small", {}, ` ${figure.note(run)}`) : null),
    );
  const replayed = `${run.recorded === run.accepted ? "All" : count(run.recorded)} rows were replayed from recorded model replies, not asked for in this run.`;
  return [
    el("h1", {}, run.recipe),
    el("p", { class: "lead" }, run.description),
    el("dl", { class: "tiles" }, figures.map(tile)),
    ...(run.recorded ? [el("p", { class: "note" }, replayed)] : []),
  ];
};

const OUTCOME = {
  brainstorm: "tasks listed",
  generate: "rows written",
  curate: "rows accepted",
  publish: "rows published",
};

const funnel = (run, place, ofRun) => {
  const rowStages = run.ledger.filter((stage) => stage.name !== "brainstorm");
  const most = Math.max(run.target, ...rowStages.map((stage) => stage.entered + stage.created), 1);
  const line = (label, out, dropped, scale, chips) =>
    el(
      "li",
      {},
      el("div", { class: "stage" }, el("span", {}, label), el("b", {}, count(out))),
      el(
        "div",
        { class: "track tall" },
        el("i", { class: `fill run-${place}`, style: { width: at(out / scale) } }),
        el("i", { class: "lost", style: { width: at(dropped / scale) } }),
      ),
      chips.length ? el("p", { class: "reasons" }, chips) : null,
    );
  const stageLine = (stage, scale) => {
    const reasons = Object.entries(stage.dropped).sort((a, b) => b[1] - a[1] || (a[0] < b[0] ? -1 : 1));
    const dropped = sum(reasons.map(([, number]) => number));
    return line(
      OUTCOME[stage.name] || `rows after ${stage.name}`,
      stage.out,
      dropped,
      scale,
      [
        dropped
          ? el("span", { class: "soft" }, `${count(dropped)} dropped (${percent(dropped, dropped + stage.out)}) `)
          : null,
        ...reasons.map(([reason, number]) =>
          el(
            "a",
            { class: "tag", href: toRows({ ...ofRun, status: "rejected", reason: `${stage.name} ${reason}` }) },
            el("b", {}, count(number)),
            ` ${plain(reason)}`,
          ),
        ),
      ].filter(Boolean),
    );
  };
  const tasks = stageOf(run, "brainstorm");
  const asking = stageOf(run, "generate");
  return el(
    "ol",
    { class: "funnel" },
    tasks && tasks.created ? stageLine(tasks, tasks.created) : null,
    line("rows planned", run.target, 0, most, []),
    asking ? line("rows asked for, second tries included", asking.created, 0, most, []) : null,
    rowStages.map((stage) => stageLine(stage, most)),
  );
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

const funnels = (runs, names) =>
  panel(
    "funnel",
    "Funnel",
    "From plan to published",
    "What every stage gave on, and what it dropped for which reason. Follow a reason to its rows.",
    beside(runs, names, funnel),
  );

const partsOf = (runs, list, filter) =>
  union(...runs.map((run) => run[list].map((entry) => entry.key))).map((key) => {
    const found = runs.map((run) => run[list].find((entry) => entry.key === key));
    const name = found.find(Boolean).name;
    return {
      label: name,
      title: key,
      href: toRows({ [filter]: key }),
      values: found.map((entry) => (entry ? entry.rows : 0)),
      asked: found.map((entry) => (entry ? entry.asked : 0)),
    };
  });

const contents = (runs, names) => {
  const crossing = sum(runs.map((run) => run.crossing));
  const languages = partsOf(runs, "languages", "language");
  const grid = (run, place, ofRun) => {
    const codes = run.languages.filter((language) => language.rows);
    const families = run.families.filter((family) => family.rows);
    return heat(
      "Rows by family and language",
      codes.map((code) => ({ label: code.key, title: code.name })),
      families.map((family) => ({
        label: family.key,
        values: codes.map((code) => (run.cells[family.key] || {})[code.key] || 0),
        hrefs: codes.map((code) => toRows({ ...ofRun, family: family.key, language: code.key })),
      })),
    );
  };
  return panel(
    "contents",
    "Contents",
    "Families and languages",
    `A tick marks the share that the recipe asks for.${crossing ? ` The language is the query's; ${count(crossing)} rows have documents in another one.` : ""}`,
    runs.length > 1 ? legend(["fill run-0", names[0]], ["fill run-1", names[1]]) : null,
    el(
      "div",
      { class: "columns" },
      part("Families", bars("Rows by family", partsOf(runs, "families", "family"))),
      part(
        "Languages",
        folded(12, (lines) => bars("Rows by language", lines), languages),
      ),
    ),
    beside(runs, names, grid),
  );
};

const TWINS = 8;
const REPEATS = ["duplicate", "near_duplicate"];

const duplicates = (runs, names) =>
  panel(
    "duplicates",
    "Duplicates",
    "Duplicates found",
    "Of two that repeat each other the earlier one stays.",
    beside(runs, names, (run, place, ofRun) => {
      const found = run.ledger.flatMap((stage) =>
        REPEATS.filter((reason) => stage.dropped[reason]).map((reason) => [
          stage.name,
          reason,
          stage.dropped[reason],
        ]),
      );
      if (!found.length) return el("p", {}, "None.");
      const known = new Map(run.rows.map((row) => [row.id, row]));
      const pairs = run.rows
        .filter((row) => row.stage === "curate" && REPEATS.includes(row.reason))
        .map((row) => [row, known.get((row.detail.match(/\b[0-9a-f]{16}\b/) || [])[0])])
        .filter(([, twin]) => twin);
      return el(
        "div",
        {},
        el(
          "p",
          { class: "reasons" },
          found.map(([stage, reason, number]) =>
            el(
              "a",
              { class: "tag", href: toRows({ ...ofRun, status: "rejected", reason: `${stage} ${reason}` }) },
              el("b", {}, count(number)),
              ` ${plain(reason)} ${stage === "brainstorm" ? "tasks" : "rows"}`,
            ),
          ),
        ),
        pairs.length
          ? folded(
              TWINS,
              (shown) =>
                el(
                  "ul",
                  { class: "pairs" },
                  shown.map(([row, twin]) =>
                    el(
                      "li",
                      {},
                      el(
                        "p",
                        { class: "soft" },
                        `${plain(row.reason)} · ${row.family} · ${row.detail.replace(/ (as|like that of) [0-9a-f]{16}$/, "")}`,
                      ),
                      el(
                        "div",
                        { class: "texts" },
                        [
                          ["kept", twin],
                          ["dropped", row],
                        ].map(([side, one]) => [
                          el("span", { class: "side" }, side),
                          written("p", one.query, one.languages[0], []),
                        ]),
                      ),
                    ),
                  ),
                ),
              pairs,
            )
          : null,
      );
    }),
  );

const spending = (runs, names) =>
  panel(
    "spending",
    "Cost",
    "Models, tokens and cost",
    null,
    beside(runs, names, (run, place) =>
      el(
        "div",
        {},
        table(
          "Tokens and cost by model",
          ["model", "rows", "tokens read", "tokens written", "cost"],
          run.models.map((model) => [
            el("code", {}, model.model || "none"),
            whole.format(model.rows),
            whole.format(model.tokens_in),
            whole.format(model.tokens_out),
            dollars(model.cost),
          ]),
        ),
        run.models.some((model) => model.cost === null)
          ? el("p", { class: "soft" }, "Without a price in the recipe's table [prices] there is no cost.")
          : null,
        run.recorded ? el("p", { class: "soft" }, "Recordings may not know their tokens.") : null,
        part(
          "Model calls by family",
          bars(
            "Model calls by family",
            Object.entries(run.requests).map(([family, number]) => ({
              label: family,
              values: [number],
              run: place,
            })),
          ),
        ),
        el(
          "details",
          { class: "fold" },
          el("summary", {}, "Prompts"),
          table(
            "Rows by prompt",
            ["prompt, its version and the digest of its words", "rows"],
            Object.entries(run.prompts).map(([prompt, number]) => [el("code", {}, prompt), count(number)]),
          ),
        ),
      ),
    ),
  );

const settings = (runs, names) => {
  const keys = union(...runs.map((run) => Object.keys(run.settings)));
  const said = (value) => (value === undefined ? "–" : typeof value === "string" ? value : JSON.stringify(value));
  const differ = keys.filter((key) => said(runs[0].settings[key]) !== said(runs[runs.length - 1].settings[key]));
  const lines = (shown) => shown.map((key) => [el("code", {}, key), ...runs.map((run) => said(run.settings[key]))]);
  const heads = runs.length > 1 ? ["setting", runMark(names, 0), runMark(names, 1)] : ["setting", "value"];
  const marks = runs.map((run) => run.fingerprint).join(" and ");
  return panel(
    "settings",
    "Recipe",
    "Recipe",
    `Fingerprint ${marks}: runs of one fingerprint ask for the same words.`,
    runs.length > 1
      ? part(
          "What differs",
          differ.length
            ? table("Settings that differ", heads, lines(differ))
            : el("p", {}, "Nothing: the recipes are the same."),
        )
      : null,
    el("details", { class: "fold" }, el("summary", {}, "All settings"), table("All settings", heads, lines(keys))),
  );
};

const holdings = (runs) => {
  const held = (test, all) => {
    const shown = sum(runs.map((run) => run.rows.filter(test).length));
    return shown === all ? `all ${count(all)}` : `${count(shown)} of ${count(all)}`;
  };
  const [accepted, rejected] = ["accepted", "rejected"].map((name) => sum(runs.map((run) => run[name])));
  const first = `This page holds ${held((row) => !row.reason, accepted)} accepted rows`;
  return rejected
    ? `${first} and ${held((row) => row.reason, rejected)} rejected rows, replies and tasks; where not all, they are chosen evenly.`
    : `${first}; nothing was rejected.`;
};
