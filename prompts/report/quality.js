// How varied the rows are, and whether style gives their sides away.

const share = (number) => (number === null || number === undefined ? "–" : number.toFixed(2));

const varietyLines = (families) =>
  Object.entries(families).flatMap(([family, found]) =>
    ["queries", "positives"].flatMap((side) =>
      Object.entries(found[side]).map(([code, one]) => [
        family,
        side,
        code,
        count(one.texts),
        ...one.distinct.map(share),
        share(one.shared),
      ]),
    ),
  );

const axisLines = (families) =>
  Object.entries(families).flatMap(([family, found]) =>
    Object.entries(found.axes).flatMap(([axis, values]) =>
      Object.entries(values).map(([value, [asked, got]]) => [
        family,
        plain(axis),
        value,
        count(asked),
        count(got),
        percent(got, asked),
      ]),
    ),
  );

const SHORTCUT = 0.65; // AUC from which a model may learn the style instead of the meaning

/** Share of distinct pairs of words, from the lowest to the highest language. */
const pairs = (languages) => {
  const found = Object.values(languages).map((one) => one.distinct[1]);
  if (!found.length) return "–";
  const [low, high] = [Math.min(...found), Math.max(...found)].map(share);
  return low === high ? low : `${low}–${high}`;
};

const told = (auc) => (auc > SHORTCUT ? el("b", { class: "told" }, share(auc)) : share(auc));

const unfolding = (title, ...children) => el("details", { class: "fold" }, el("summary", {}, title), ...children);

const quality = (runs, names) => {
  const described = runs.some((run) => Object.keys(run.quality.diversity.families || {}).length);
  if (!described) return null;
  const mined = runs.some((run) => Object.values(run.quality.audit).some((found) => found.origins !== null));
  const one = (run) => {
    const { families = {}, models = {} } = run.quality.diversity;
    const axes = axisLines(families);
    const repeated = Object.entries(models).filter(([, found]) => found.repeated);
    return el(
      "div",
      {},
      run.warnings.map((words) => el("p", { class: "note" }, words)),
      run.benchmarks.map((account) => el("p", { class: "benchmark" }, account.statement)),
      table(
        "Variety by family",
        [
          "family",
          "tasks",
          "kinds",
          "evenness",
          "distinct pairs, queries",
          "positives",
          "style tells sides",
          ...(mined ? ["mined from written"] : []),
        ],
        Object.entries(families).map(([family, { tasks, queries, positives }]) => {
          const { labels = null, origins = null } = run.quality.audit[family] || {};
          return [
            family,
            count(tasks.tasks),
            count(tasks.kinds),
            share(tasks.evenness),
            pairs(queries),
            pairs(positives),
            told(labels),
            ...(mined ? [told(origins)] : []),
          ];
        }),
      ),
      repeated.length
        ? part(
            "Repeats by model",
            table(
              "Rows that repeat others, by the model that wrote them",
              ["model", "rows", "repeats", "share"],
              repeated.map(([model, found]) => [
                model,
                count(found.rows),
                count(found.repeated),
                percent(found.repeated, found.rows),
              ]),
            ),
          )
        : null,
      unfolding(
        "Words by language",
        table(
          "Distinct runs of 1, 2 and 3 words, and the share of runs of 4 that another text has too",
          ["family", "side", "language", "texts", "distinct-1", "distinct-2", "distinct-3", "shared runs of 4"],
          varietyLines(families),
        ),
      ),
      axes.length
        ? unfolding(
            "Values asked for",
            table(
              "Rows written and left by the values that were asked for",
              ["family", "axis", "value", "written", "left", "share"],
              axes,
            ),
          )
        : null,
    );
  };
  return panel(
    "quality",
    "Variety",
    "Variety and shortcuts",
    "Kinds are clusters of like tasks; evenness is 1 where rows spread evenly over unlike ones. Distinct pairs: share of distinct pairs of words, from the lowest to the highest language. Style: how well a classifier that never sees the query tells positives from negatives (AUC), 0.5 being by chance.",
    beside(runs, names, one),
  );
};
