// What the page says of one run, or of two beside each other.

const toRows = (filters) => `#rows?${new URLSearchParams(filters)}`;
const stageOf = (run, name) => run.ledger.find((stage) => stage.name === name);
const tokensOf = (run) => [sum(run.models.map((model) => model.tokens_in)), sum(run.models.map((model) => model.tokens_out))];
const costOf = (run) => (run.models.every((model) => model.cost === null) ? null : sum(run.models.map((model) => model.cost || 0)));
const runMark = (names, place) => el("span", { class: `chip run-${place}` }, names[place]);

const FIGURES = [
  { name: "rows accepted", of: (run) => run.accepted, note: (run) => `of ${count(run.target)}` },
  { name: "families", of: (run) => run.families.filter((family) => family.rows).length },
  { name: "languages", of: (run) => run.languages.filter((language) => language.rows).length },
  { name: "model calls", of: (run) => sum(Object.values(run.requests)) },
  { name: "accepted of what was asked for", of: (run) => run.accepted / (stageOf(run, "generate")?.created || run.accepted || 1), shown: (share) => percent(share, 1) },
  { name: "tokens", of: (run) => sum(tokensOf(run)), shown: (tokens) => short.format(tokens), note: (run) => (run.accepted ? `${count(Math.round(sum(tokensOf(run)) / run.accepted))} a row` : "") },
  { name: "cost", of: costOf, shown: dollars, note: (run) => (run.models.some((model) => model.cost === null) ? "known prices only" : "") },
];

const headline = (runs, names) => {
  const figures = FIGURES.filter((figure) => runs.some((run) => figure.of(run)));
  const value = (figure, run) => (figure.shown || count)(figure.of(run));
  if (runs.length > 1) {
    const change = ([first, second]) => (first === second ? "same" : first ? `${second > first ? "+" : "−"}${percent(Math.abs(second - first), first)}` : "–");
    return [el("h1", {}, names.join(" beside ")), table("Key figures", ["", runMark(names, 0), runMark(names, 1), "change"],
      figures.map((figure) => [figure.name, ...runs.map((run) => value(figure, run)), change(runs.map(figure.of))]))];
  }
  const run = runs[0];
  const tile = (figure) => el("div", {}, el("dt", {}, figure.name), el("dd", {}, value(figure, run), figure.note ? el("small", {}, ` ${figure.note(run)}`) : null));
  const replayed = `${run.recorded === run.accepted ? "All" : count(run.recorded)} rows were replayed from recorded model replies, not asked for in this run.`;
  return [el("h1", {}, run.recipe), el("p", { class: "lead" }, run.description), el("dl", { class: "tiles" }, figures.map(tile)),
    ...(run.recorded ? [el("p", { class: "note" }, replayed)] : [])];
};

const OUTCOME = { brainstorm: "tasks listed", generate: "rows written", curate: "rows accepted", publish: "rows published" };

const funnel = (run, place, ofRun) => {
  const rowStages = run.ledger.filter((stage) => stage.name !== "brainstorm");
  const most = Math.max(run.target, ...rowStages.map((stage) => stage.entered + stage.created), 1);
  const line = (label, out, dropped, scale, chips) => el("li", {},
    el("div", { class: "stage" }, el("span", {}, label), el("b", {}, count(out))),
    el("div", { class: "track tall" }, el("i", { class: `fill run-${place}`, style: { width: at(out / scale) } }), el("i", { class: "lost", style: { width: at(dropped / scale) } })),
    chips.length ? el("p", { class: "reasons" }, chips) : null);
  const stageLine = (stage, scale) => {
    const reasons = Object.entries(stage.dropped).sort((a, b) => b[1] - a[1] || (a[0] < b[0] ? -1 : 1));
    const dropped = sum(reasons.map(([, number]) => number));
    return line(OUTCOME[stage.name] || `rows after ${stage.name}`, stage.out, dropped, scale, [
      dropped ? el("span", { class: "soft" }, `${count(dropped)} dropped (${percent(dropped, dropped + stage.out)}) `) : null,
      ...reasons.map(([reason, number]) => el("a", { class: "tag", href: toRows({ ...ofRun, status: "rejected", reason: `${stage.name} ${reason}` }) }, el("b", {}, count(number)), ` ${plain(reason)}`)),
    ].filter(Boolean));
  };
  const tasks = stageOf(run, "brainstorm");
  const asked = stageOf(run, "generate");
  return el("ol", { class: "funnel" },
    tasks && tasks.created ? stageLine(tasks, tasks.created) : null,
    line("rows planned", run.target, 0, most, []),
    asked ? line("rows asked for, second tries included", asked.created, 0, most, []) : null,
    rowStages.map((stage) => stageLine(stage, most)));
};

/** One run as it is, two in columns; `make` also gets the filter that leads to the rows of the run alone. */
const beside = (runs, names, make) => (runs.length === 1 ? make(runs[0], 0, {}) : el("div", { class: "columns" }, runs.map((run, place) => el("div", { class: "part" }, el("h3", {}, runMark(names, place)), make(run, place, { run: place })))));

const funnels = (runs, names) => panel("funnel", "Funnel", "From plan to published", "What every stage gave on, and what it dropped for which reason. Follow a reason to its rows.", beside(runs, names, funnel));

const partsOf = (runs, list, filter) => union(...runs.map((run) => run[list].map((entry) => entry.key))).map((key) => {
  const found = runs.map((run) => run[list].find((entry) => entry.key === key));
  const name = found.find(Boolean).name;
  return { label: name, title: key, href: toRows({ [filter]: key }), values: found.map((entry) => (entry ? entry.rows : 0)), asked: found.map((entry) => (entry ? entry.asked : 0)) };
});

const contents = (runs, names) => {
  const crossing = sum(runs.map((run) => run.crossing));
  const languages = partsOf(runs, "languages", "language");
  const grid = (run, place, ofRun) => {
    const codes = run.languages.filter((language) => language.rows);
    const families = run.families.filter((family) => family.rows);
    return heat("Rows by family and language", codes.map((code) => ({ label: code.key, title: code.name })), families.map((family) => ({
      label: family.key,
      values: codes.map((code) => (run.cells[family.key] || {})[code.key] || 0),
      hrefs: codes.map((code) => toRows({ ...ofRun, family: family.key, language: code.key })),
    })));
  };
  return panel("contents", "Contents", "Families and languages", `A tick marks the share that the recipe asks for.${crossing ? ` The language is the query's; ${count(crossing)} rows have documents in another one.` : ""}`,
    runs.length > 1 ? legend(["fill run-0", names[0]], ["fill run-1", names[1]]) : null,
    el("div", { class: "columns" }, part("Families", bars("Rows by family", partsOf(runs, "families", "family"))), part("Languages", folded(12, (lines) => bars("Rows by language", lines), languages))),
    beside(runs, names, grid));
};

const asked = (length) => (length.low || length.high !== null ? (length.high === null ? `at least ${length.low}` : `${length.low}–${length.high}`) : "any length");

const lengths = (runs, names) => {
  const key = (length) => JSON.stringify([length.family, length.column, length.low, length.high]);
  const found = runs.map((run) => new Map(run.lengths.map((length) => [key(length), length])));
  const keys = union(...found.map((map) => [...map.keys()])).sort((a, b) => { const [x, y] = [a, b].map((text) => JSON.parse(text)[0]); return x < y ? -1 : x > y ? 1 : 0; });
  if (!keys.length) return null;
  const most = Math.max(10, ...runs.flatMap((run) => run.lengths.map((length) => Math.max(length.found.most, length.high || length.low))));
  const place = (words) => Math.log(Math.max(1, words)) / Math.log(most * 1.1);
  const ticks = [1, 3, 10, 30, 100, 300, 1000, 3000, 10000].filter((tick) => tick <= most);
  const track = (length, run) => el("div", { class: "range" },
    length.low || length.high !== null ? el("i", { class: length.high === null ? "band open" : "band", style: { left: at(place(length.low)), right: at(1 - (length.high === null ? 1 : place(length.high))) } }) : null,
    el("i", { class: `whole run-${run}`, style: { left: at(place(length.found.least)), right: at(1 - place(length.found.most)) } }),
    el("i", { class: `most run-${run}`, style: { left: at(place(length.found.low)), right: at(1 - place(length.found.high)) } }),
    el("i", { class: `middle run-${run}`, style: { left: at(place(length.found.middle)) } }));
  const said = (length) => (length.low || length.high !== null ? percent(length.texts - length.shorter - length.longer, length.texts) : "");
  const lines = keys.map((name, place) => {
    const both = found.map((map) => map.get(name));
    const length = both.find(Boolean);
    const opens = !place || JSON.parse(keys[place - 1])[0] !== length.family;
    return [opens ? el("tr", {}, el("th", { scope: "rowgroup", colspan: 4 }, length.family)) : null, el("tr", {},
      el("th", { scope: "row" }, `${length.column} `, el("small", { class: "soft" }, asked(length))),
      el("td", { class: "tracks" }, both.map((one, run) => (one ? track(one, run) : el("div", { class: "range" })))),
      el("td", { class: "number" }, both.map((one) => el("div", { title: one ? `${count(one.texts)} texts: ${count(one.shorter)} shorter, ${count(one.longer)} longer; from ${one.found.least} to ${one.found.most} words` : null }, one ? count(one.found.middle) : "–"))),
      el("td", { class: "number" }, both.map((one) => el("div", {}, one ? said(one) || "–" : "–"))))];
  });
  return panel("lengths", "Lengths", "Lengths asked for and found", "Words of accepted texts on a logarithmic scale, against the bounds that the model was given.",
    legend(["band", "asked for"], ["whole run-0", "shortest to longest"], ["most run-0", "the middle four fifths"], ["middle run-0", "median"], ...(runs.length > 1 ? [["fill run-0", names[0]], ["fill run-1", names[1]]] : [])),
    el("table", { class: "lengths" }, el("caption", { class: "unseen" }, "Lengths by family and column"),
      el("thead", {}, el("tr", {}, el("th", { scope: "col" }, "texts"), el("td", { class: "tracks" }, el("div", { class: "ticks", "aria-hidden": "true" }, ticks.map((tick) => el("span", { style: { left: at(place(tick)) } }, count(tick))))), el("th", { scope: "col", class: "number" }, "median"), el("th", { scope: "col", class: "number" }, "within"))),
      el("tbody", {}, lines)));
};

const negatives = (runs, names) => {
  const families = union(...runs.map((run) => run.hardness.map((one) => one.family)));
  if (!families.length) return null;
  const nothing = new Array(10).fill(0);
  const alike = families.map((family) => histogram(family, runs.map((run, place) => ({ name: names[place], class: `run-${place}`, counts: (run.hardness.find((one) => one.family === family) || { alike: nothing }).alike }))));
  const dots = (run) => el("table", { class: "dots" }, el("caption", { class: "unseen" }, "Mean share of the query's words in positives and negatives"), el("tbody", {}, run.overlaps.map((one) =>
    el("tr", {}, el("th", { scope: "row" }, one.family), el("td", { class: "tracks" }, el("div", { class: "range" },
      el("i", { class: "link", style: { left: at(Math.min(one.positives, one.negatives)), right: at(1 - Math.max(one.positives, one.negatives)) } }),
      el("i", { class: "dot negative", style: { left: at(one.negatives) } }), el("i", { class: "dot positive", style: { left: at(one.positives) } }))),
    el("td", { class: "number" }, percent(one.positives, 1), el("span", { class: "soft" }, " / "), percent(one.negatives, 1))))));
  const scored = (run) => el("div", { class: "multiples wide" }, run.scores.map((one) => histogram(one.scorer === "requested" ? "grade asked for, rescaled" : one.scorer, [{ name: "positives", class: "positive", counts: one.positives }, { name: "negatives", class: "negative", counts: one.negatives }])));
  return panel("negatives", "Negatives", "How hard the negatives are", null,
    part("Closest negative and positive", el("p", { class: "soft" }, "Rows by character similarity, 0 to 1: far right is a near copy, far left an easy negative."),
      runs.length > 1 ? legend(["fill run-0", names[0]], ["fill run-1", names[1]]) : null, el("div", { class: "multiples" }, alike)),
    el("div", { class: "columns" },
      runs.some((run) => run.overlaps.length) ? part("The query's words in the documents", el("p", { class: "soft" }, "A negative that shares as many words with the query as the positive cannot be told by its words; mean over the rows that this page holds."), legend(["dot positive", "in positives"], ["dot negative", "in negatives"]), beside(runs, names, dots)) : null,
      runs.some((run) => run.scores.length) ? part("Scores of positives and negatives", el("p", { class: "soft" }, "The further apart, the easier."), legend(["fill positive", "positives"], ["fill negative", "negatives"]), beside(runs, names, scored)) : null));
};

const TWINS = 8;
const REPEATS = ["duplicate", "near_duplicate"];

const duplicates = (runs, names) => panel("duplicates", "Duplicates", "Duplicates found", "Of two that repeat each other the earlier one stays.", beside(runs, names, (run, place, ofRun) => {
  const found = run.ledger.flatMap((stage) => REPEATS.filter((reason) => stage.dropped[reason]).map((reason) => [stage.name, reason, stage.dropped[reason]]));
  if (!found.length) return el("p", {}, "None.");
  const known = new Map(run.rows.map((row) => [row.id, row]));
  const pairs = run.rows.filter((row) => row.stage === "curate" && REPEATS.includes(row.reason))
    .map((row) => [row, known.get((row.detail.match(/\b[0-9a-f]{16}\b/) || [])[0])]).filter(([, twin]) => twin);
  return el("div", {},
    el("p", { class: "reasons" }, found.map(([stage, reason, number]) => el("a", { class: "tag", href: toRows({ ...ofRun, status: "rejected", reason: `${stage} ${reason}` }) }, el("b", {}, count(number)), ` ${plain(reason)} ${stage === "brainstorm" ? "tasks" : "rows"}`))),
    pairs.length ? folded(TWINS, (shown) => el("ul", { class: "pairs" }, shown.map(([row, twin]) => el("li", {},
      el("p", { class: "soft" }, `${plain(row.reason)} · ${row.family} · ${row.detail.replace(/ (as|like that of) [0-9a-f]{16}$/, "")}`),
      el("div", { class: "texts" }, [["kept", twin], ["dropped", row]].map(([side, one]) => [el("span", { class: "side" }, side), written("p", one.query, one.languages[0], [])]))))), pairs) : null);
}));

const spending = (runs, names) => panel("spending", "Cost", "Models, tokens and cost", null, beside(runs, names, (run, place) => el("div", {},
  table("Tokens and cost by model", ["model", "rows", "tokens read", "tokens written", "cost"], run.models.map((model) => [el("code", {}, model.model || "none"), whole.format(model.rows), whole.format(model.tokens_in), whole.format(model.tokens_out), dollars(model.cost)])),
  run.models.some((model) => model.cost === null) ? el("p", { class: "soft" }, "Without a price in the recipe's table [prices] there is no cost.") : null,
  run.recorded ? el("p", { class: "soft" }, "Recordings may not know their tokens.") : null,
  part("Model calls by family", bars("Model calls by family", Object.entries(run.requests).map(([family, number]) => ({ label: family, values: [number], run: place })))),
  el("details", { class: "fold" }, el("summary", {}, "Prompts"), table("Rows by prompt", ["prompt, its version and the digest of its words", "rows"], Object.entries(run.prompts).map(([prompt, number]) => [el("code", {}, prompt), count(number)]))))));

const settings = (runs, names) => {
  const keys = union(...runs.map((run) => Object.keys(run.settings)));
  const said = (value) => (value === undefined ? "–" : typeof value === "string" ? value : JSON.stringify(value));
  const differ = keys.filter((key) => said(runs[0].settings[key]) !== said(runs[runs.length - 1].settings[key]));
  const lines = (shown) => shown.map((key) => [el("code", {}, key), ...runs.map((run) => said(run.settings[key]))]);
  const heads = runs.length > 1 ? ["setting", runMark(names, 0), runMark(names, 1)] : ["setting", "value"];
  const marks = runs.map((run) => run.fingerprint).join(" and ");
  return panel("settings", "Recipe", "Recipe", `Fingerprint ${marks}: runs of one fingerprint ask for the same words.`,
    runs.length > 1 ? part("What differs", differ.length ? table("Settings that differ", heads, lines(differ)) : el("p", {}, "Nothing: the recipes are the same.")) : null,
    el("details", { class: "fold" }, el("summary", {}, "All settings"), table("All settings", heads, lines(keys))));
};

const holdings = (runs) => {
  const held = (test, all) => { const shown = sum(runs.map((run) => run.rows.filter(test).length)); return shown === all ? `all ${count(all)}` : `${count(shown)} of ${count(all)}`; };
  const [accepted, rejected] = ["accepted", "rejected"].map((name) => sum(runs.map((run) => run[name])));
  const whole = `This page holds ${held((row) => !row.reason, accepted)} accepted rows`;
  return rejected ? `${whole} and ${held((row) => row.reason, rejected)} rejected rows, replies and tasks; where not all, they are chosen evenly.` : `${whole}; nothing was rejected.`;
};
