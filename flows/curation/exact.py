"""Find rows that are equal."""

from collections.abc import Hashable, Iterable


def exact_twins(keys: Iterable[Hashable]) -> list[int | None]:
    """Give for each key the place of the first equal one before it, or None for the first of its kind."""
    first: dict[Hashable, int] = {}
    found: list[int | None] = []
    for place, key in enumerate(keys):
        earlier = first.setdefault(key, place)
        found.append(earlier if earlier != place else None)
    return found
