// The browser of rows: search, filters, order, keyboard.

const CONTROLS = ["run", "status", "reason", "family", "language", "model", "order"];

const ORDERS = {
  run: ["run order", null],
  alike: ["closest negatives first", (held) => (a, b) => held.numbers.alike[b] - held.numbers.alike[a] || a - b],
  long: ["longest first", (held) => (a, b) => held.numbers.words[b] - held.numbers.words[a] || a - b],
  short: ["shortest first", (held) => (a, b) => held.numbers.words[a] - held.numbers.words[b] || a - b],
};

/** How often every value of a column stands. */
const tallied = ({ values, codes }) => {
  const counts = new Array(values.length).fill(0);
  for (const code of codes) counts[code]++;
  return values.map((value, place) => [value, counts[place]]);
};

const startRows = (runs, names) => {
  const held = openRows(runs);
  const { family, languages, model, reason } = held.columns;
  const named = new Map(runs.flatMap((run) => run.languages.map((language) => [language.key, language.name])));
  const [search, list, place] = ["search", "list", "place"].map(find);
  let [matching, turn] = [[], 0];

  const fill = (id, first, entries, least = 1) => {
    find(id).append(
      ...[["", first], ...entries].map(([value, label, number]) =>
        el("option", { value }, number === undefined ? label : `${label} (${count(number)})`),
      ),
    );
    find(id).hidden = entries.length < least;
  };
  const byName = (a, b) => (a[1] < b[1] ? -1 : 1);
  const rejections = tallied(reason).filter(([key]) => key);
  const spoken = new Map();
  for (const [codes, number] of tallied(languages))
    for (const code of codes.split(" ").filter(Boolean)) spoken.set(code, (spoken.get(code) || 0) + number);
  fill(
    "run",
    "both runs",
    names.map((name, at) => [String(at), name]),
  );
  const dropped = sum(rejections.map(([, number]) => number));
  fill("status", "all rows", [
    ["accepted", "accepted", held.total - dropped],
    ["rejected", "rejected", dropped],
  ]);
  fill(
    "reason",
    "any reason",
    rejections.sort((a, b) => b[1] - a[1]).map(([key, number]) => [key, plain(key.replace(" ", ": ")), number]),
  );
  const choices = (column) =>
    tallied(column)
      .filter(([key]) => key)
      .map(([key, number]) => [key, key, number])
      .sort(byName);
  fill("family", "any family", choices(family));
  fill(
    "language",
    "any language",
    [...spoken].map(([code, number]) => [code, named.get(code) || code, number]).sort(byName),
  );
  fill("model", "any model", choices(model), 2);
  find("order").append(...Object.entries(ORDERS).map(([value, [label]]) => el("option", { value }, label)));

  const words = () => search.value.toLowerCase().split(/\s+/).filter(Boolean);
  const shown = startWindow(list, find("earlier"), find("more"), async (from, to) => {
    const sought = words();
    const rows = await held.rows(matching.slice(from, to));
    return rows.map((row, at) => rowItem(row, names[row.run], named, sought, from + at));
  });

  /** Numbers of the rows that the chosen filters leave, their texts not looked at. */
  const filtered = ([run, status, why, kind, language, by]) => {
    const spoke = languages.values.map((codes) => !language || codes.split(" ").includes(language));
    const code = ({ values }, value) => (value ? values.indexOf(value) : null);
    const [whyCode, kindCode, byCode] = [code(reason, why), code(family, kind), code(model, by)];
    const accepted = reason.values.indexOf("");
    const left = [];
    for (let row = 0; row < held.total; row++)
      if (
        (!run || held.runOf[row] === Number(run)) &&
        (!status || (reason.codes[row] === accepted) === (status === "accepted")) &&
        (whyCode === null || reason.codes[row] === whyCode) &&
        (kindCode === null || family.codes[row] === kindCode) &&
        (byCode === null || model.codes[row] === byCode) &&
        spoke[languages.codes[row]]
      )
        left.push(row);
    return left;
  };
  const said = (number, share) => {
    const all = number === held.total ? `All ${count(number)}` : `${count(number)} of the ${count(held.total)}`;
    find("count").textContent =
      share !== undefined
        ? `${count(number)} found, searching … ${percent(share, 1)}`
        : number
          ? `${all} rows that this page holds`
          : "No row fits: clear a filter, or search for less.";
  };

  /** Filter, search and sort; only the last call has a say. */
  const apply = async () => {
    const mine = ++turn;
    const chosen = CONTROLS.map((id) => find(id).value);
    const order = (ORDERS[chosen.at(-1)] || ORDERS.run)[1];
    const sought = words();
    let left = filtered(chosen);
    let begun = false;
    list.setAttribute("aria-busy", "true");
    if (sought.length)
      left = await held.search(left, sought, (found, share) => {
        if (mine !== turn) return false;
        said(found.length, share);
        if (!begun && !order && found.length >= STEP) {
          begun = true;
          matching = found;
          shown.begin(found.length);
        }
        return true;
      });
    if (left === null || mine !== turn) return;
    matching = order ? left.sort(order(held)) : left;
    if (!(await shown.begin(matching.length))) return;
    list.setAttribute("aria-busy", "false");
    place.max = matching.length;
    place.parentElement.hidden = matching.length <= STEP;
    said(matching.length);
  };
  const stateNow = () =>
    new URLSearchParams(
      ["search", ...CONTROLS]
        .map((id) => [id, find(id).value])
        .filter(([id, value]) => value && !(id === "order" && value === "run")),
    );
  const changed = () => {
    const state = stateNow();
    find("clear").disabled = !state.size;
    history.replaceState(null, "", state.size ? `#rows?${state}` : "#rows");
    return apply();
  };
  const clear = () => {
    for (const id of ["search", ...CONTROLS]) find(id).value = id === "order" ? "run" : "";
    changed();
  };
  const follow = () => {
    const asked = location.hash.startsWith("#rows?");
    const state = new URLSearchParams(asked ? location.hash.slice(6) : "");
    if (asked)
      for (const id of ["search", ...CONTROLS]) find(id).value = state.get(id) || (id === "order" ? "run" : "");
    find("clear").disabled = !stateNow().size;
    apply();
    if (asked) find("rows").scrollIntoView();
  };
  const goTo = async (number) => {
    if (await shown.begin(matching.length, number)) {
      list.scrollIntoView({ behavior: "instant" });
      list.querySelector("summary")?.focus({ preventScroll: true });
    }
  };

  let waiting;
  search.addEventListener("input", () => {
    clearTimeout(waiting);
    waiting = setTimeout(changed, 120);
  });
  search.addEventListener("focus", held.prepare, { once: true });
  for (const id of CONTROLS) find(id).addEventListener("change", changed);
  find("clear").addEventListener("click", clear);
  place.addEventListener("change", () => place.value && goTo(Number(place.value) - 1));
  addEventListener("hashchange", () => location.hash.startsWith("#rows?") && follow());

  const step = async (by) => {
    const heads = () => [...list.querySelectorAll("summary")];
    const last = document.activeElement;
    let here = heads().indexOf(last);
    if (here >= 0 && !heads()[here + by]) {
      await shown.grow(by > 0);
      here = heads().indexOf(last);
    }
    const next = heads()[Math.max(0, Math.min(heads().length - 1, here + by))];
    if (next) {
      next.focus({ preventScroll: true });
      next.scrollIntoView({ block: "nearest", behavior: "instant" });
    }
  };
  let steps = Promise.resolve(); // one after the other, however fast the keys come
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
    if (event.key === "j" || event.key === "k") steps = steps.then(() => step(event.key === "j" ? 1 : -1));
    if (event.key === "g" || event.key === "G") goTo(event.key === "g" ? 0 : matching.length - 1);
  });

  follow();
};
