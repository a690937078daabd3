// The browser of rows: search, filters, order, keyboard.

const STEP = 40;
const CONTROLS = ["run", "status", "reason", "family", "language", "order"];
const find = (id) => document.getElementById(id);

const rowsOf = (runs, names) =>
  runs.flatMap((run, place) =>
    run.rows.map((row) => ({
      ...row,
      run: place,
      runName: names[place] || "",
      rejected: Boolean(row.reason),
      hay: [
        row.query,
        row.task,
        row.id,
        row.reason || "",
        row.detail || "",
        row.reply || "",
        ...row.positives.map((text) => text.text),
        ...row.negatives.map((text) => text.text),
      ]
        .join("\n")
        .toLowerCase(),
    })),
  );

const wordsIn = (row, column) => Math.max(0, ...((row.words || {})[column] || []));
const longest = (row) => Math.max(...["query", "positives", "negatives"].map((column) => wordsIn(row, column)));
const ORDERS = {
  run: ["run order", null],
  alike: ["closest negatives first", (row) => -(row.alike ?? -1)],
  long: ["longest first", (row) => -longest(row)],
  short: ["shortest first", (row) => longest(row)],
};

const startRows = (runs, names) => {
  const rows = rowsOf(runs, names);
  const ids = new Set(rows.map((row) => row.id));
  const languages = new Map(runs.flatMap((run) => run.languages.map((language) => [language.key, language.name])));
  const search = find("search");
  const list = find("list");
  let matching = rows;
  let shown = 0;

  const fill = (id, first, entries) =>
    find(id).append(...[["", first], ...entries].map(([value, label]) => el("option", { value }, label)));
  const tally = (keys) =>
    [...keys.reduce((counts, key) => counts.set(key, (counts.get(key) || 0) + 1), new Map())].filter(
      ([key]) => key !== "",
    );
  fill(
    "run",
    "both runs",
    names.map((name, place) => [String(place), name]),
  );
  find("run").hidden = !names.length;
  fill("status", "all rows", [
    ["accepted", "accepted"],
    ["rejected", "rejected"],
  ]);
  fill(
    "reason",
    "any reason",
    tally(rows.filter((row) => row.rejected).map((row) => `${row.stage} ${row.reason}`))
      .sort((a, b) => b[1] - a[1])
      .map(([key]) => [key, plain(key.replace(" ", ": "))]),
  );
  find("reason").hidden = !rows.some((row) => row.rejected);
  fill(
    "family",
    "any family",
    tally(rows.map((row) => row.family))
      .sort()
      .map(([key]) => [key, key]),
  );
  const byName = (a, b) => (a[1] < b[1] ? -1 : 1);
  fill(
    "language",
    "any language",
    union(rows.flatMap((row) => row.languages))
      .map((code) => [code, languages.get(code) || code])
      .sort(byName),
  );
  find("order").append(...Object.entries(ORDERS).map(([value, [label]]) => el("option", { value }, label)));

  const more = () => {
    const next = matching.slice(shown, shown + STEP);
    const sought = words();
    list.append(...next.map((row) => rowItem(row, languages, ids, sought)));
    shown += next.length;
    find("more").hidden = shown >= matching.length;
    find("more").textContent =
      `Show ${count(Math.min(STEP, matching.length - shown))} more of ${count(matching.length - shown)}`;
  };
  const words = () => search.value.toLowerCase().split(/\s+/).filter(Boolean);

  const apply = () => {
    const [run, status, reason, family, language, order] = CONTROLS.map((id) => find(id).value);
    const sought = words();
    matching = rows.filter(
      (row) =>
        (!run || row.run === Number(run)) &&
        (!status || row.rejected === (status === "rejected")) &&
        (!reason || (row.rejected && `${row.stage} ${row.reason}` === reason)) &&
        (!family || row.family === family) &&
        (!language || row.languages.includes(language)) &&
        sought.every((word) => row.hay.includes(word)),
    );
    const rank = (ORDERS[order] || ORDERS.run)[1];
    if (rank)
      matching = matching
        .map((row) => [rank(row), row])
        .sort((a, b) => a[0] - b[0])
        .map(([, row]) => row);
    shown = 0;
    list.replaceChildren();
    more();
    const share =
      matching.length === rows.length
        ? `All ${count(rows.length)}`
        : `${count(matching.length)} of the ${count(rows.length)}`;
    find("count").textContent = matching.length
      ? `${share} rows that this page holds`
      : "No row fits: clear a filter, or search for less.";
    const state = new URLSearchParams(
      ["search", ...CONTROLS]
        .map((id) => [id, find(id).value])
        .filter(([id, value]) => value && !(id === "order" && value === "run")),
    );
    find("clear").disabled = !state.size;
    return state;
  };
  const changed = () => {
    const state = apply();
    history.replaceState(null, "", state.size ? `#rows?${state}` : "#rows");
  };
  const clear = () => {
    for (const id of ["search", ...CONTROLS]) find(id).value = id === "order" ? "run" : "";
    changed();
  };
  const follow = () => {
    if (!location.hash.startsWith("#rows?")) return;
    const state = new URLSearchParams(location.hash.slice(6));
    for (const id of ["search", ...CONTROLS]) find(id).value = state.get(id) || (id === "order" ? "run" : "");
    apply();
    find("rows").scrollIntoView();
  };

  let waiting;
  search.addEventListener("input", () => {
    clearTimeout(waiting);
    waiting = setTimeout(changed, 120);
  });
  for (const id of CONTROLS) find(id).addEventListener("change", changed);
  find("clear").addEventListener("click", clear);
  find("more").addEventListener("click", more);
  addEventListener("hashchange", follow);

  const step = (by) => {
    const heads = () => [...list.querySelectorAll("summary")];
    const here = heads().indexOf(document.activeElement);
    if (here + by >= heads().length && shown < matching.length) more();
    const next = heads()[Math.max(0, Math.min(heads().length - 1, here + by))];
    if (next) {
      next.focus({ preventScroll: true });
      next.scrollIntoView({ block: "nearest" });
    }
  };
  addEventListener("keydown", (event) => {
    if (event.ctrlKey || event.metaKey || event.altKey) return;
    if (event.target.closest("select")) return;
    if (event.key === "Escape") {
      search.blur();
      clear();
    }
    if (event.target.closest("input")) return;
    if (event.key === "/") {
      event.preventDefault();
      search.focus();
      search.scrollIntoView({ block: "nearest" });
    }
    if (event.key === "j" || event.key === "k") step(event.key === "j" ? 1 : -1);
  });

  apply();
  follow();
};
