"""Say which columns of a foreign record hold its query, positives, negatives and scores."""

import math
import re
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass

from flows.errors import UsageError
from flows.sources.records import Values

KNOWN = {
    "query": "query anchor question query_text sentence1 sentence_a text1 sent1",
    "positives": (
        "positives positive pos positive_passages positive_passage positive_text positive_document answers answer "
        "document passage context response sentence2 sentence_b text2 sent2"
    ),
    "negatives": (
        "negatives negative neg negative_passages negative_passage negative_text negative_document hard_negatives "
        "hard_negative hard_negative_document"
    ),
    "documents": "docs documents passages",
    "score": "score similarity_score similarity scores label labels",
    "positive_scores": "pos_scores positive_scores",
    "negative_scores": "neg_scores negative_scores",
    "instruction": "instruction prompt",
    "task": "task",
    "family": "family",
    "kind": "type",
    "language": "language lang",
    "query_language": "query_language",
    "document_language": "document_language",
}
"""Role -> names by which its column goes, as sentence-transformers, FlagEmbedding, Tevatron and many sets write them;
the first that is there is taken."""
NUMBERED = re.compile(r"(positive|negative|pos|neg|hard_negative|positive_passage|negative_passage)_?(\d+)\Z")
MANY = ("positives", "negatives")
"""Roles that several columns may share."""


@dataclass(frozen=True, slots=True)
class Columns:
    """Role -> the columns that hold it, and the columns that hold nothing of use."""

    roles: Mapping[str, tuple[str, ...]]
    unused: tuple[str, ...] = ()

    def __str__(self) -> str:
        """One line for a person, in the words of `--columns`."""
        said = ", ".join(f"{role}={'+'.join(names)}" for role, names in self.roles.items())
        return said + (f" (not used: {', '.join(self.unused)})" if self.unused else "")

    def all(self, role: str, values: Values) -> list[object]:
        """Give the values of a role's columns, those left out that the record lacks."""
        return [value for name in self.roles.get(role, ()) if (value := values.get(name)) is not None]

    def one(self, role: str, values: Values) -> object | None:
        """Give the value of a role that one column holds, or None."""
        found = self.all(role, values)
        return found[0] if found else None


def find_columns(records: Sequence[Values], given: str = "", where: str = "") -> Columns:
    """Find the columns from the first records; `given` (`query=title,positives=body+abstract`) goes before.

    Raises UsageError when a given column is not there, or when no query or no text to pair it with is found.
    """
    there = list(dict.fromkeys(name for values in records for name in values))
    roles = _parse(given, there, where)
    taken = {name for names in roles.values() for name in names}
    free = {_plain(name): name for name in reversed(there) if name not in taken}
    for role, words in KNOWN.items():
        names = words.split()
        if role in roles or (role == "documents" and "positives" in roles):
            continue
        found = [free[name] for name in names if name in free]
        if role == "score":
            found = [name for name in found if _all_numbers(records, name)]
        if role in MANY:
            found = found[:1] + _numbered(free, names, found[:1])
        if found:
            roles[role] = tuple(found if role in MANY else found[:1])
            free = {plain: name for plain, name in free.items() if name not in roles[role]}
    if "query" not in roles or not {"positives", "documents"} & roles.keys():
        lacking = "query" if "query" not in roles else "positives"
        columns = ", ".join(map(str, there)) or "none"
        raise UsageError(
            f"{where}: no column is known to hold the {lacking}; name it with --columns, for example "
            f"--columns query=COLUMN,positives=COLUMN,negatives=COLUMN (columns: {columns})"
        )
    used = {name for names in roles.values() for name in names}
    order = [role for role in KNOWN if role in roles]
    return Columns({role: roles[role] for role in order}, tuple(name for name in there if name not in used))


def _parse(given: str, there: Collection[str], where: str) -> dict[str, tuple[str, ...]]:
    roles: dict[str, tuple[str, ...]] = {}
    for pair in filter(None, (piece.strip() for piece in given.split(","))):
        role, equals, names = pair.partition("=")
        if not equals or role not in KNOWN:
            raise UsageError(f"--columns {pair}: write role=column, with a role of {', '.join(KNOWN)}")
        roles[role] = tuple(names.split("+"))
        if len(roles[role]) > 1 and role not in MANY:
            raise UsageError(f"--columns {pair}: {role} is one column")
        for name in roles[role]:
            if name not in there:
                raise UsageError(f"--columns {pair}: {where} has no column {name!r}; it has {', '.join(there)}")
    return roles


def _numbered(free: Mapping[str, str], names: Collection[str], plain: Sequence[str]) -> list[str]:
    """Columns like negative_1, negative_2, in the order of their numbers."""
    found = [
        (int(match[2]), name) for key, name in free.items() if (match := NUMBERED.match(key)) and match[1] in names
    ]
    return [name for _, name in sorted(found) if name not in plain]


def _all_numbers(records: Sequence[Values], name: str) -> bool:
    """Whether a column holds numbers or lists of them, as text in a CSV file."""
    members: list[object] = []
    for values in records:
        value = values.get(name)
        members += value if isinstance(value, list) else [value]
    return bool(members) and all(is_number(member) for member in members if member is not None)


def is_number(value: object) -> bool:
    """Whether a value is a number, or text that says one."""
    if isinstance(value, bool):
        return False
    try:
        return math.isfinite(float(value))  # type: ignore[arg-type]
    except (TypeError, ValueError):
        return False


def _plain(name: str) -> str:
    return re.sub(r"[\s-]", "_", str(name).strip().lower())
