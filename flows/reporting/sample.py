"""Choose the few of many that the page holds: at even distances, and the same ones every time."""

from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import TypeVar

Item = TypeVar("Item")


def is_chosen(place: int, quota: int, total: int) -> bool:
    """Whether the item at a place is among `quota` of `total` that lie at even distances."""
    return (place + 1) * quota // total > place * quota // total


def fair_quotas(counts: Mapping[str, int], most: int) -> dict[str, int]:
    """Share `most` places among kinds: what a small kind cannot use goes to the larger ones."""
    quotas: dict[str, int] = {}
    for place, (kind, count) in enumerate(sorted(counts.items(), key=lambda item: (item[1], item[0]))):
        quotas[kind] = min(count, most // (len(counts) - place))
        most -= quotas[kind]
    return quotas


def of_every_kind(
    items: Iterable[Item], kind: Callable[[Item], str], counts: Mapping[str, int], most: int
) -> Iterator[Item]:
    """Yield at most `most` items, rare kinds not lost among frequent ones; `counts` says how many of each there are."""
    quotas = fair_quotas(counts, most)
    seen: Counter[str] = Counter()
    for item in items:
        name = kind(item)
        if is_chosen(seen[name], quotas[name], counts[name]):
            yield item
        seen[name] += 1
