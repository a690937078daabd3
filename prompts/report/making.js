// What a run cost, and what it was made from.

const modelName = (model) =>
  el(
    "span",
    {},
    el("code", {}, model.name || "none"),
    model.model && model.model !== model.name ? el("small", { class: "soft" }, ` ${model.model}`) : null,
  );

/** Why rows that a model was asked for are not among the accepted ones. */
const rejects = (model, named) => {
  const reasons = Object.entries(model.dropped).sort((a, b) => b[1] - a[1] || (a[0] < b[0] ? -1 : 1));
  return reasons.length
    ? el(
        "p",
        { class: "reasons" },
        el("span", { class: "soft" }, named ? `${model.name} lost ` : "lost "),
        reasons.map(([reason, number]) =>
          el("span", { class: "tag" }, el("b", {}, count(number)), ` ${plain(reason)}`),
        ),
      )
    : null;
};

const spending = (runs, names) =>
  runs.some((run) => run.models.length) &&
  panel(
    "spending",
    "Cost",
    "Models, tokens and cost",
    "Rows asked for count second tries of a place; tokens and calls include those for task lists.",
    beside(runs, names, (run, place) =>
      el(
        "div",
        {},
        table(
          "What each model gave and cost",
          ["model", "rows asked", "accepted", "yield", "calls", "tokens read", "tokens written", "cost", "a row"],
          run.models.map((model) => [
            modelName(model),
            count(model.asked),
            count(model.accepted),
            percent(model.accepted, model.asked),
            count(model.requests),
            count(model.tokens_in),
            count(model.tokens_out),
            dollars(model.cost),
            model.cost === null || !model.accepted ? "–" : dollars(model.cost / model.accepted),
          ]),
        ),
        run.models.map((model) => rejects(model, run.models.length > 1)),
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
