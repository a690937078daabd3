// What every stage gave on and dropped, and the duplicates among it.

const OUTCOME = {
  brainstorm: "tasks listed",
  generate: "rows written",
  import: "rows read",
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
    stageOf(run, "import")
      ? line("rows given", stageOf(run, "import").created, 0, most, [])
      : line("rows planned", run.target, 0, most, []),
    asking ? line("rows asked for, second tries included", asking.created, 0, most, []) : null,
    rowStages.map((stage) => stageLine(stage, most)),
  );
};

const funnels = (runs, names) =>
  panel(
    "funnel",
    "Funnel",
    "From plan to published",
    "What every stage gave on, and what it dropped for which reason. Follow a reason to its rows.",
    beside(runs, names, funnel),
  );

const TWINS = 8;
const REPEATS = ["duplicate", "near_duplicate", "known_duplicate", "semantic_duplicate"];

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
        run.twins.length && run.twins.length < sum(found.map(([, , number]) => number))
          ? el("p", { class: "soft" }, `${count(run.twins.length)} of them beside the rows they repeat:`)
          : null,
        run.twins.length
          ? folded(
              TWINS,
              (shown) =>
                el(
                  "ul",
                  { class: "pairs" },
                  shown.map((twins) =>
                    el(
                      "li",
                      {},
                      el(
                        "p",
                        { class: "soft" },
                        `${plain(twins.reason)} · ${twins.family} · ${twins.detail.replace(/ (as|like that of) [0-9a-f]{16}$/, "")}`,
                      ),
                      el(
                        "div",
                        { class: "texts" },
                        [
                          ["kept", twins.kept],
                          ["dropped", twins.dropped],
                        ].map(([side, query]) => [
                          el("span", { class: "side" }, side),
                          written("p", query, twins.language, []),
                        ]),
                      ),
                    ),
                  ),
                ),
              run.twins,
            )
          : null,
      );
    }),
  );
