// What a run cost, and what it was made from.

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
            el("code", {}, model.name || "none"),
            whole.format(model.accepted),
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
  const held = (rejected, all) => {
    const shown = sum(
      runs.map(({ held: { coded } }) => {
        const accepted = coded.reason.values.indexOf("");
        return coded.reason.codes.filter((code) => (code !== accepted) === rejected).length;
      }),
    );
    return shown === all ? `all ${count(all)}` : `${count(shown)} of ${count(all)}`;
  };
  const [accepted, rejected] = ["accepted", "rejected"].map((name) => sum(runs.map((run) => run[name])));
  const first = `This page holds ${held(false, accepted)} accepted rows`;
  return rejected
    ? `${first} and ${held(true, rejected)} rejected rows, replies and tasks; where not all, they are chosen evenly.`
    : `${first}; nothing was rejected.`;
};
