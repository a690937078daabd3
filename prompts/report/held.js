// The rows that the page holds: what filters look at is there at once, texts are unpacked when they are wanted.

const UNPACKED = 8; // blocks that are kept as rows; a block is a megabyte of them

const decoded = (base64) => {
  if (Uint8Array.fromBase64) return Uint8Array.fromBase64(base64);
  const text = atob(base64);
  const bytes = new Uint8Array(text.length);
  for (let place = 0; place < text.length; place++) bytes[place] = text.charCodeAt(place);
  return bytes;
};

/** Rows of all runs by number, the runs one after the other. */
const openRows = (runs) => {
  const total = sum(runs.map((run) => run.held.numbers.alike.length));
  const runOf = new Uint8Array(total);
  const columns = {};
  for (const name of Object.keys(runs[0].held.coded)) {
    const values = union(...runs.map((run) => run.held.coded[name].values));
    const places = new Map(values.map((value, place) => [value, place]));
    const codes = new Uint32Array(total);
    let at = 0;
    for (const run of runs) {
      const known = run.held.coded[name].values.map((value) => places.get(value));
      for (const code of run.held.coded[name].codes) codes[at++] = known[code];
    }
    columns[name] = { values, codes };
  }
  const numbers = {};
  for (const name of Object.keys(runs[0].held.numbers))
    numbers[name] = Int32Array.from(runs.flatMap((run) => run.held.numbers[name]));

  const blocks = [];
  let first = 0;
  runs.forEach((run, place) => {
    for (const size of run.held.sizes) {
      blocks.push({ run: place, first, size });
      runOf.fill(place, first, first + size);
      first += size;
    }
  });
  const packed = [...document.querySelectorAll("script.block")];

  const unpack = async (block) => {
    const bytes = decoded(packed[block].textContent);
    const stream = new Blob([bytes]).stream().pipeThrough(new DecompressionStream("deflate"));
    return (await new Response(stream).json()).map((row) => ({
      ...row,
      run: blocks[block].run,
      rejected: Boolean(row.reason),
    }));
  };
  const recent = new Map(); // block -> promise of its rows, the last used at the end
  const open = (block) => {
    const rows = recent.get(block) || unpack(block);
    recent.delete(block);
    recent.set(block, rows);
    if (recent.size > UNPACKED) recent.delete(recent.keys().next().value);
    return rows;
  };
  const blockOf = (number) => {
    let [low, high] = [0, blocks.length - 1];
    while (low < high) {
      const middle = (low + high + 1) >> 1;
      if (blocks[middle].first <= number) low = middle;
      else high = middle - 1;
    }
    return low;
  };

  const hays = []; // block -> promise of what is searched of each of its rows
  const hayOf = (block) =>
    (hays[block] ||= unpack(block).then((rows) =>
      rows.map((row) =>
        [row.query, row.task, row.id, row.reason, row.detail, row.reply, ...row.positives, ...row.negatives]
          .map((piece) => (piece && piece.text) ?? piece ?? "")
          .join("\n")
          .toLowerCase(),
      ),
    ));
  let warm = null; // unpacks all texts while a person types

  return {
    total,
    runOf,
    columns,
    numbers,
    /** The rows of some numbers. */
    async rows(wanted) {
      const found = [];
      for (const number of wanted) {
        const block = blockOf(number);
        found.push((await open(block))[number - blocks[block].first]);
      }
      return found;
    },
    /** Get ready for a search. */
    prepare() {
      warm ||= (async () => {
        for (let block = 0; block < blocks.length; block++) {
          await hayOf(block);
          await new Promise((resolve) => setTimeout(resolve));
        }
      })();
    },
    /** Those of some numbers, in rising order, whose texts hold all words; `goOn(found, share)` may stop the search. */
    async search(numbers, words, goOn) {
      const found = [];
      let next = 0;
      let paused = performance.now();
      for (let block = 0; block < blocks.length && next < numbers.length; block++) {
        const { first, size } = blocks[block];
        if (numbers[next] >= first + size) continue;
        for (let next = block + 1; next <= Math.min(block + 3, blocks.length - 1); next++) hayOf(next); // while this one is searched
        const hay = await hayOf(block);
        for (; next < numbers.length && numbers[next] < first + size; next++)
          if (words.every((word) => hay[numbers[next] - first].includes(word))) found.push(numbers[next]);
        if (performance.now() - paused > 50) {
          if (!goOn(found, block / blocks.length)) return null;
          await new Promise((resolve) => setTimeout(resolve));
          paused = performance.now();
        }
      }
      return found;
    },
  };
};
