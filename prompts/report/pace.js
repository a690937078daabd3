// Replies over time.

const SESSIONS = 6;
const WHEN = new Intl.DateTimeFormat(undefined, { dateStyle: "medium", timeStyle: "short" });
const CLOCK = new Intl.DateTimeFormat(undefined, { timeStyle: "medium" });

const lasting = (session) => session.replies.length * session.seconds;
const askingTime = (run) => sum(run.sessions.map(lasting));
const duration = (seconds) => {
  if (seconds < 60) return `${Math.round(seconds)} s`;
  if (seconds < 3600)
    return `${Math.floor(seconds / 60)} min${seconds % 60 ? ` ${Math.round(seconds % 60)} s` : ""}`;
  return `${Math.floor(seconds / 3600)} h ${Math.round((seconds % 3600) / 60)} min`;
};
const rate = (number) => (number >= 100 ? count(Math.round(number)) : number.toPrecision(2));

const paces = (runs, names) => {
  if (!runs.some((run) => run.sessions.length)) return null;
  const most = Math.max(
    ...runs.flatMap((run) => run.sessions.flatMap((one) => one.replies.map((n) => n / one.seconds))),
  );
  const chart = (session, place) => {
    const [start, length] = [session.start * 1000, session.seconds * 1000];
    const all = sum(session.replies);
    const bins = session.replies.map((number, span) =>
      el(
        "div",
        {
          class: "bin",
          title: `${CLOCK.format(start + span * length)} · ${count(number)} replies, ${short.format(session.tokens[span])} tokens in ${duration(session.seconds)}`,
        },
        el("i", { class: `run-${place}`, style: { height: at(number / session.seconds / most) } }),
      ),
    );
    const said = `${count(all)} replies in ${duration(lasting(session))}`;
    return el(
      "figure",
      { class: "histogram pace" },
      el(
        "figcaption",
        {},
        el("span", {}, WHEN.format(start)),
        el(
          "span",
          { class: "soft" },
          `${said} · ${rate(all / lasting(session))} a second, at most ${rate(Math.max(...session.replies) / session.seconds)}`,
        ),
      ),
      el("div", { class: "bins", role: "img", "aria-label": said }, bins),
      el(
        "div",
        { class: "axis", "aria-hidden": "true" },
        el("span", {}, CLOCK.format(start)),
        el("span", {}, CLOCK.format(start + lasting(session) * 1000)),
      ),
    );
  };
  return panel(
    "pace",
    "Throughput",
    "Replies over time",
    `Replies of models by the time they came${runs.some((run) => run.sessions.length > 1) ? "; pauses of more than five minutes are left out, and all charts have one scale" : ""}.`,
    beside(runs, names, (run, place) =>
      folded(
        SESSIONS,
        (shown) =>
          el(
            "div",
            { class: "paces" },
            shown.map((session) => chart(session, place)),
          ),
        run.sessions.toReversed(),
      ),
    ),
  );
};
