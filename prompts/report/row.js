// One row of the browser. What a model wrote is set as text, never as markup.

/** The text in pieces, with what was searched for marked. */
const marked = (text, sought) => {
  const low = text.toLowerCase();
  if (!sought.length || low.length !== text.length) return [text];
  const pieces = [];
  let from = 0;
  while (from < text.length) {
    const hits = sought.map((word) => [low.indexOf(word, from), word.length]).filter(([place]) => place >= 0);
    if (!hits.length) break;
    const [place, length] = hits.reduce((best, hit) =>
      hit[0] < best[0] || (hit[0] === best[0] && hit[1] > best[1]) ? hit : best,
    );
    if (place > from) pieces.push(text.slice(from, place));
    pieces.push(el("mark", {}, text.slice(place, place + length)));
    from = place + length;
  }
  if (from < text.length) pieces.push(text.slice(from));
  return pieces;
};

const written = (kind, text, code, sought) =>
  el(kind, { class: "words", dir: "auto", lang: code }, marked(text, sought));

const textLine = (row, column, text, sought) => {
  const code = column === "query" ? row.languages[0] : row.languages[1];
  const grade =
    text.grade === null || text.grade === undefined
      ? null
      : el("span", { class: "grade", title: "grade asked for" }, String(text.grade));
  const sign = { query: "query", positives: "positive", negatives: "negative" }[column];
  return [el("span", { class: `side ${column}` }, sign, grade), written("p", text.text, code, sought)];
};

const facts = (row) => {
  const lengths = ["query", "positives", "negatives"]
    .filter((column) => ((row.words || {})[column] || []).length)
    .map((column) => {
      const bounds = (row.bounds || {})[column];
      const asked = bounds
        ? ` (asked: ${bounds[1] === null ? `at least ${bounds[0]}` : `${bounds[0]}–${bounds[1]}`})`
        : "";
      return `${column} ${row.words[column].join(", ")}${asked}`;
    });
  const scores = ["positives", "negatives"].flatMap((column) =>
    row[column].flatMap((text) =>
      Object.entries(text.scores)
        .filter(([name]) => name !== "requested")
        .map(([name, score]) => `${column} ${name} ${score.toFixed(2)}`),
    ),
  );
  const lines = [
    [
      "asked",
      Object.entries(row.requested || {})
        .map(([name, value]) => `${plain(name)}: ${value}`)
        .join(" · "),
    ],
    ["words", lengths.join(" · ")],
    ["alike", row.alike && row.negatives.length ? `closest negative and positive ${row.alike.toFixed(2)}` : ""],
    ["scores", scores.join(" · ")],
    ["personal data", (row.personal_data || []).join(", ")],
    [
      "model",
      [
        row.model,
        row.recorded ? "replayed from a recording" : "",
        sum(row.tokens || []) ? `${count(row.tokens[0])} tokens in, ${count(row.tokens[1])} out` : "",
      ]
        .filter(Boolean)
        .join(" · "),
    ],
    ["prompt", row.prompt || ""],
    ["id", row.id],
  ];
  return el(
    "dl",
    {},
    lines.filter(([, value]) => value).flatMap(([name, value]) => [el("dt", {}, name), el("dd", {}, value)]),
  );
};

/** The sentence of a rejection; ids of rows that the page holds lead there. */
const reasoned = (row, sought) => {
  const pieces = row.detail.split(/\b([0-9a-f]{16})\b/);
  return el(
    "p",
    { class: "detail" },
    el("strong", {}, plain(row.reason)),
    " · ",
    row.stage,
    " · ",
    pieces.flatMap((piece, place) =>
      place % 2 && row.links.includes(piece)
        ? [el("a", { href: `#rows?search=${piece}` }, piece)]
        : marked(piece, sought),
    ),
  );
};

const outcome = ({ review }) => {
  if (!review) return "accepted";
  const said = review.dropped_for ? `taken back, was ${plain(review.dropped_for)}` : "accepted by a person";
  return review.edited.length ? `${said}; edited: ${review.edited.join(", ")}` : said;
};

const rowItem = (row, runName, languages, sought, place) => {
  const codes = union(row.languages);
  const texts = [
    ...(row.query ? [textLine(row, "query", { text: row.query }, sought)] : []),
    ...["positives", "negatives"].flatMap((column) =>
      row[column].map((text) => textLine(row, column, text, sought)),
    ),
  ];
  const details = el(
    "details",
    {},
    el(
      "summary",
      {},
      el(
        "div",
        { class: "head" },
        runName ? el("span", { class: `chip run-${row.run}` }, runName) : null,
        row.family ? el("span", { class: "chip" }, row.family) : null,
        codes.length ? el("span", {}, codes.map((code) => languages.get(code) || code).join(" → ")) : null,
        row.rejected ? null : el("span", { class: "good" }, outcome(row)),
        el("span", { class: "place", "aria-hidden": "true" }, count(place + 1)),
      ),
      row.rejected ? reasoned(row, sought) : null,
      texts.length ? el("div", { class: "texts" }, texts) : null,
      row.reply ? el("pre", { class: "reply", dir: "auto" }, marked(row.reply, sought)) : null,
      !texts.length && !row.reply && row.task ? written("p", row.task, "en", sought) : null,
    ),
  );
  details.addEventListener("toggle", () => {
    if (details.open && details.children.length === 1) {
      details.append(
        el(
          "div",
          { class: "more" },
          row.task && texts.length
            ? el("p", { class: "task" }, el("span", { class: "soft" }, "task "), ...marked(row.task, sought))
            : null,
          facts(row),
        ),
      );
    }
  });
  details.firstChild.addEventListener("click", (event) => {
    // a mouse that has just selected words does not ask to open the row
    if (event.detail && !getSelection().isCollapsed && !event.target.closest("a")) event.preventDefault();
  });
  return el("li", { class: row.rejected ? "rejected" : "accepted" }, details);
};
