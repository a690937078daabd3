// What the page asks of the local server; one request after the other, so that verdicts keep their order.

const AHEAD = 8;
const base = location.pathname;

const ask = async (path, body) => {
  const request = body && {
    method: "POST",
    headers: { "Content-Type": "application/json" },
    body: JSON.stringify(body),
  };
  let response;
  try {
    response = await fetch(base + path, request);
  } catch {
    throw new Error("The server is gone and nothing more is saved: start `triplesmith review` again.");
  }
  const answer = response.headers.get("Content-Type")?.startsWith("application/json") ? await response.json() : {};
  if (!response.ok) throw new Error(answer.error || `The server answered ${response.status}.`);
  return answer;
};

/** Rows by number, fetched a few ahead of the one that is looked at. */
const startRows = () => {
  const known = new Map();
  return {
    put: (row) => known.set(row.number, row),
    async get(numbers, place) {
      const near = numbers.slice(place, place + AHEAD);
      if (!known.has(near[0])) {
        const missing = near.filter((number) => !known.has(number));
        const { rows } = await ask(`rows?numbers=${missing.join(",")}`);
        for (const row of rows) known.set(row.number, row);
      }
      return known.get(near[0]);
    },
  };
};
