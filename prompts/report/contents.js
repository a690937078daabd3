// Families and languages.

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
    if (codes.length < 2 || families.length < 2) return null; // the bars say it all
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
