// The review: which row, what is decided, and where to go next.

const FILTERS = ["verdict", "status", "reason", "family", "language", "order", "sample"];

const review = async () => {
  const rows = startRows();
  const state = await ask("state");
  const card = find("card");
  const languages = new Map(state.choices.language.map(([code]) => [code, nameOf(code)]));
  let [numbers, place, row] = [[], 0, null];
  let [undoable, over] = [false, false];
  let editing = null; // gives the words of the open editor

  const fill = (id, first, entries) => {
    find(id).append(
      ...[...(first ? [["", first]] : []), ...entries].map(([value, label]) => el("option", { value }, label)),
    );
    find(id).hidden = entries.length < 2;
  };
  const counted = (choices, label = (value) => value) =>
    choices.map(([value, number]) => [value, `${label(value)} (${count(number)})`]);
  fill("verdict", "decided or not", [
    ["open", "still open"],
    ["accepted", "accepted here"],
    ["rejected", "rejected here"],
    ["edited", "edited here"],
  ]);
  find("verdict").value = "open";
  fill("status", "accepted and dropped", [
    ["accepted", "accepted by curation"],
    ["dropped", "dropped by curation"],
  ]);
  find("status").value = "accepted";
  fill("reason", "any reason", counted(state.choices.reason, plain));
  fill("family", "any family", counted(state.choices.family));
  fill(
    "language",
    "any language",
    counted(state.choices.language, (code) => languages.get(code)),
  );
  fill("order", null, [
    ["doubtful", "doubtful rows first"],
    ["random", "random order"],
    ["run", "run order"],
  ]);

  const show = (counts) => {
    const bar = find("progress");
    bar.setAttribute("aria-valuemax", counts.rows);
    bar.setAttribute("aria-valuenow", counts.decided);
    bar.firstElementChild.style.setProperty("width", at(counts.decided / counts.rows));
    undoable = counts.undo > 0;
    const said = ["accepted", "edited", "rejected"].filter((name) => counts[name]);
    find("counts").textContent =
      `${count(counts.decided)} of ${count(counts.rows)} decided` +
      (said.length ? `: ${said.map((name) => `${count(counts[name])} ${name}`).join(", ")}` : "");
  };
  const draw = () => {
    editing = null;
    for (const id of ["accept", "reject", "edit"]) find(id).disabled = !row;
    find("previous").disabled = place <= 0;
    find("next").disabled = place >= numbers.length - 1;
    find("undo").disabled = !undoable;
    find("finish").disabled = find("filters").inert = false;
    find("place").textContent = row ? `${count(place + 1)} of ${count(numbers.length)}` : "–";
    card.replaceChildren(
      ...(row
        ? cardOf(row, languages)
        : [
            el(
              "p",
              { class: "nothing" },
              numbers.length ? "That was the last row of this choice." : "No row fits this choice.",
            ),
          ]),
    );
  };
  const go = async (to) => {
    place = Math.max(0, Math.min(numbers.length, to));
    row = place < numbers.length ? await rows.get(numbers, place) : null;
    draw();
    scrollTo({ top: 0, behavior: "instant" });
  };
  const choose = async () => {
    find("reason").hidden = find("status").value === "accepted" || !state.choices.reason.length;
    if (find("reason").hidden) find("reason").value = "";
    const chosen = new URLSearchParams(FILTERS.map((id) => [id, find(id).value]).filter(([, value]) => value));
    ({ numbers } = await ask(`queue?${chosen}`));
    await go(0);
  };
  const decide = async (accept, words = {}) => {
    if (!row) return;
    const answer = await ask("verdict", { number: row.number, accept, ...words });
    rows.put(answer.row);
    show(answer.counts);
    await (accept === null ? go(place) : go(place + 1));
  };
  const undo = async () => {
    const answer = await ask("undo", {});
    show(answer.counts);
    if (!answer.row) return;
    rows.put(answer.row);
    const was = numbers.indexOf(answer.row.number);
    if (was < 0) numbers.splice(place, 0, answer.row.number);
    await go(was < 0 ? place : was);
  };
  const edit = () => {
    if (!row || editing) return;
    const { form, words } = editorOf(row, () => turn(ACTIONS.accept), draw);
    card.replaceChildren(form);
    editing = words;
    // nothing that would throw the new words away is at hand until they are saved or left
    for (const id of ["reject", "edit", "undo", "next", "previous", "finish"]) find(id).disabled = true;
    find("filters").inert = true;
    card.querySelector("textarea").focus();
  };
  const nextOpen = async () => {
    for (let to = place + 1; to < numbers.length; to++) if (!(await rows.get(numbers, to)).verdict) return go(to);
    await go(numbers.length);
  };
  const finish = async () => {
    const { counts } = await ask("finish", {});
    card.replaceChildren(
      el("h1", {}, "Done"),
      el(
        "p",
        {},
        `${count(counts.decided)} rows are decided. This page may be closed; the terminal says when the data set is assembled.`,
      ),
    );
    for (const id of ["filters", "actions", "keys", "finish"]) find(id).remove();
    over = true;
  };

  /** Do one thing after the other; what goes wrong is said on the page. */
  let last = Promise.resolve();
  const turn = (action) => {
    last = last.then(action).then(
      () => {
        find("trouble").hidden = true;
      },
      (error) => {
        find("trouble").textContent = error.message;
        find("trouble").hidden = false;
      },
    );
    return last;
  };
  const ACTIONS = {
    accept: () => decide(true, editing ? editing() : kept()),
    reject: () => decide(false),
    edit,
    undo,
    next: () => go(Math.min(place + 1, numbers.length - 1)),
    previous: () => go(place - 1),
    clear: () => decide(null),
    nextOpen,
  };
  /** The words that an earlier verdict gave; to accept a row again is no reason to lose them. */
  const kept = () =>
    Object.fromEntries(
      ["query", "positives", "negatives"]
        .filter((c) => row?.verdict?.[c] !== undefined)
        .map((c) => [c, row.verdict[c]]),
    );
  const KEYS = {
    a: "accept",
    r: "reject",
    e: "edit",
    u: "undo",
    j: "next",
    k: "previous",
    c: "clear",
    n: "nextOpen",
  };
  for (const id of ["accept", "reject", "edit", "undo", "next", "previous"])
    find(id).addEventListener("click", () => turn(ACTIONS[id]));
  find("finish").addEventListener("click", () => turn(finish));
  for (const id of FILTERS) find(id).addEventListener("change", () => turn(choose));
  addEventListener("keydown", (event) => {
    if (event.ctrlKey || event.metaKey || event.altKey || event.target.closest("select, input, textarea")) return;
    const action = KEYS[event.key];
    if (!action || editing || over) return;
    event.preventDefault();
    turn(ACTIONS[action]);
  });

  show(state.counts);
  await turn(choose);
};

const nameOf = (code) => {
  try {
    return new Intl.DisplayNames(["en"], { type: "language" }).of(code);
  } catch {
    return code;
  }
};

review();
