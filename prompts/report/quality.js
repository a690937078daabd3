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

const quality = (runs, names) => {
  const described = runs.some((run) => Object.keys(run.quality.diversity.families || {}).length);
  if (!described) return null;
  const one = (run) => {
    const { families = {}, models = {} } = run.quality.diversity;
    const audited = Object.entries(run.quality.audit);
    const axes = axisLines(families);
    return el(
      "div",
      {},
      run.warnings.map((words) => el("p", { class: "warning" }, words)),
      run.benchmarks.map((account) => el("p", {}, account.statement)),
      part(
        "Words",
        folded(
          12,
          (lines) =>
            table(
              "Distinct runs of 1, 2 and 3 words, and the share of runs of 4 that another text has too",
              ["family", "side", "language", "texts", "distinct-1", "distinct-2", "distinct-3", "shared"],
              lines,
            ),
          varietyLines(families),
        ),
      ),
      part(
        "Tasks",
        table(
          "Kinds of tasks, and how evenly rows spread over them",
          ["family", "tasks", "kinds", "evenness"],
          Object.entries(families)
            .filter(([, found]) => found.tasks.tasks)
            .map(([family, { tasks }]) => [family, count(tasks.tasks), count(tasks.kinds), share(tasks.evenness)]),
        ),
      ),
      part(
        "Repeats by model",
        table(
          "Rows that repeat others, by the model that wrote them",
          ["model", "rows", "repeats", "share"],
          Object.entries(models).map(([model, found]) => [
            model,
            count(found.rows),
            count(found.repeated),
            percent(found.repeated, found.rows),
          ]),
        ),
      ),
      axes.length
        ? part(
            "Axes",
            folded(
              12,
              (lines) =>
                table(
                  "Rows written and left by the values that were asked for",
                  ["family", "axis", "value", "written", "left", "share"],
                  lines,
                ),
              axes,
            ),
          )
        : null,
      audited.length
        ? part(
            "Can style tell the sides apart?",
            el(
              "p",
              { class: "soft" },
              "AUC of a classifier that never sees the query, 0.5 when it cannot: positives from negatives, and written from mined negatives.",
            ),
            table(
              "Query-blind audit",
              ["family", "rows", "positive or negative", "written or mined"],
              audited.map(([family, found]) => [family, count(found.rows), share(found.labels), share(found.origins)]),
            ),
          )
        : null,
    );
  };
  return panel("quality", "Variety", "Variety and shortcuts", null, beside(runs, names, one));
};
