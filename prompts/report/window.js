// A list of any length of which only the part around the window exists.

const STEP = 40;
const MOST = 240;

/** Fill `list` from `items(from, to)`, a promise of elements, as the person scrolls. */
const startWindow = (list, before, after, items) => {
  let [from, to, total, turn, busy] = [0, 0, 0, 0, false];

  const near = new IntersectionObserver(
    (seen) => {
      for (const one of seen) if (one.isIntersecting) grow(one.target === after);
    },
    { rootMargin: "400px" },
  );
  const show = () => {
    before.hidden = from === 0;
    after.hidden = to >= total;
    before.textContent = `Show ${count(Math.min(STEP, from))} earlier of ${count(from)}`;
    after.textContent = `Show ${count(Math.min(STEP, total - to))} more of ${count(total - to)}`;
    for (const end of [before, after]) {
      near.unobserve(end); // one that is still near is to be told again
      near.observe(end);
    }
  };
  /** Change the list without moving what is looked at. */
  const still = (anchor, change) => {
    const was = anchor && anchor.getBoundingClientRect().top;
    change();
    if (anchor && anchor.isConnected)
      scrollBy({ top: anchor.getBoundingClientRect().top - was, behavior: "instant" });
  };
  const grow = async (forward) => {
    if (busy || (forward ? to >= total : from === 0)) return;
    busy = true;
    const mine = turn;
    const [low, high] = forward ? [to, Math.min(total, to + STEP)] : [Math.max(0, from - STEP), from];
    const made = await items(low, high);
    if (mine !== turn) return;
    busy = false;
    if (forward) {
      list.append(...made);
      to = high;
      const extra = Math.max(0, to - from - MOST);
      from += extra;
      if (extra)
        still(list.children[extra], () => {
          for (let left = extra; left; left--) list.firstChild.remove();
        });
    } else {
      still(list.firstChild, () => list.prepend(...made));
      from = low;
      for (; to - from > MOST; to--) list.lastChild.remove();
    }
    show();
  };
  /** Show a list of so many from one of its places. */
  const begin = async (length, place = 0) => {
    const mine = ++turn;
    const low = Math.max(0, Math.min(place, length - 1));
    const made = await items(low, Math.min(length, low + STEP));
    if (mine !== turn) return false;
    [from, to, total, busy] = [low, low + made.length, length, false];
    list.replaceChildren(...made);
    show();
    return true;
  };

  before.addEventListener("click", () => grow(false));
  after.addEventListener("click", () => grow(true));
  return { begin, grow };
};
