// The row that is decided on.

const SIGNS = { query: "query", positives: "positive", negatives: "negative" };

/** Every text of a row: column, words as they were, words as a person left them, language. */
const textsOf = (row) =>
  ["query", "positives", "negatives"].flatMap((column) => {
    const own = column === "query" ? [{ text: row.query }] : row[column];
    const edited = row.verdict?.[column] === undefined ? null : [row.verdict[column]].flat();
    const code = column === "query" ? row.languages[0] : row.languages[1];
    const length = Math.max(own.length, edited ? edited.length : 0);
    return Array.from({ length }, (_, place) => {
      const was = own[place]?.text ?? "";
      return { column, code, was, now: edited ? (edited[place] ?? was) : was, grade: own[place]?.grade };
    });
  });

const decidedAs = ({ verdict, dropped }) => {
  if (!verdict) return el("span", { class: "soft" }, dropped ? "dropped by curation" : "accepted by curation");
  if (!verdict.accept) return el("b", { class: "no" }, "rejected");
  const edited = ["query", "positives", "negatives"].some((column) => column in verdict);
  return el("b", { class: "yes" }, `${dropped ? "taken back" : "accepted"}${edited ? ", edited" : ""}`);
};

const cardOf = (row, languages) => {
  const shown = textsOf(row).map(({ column, code, was, now, grade }) => [
    el(
      "span",
      { class: `side ${column}` },
      SIGNS[column],
      grade === null || grade === undefined
        ? null
        : el("span", { class: "grade", title: "grade asked for" }, String(grade)),
      now === was ? null : el("span", { class: "chip" }, now ? "edited" : "taken out"),
    ),
    written("p", now, code, []),
    now === was || !was
      ? null
      : [
          el("span", { class: "side" }, "was"),
          el("p", { class: "words", lang: code, dir: "auto" }, el("s", {}, was)),
        ],
  ]);
  return [
    el(
      "div",
      { class: "head" },
      el("span", { class: "chip" }, row.family),
      el(
        "span",
        {},
        union(row.languages)
          .map((code) => languages.get(code) || code)
          .join(" → "),
      ),
      decidedAs(row),
    ),
    row.dropped
      ? el("p", { class: "detail" }, el("strong", {}, plain(row.dropped.reason)), " · ", row.dropped.detail)
      : null,
    row.doubts.length
      ? el(
          "ul",
          { class: "doubts" },
          row.doubts.map((doubt) => el("li", {}, doubt)),
        )
      : null,
    el("p", { class: "task" }, el("span", { class: "soft" }, "task "), row.task),
    el("div", { class: "texts" }, shown),
    el("details", { class: "more" }, el("summary", {}, "How it was made"), facts(row)),
  ].filter(Boolean);
};

/** The same row with its texts open for editing, and what they came to. */
const editorOf = (row, save, leave) => {
  const fields = textsOf(row).map((text) => ({
    ...text,
    area: el("textarea", {
      class: "words",
      dir: "auto",
      lang: text.code,
      rows: Math.min(14, 1 + Math.ceil(text.now.length / 80)),
      "aria-label": SIGNS[text.column],
    }),
  }));
  for (const { area, now } of fields) area.value = now;
  const words = () =>
    Object.fromEntries(
      ["query", "positives", "negatives"].map((column) => {
        const values = fields.filter((field) => field.column === column).map(({ area }) => area.value);
        return [column, column === "query" ? values[0] : values];
      }),
    );
  const form = el(
    "div",
    { class: "editor" },
    el("p", { class: "soft" }, "A positive or negative without words is taken out."),
    el(
      "div",
      { class: "texts" },
      fields.map(({ column, area }) => [el("span", { class: `side ${column}` }, SIGNS[column]), area]),
    ),
    el(
      "div",
      { class: "buttons" },
      el("button", { type: "button", class: "yes" }, "Save and accept"),
      el("button", { type: "button" }, "Leave as it was"),
    ),
  );
  const [keep, drop] = form.querySelectorAll(".buttons button");
  keep.addEventListener("click", save);
  drop.addEventListener("click", leave);
  form.addEventListener("keydown", (event) => {
    event.stopPropagation();
    if (event.key === "Escape") leave();
    if (event.key === "Enter" && (event.ctrlKey || event.metaKey)) save();
  });
  return { form, words };
};
