// How hard the negatives are.

const negatives = (runs, names) => {
  const families = union(...runs.map((run) => run.hardness.map((one) => one.family)));
  if (!families.length) return null;
  const nothing = new Array(10).fill(0);
  const alike = families.map((family) =>
    histogram(
      family,
      runs.map((run, place) => ({
        name: names[place],
        class: `run-${place}`,
        counts: (run.hardness.find((one) => one.family === family) || { alike: nothing }).alike,
      })),
    ),
  );
  const dots = (run) =>
    el(
      "table",
      { class: "dots" },
      el("caption", { class: "unseen" }, "Mean share of the query's words in positives and negatives"),
      el(
        "tbody",
        {},
        run.overlaps.map((one) =>
          el(
            "tr",
            {},
            el("th", { scope: "row" }, one.family),
            el(
              "td",
              { class: "tracks" },
              el(
                "div",
                { class: "range" },
                el("i", {
                  class: "link",
                  style: {
                    left: at(Math.min(one.positives, one.negatives)),
                    right: at(1 - Math.max(one.positives, one.negatives)),
                  },
                }),
                el("i", { class: "dot negative", style: { left: at(one.negatives) } }),
                el("i", { class: "dot positive", style: { left: at(one.positives) } }),
              ),
            ),
            el(
              "td",
              { class: "number" },
              percent(one.positives, 1),
              el("span", { class: "soft" }, " / "),
              percent(one.negatives, 1),
            ),
          ),
        ),
      ),
    );
  const scored = (run) =>
    el(
      "div",
      { class: "multiples wide" },
      run.scores.map((one) =>
        histogram(one.scorer === "requested" ? "grade asked for, rescaled" : one.scorer, [
          { name: "positives", class: "positive", counts: one.positives },
          { name: "negatives", class: "negative", counts: one.negatives },
        ]),
      ),
    );
  return panel(
    "negatives",
    "Negatives",
    "How hard the negatives are",
    null,
    part(
      "Closest negative and positive",
      el(
        "p",
        { class: "soft" },
        "Rows by character similarity, 0 to 1: far right is a near copy, far left an easy negative.",
      ),
      runs.length > 1 ? legend(["fill run-0", names[0]], ["fill run-1", names[1]]) : null,
      el("div", { class: "multiples" }, alike),
    ),
    el(
      "div",
      { class: "columns" },
      runs.some((run) => run.overlaps.length)
        ? part(
            "The query's words in the documents",
            el(
              "p",
              { class: "soft" },
              "A negative that shares as many words with the query as the positive cannot be told by its words; mean over the rows that this page holds.",
            ),
            legend(["dot positive", "in positives"], ["dot negative", "in negatives"]),
            beside(runs, names, dots),
          )
        : null,
      runs.some((run) => run.scores.length)
        ? part(
            "Scores of positives and negatives",
            el("p", { class: "soft" }, "The further apart, the easier."),
            legend(["fill positive", "positives"], ["fill negative", "negatives"]),
            beside(runs, names, scored),
          )
        : null,
    ),
  );
};
