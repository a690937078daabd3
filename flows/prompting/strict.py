"""Read TOML into strict models, with one clear line for whatever is wrong in the file."""

import tomllib
from collections.abc import Iterable
from pathlib import Path
from typing import TypeVar

from pydantic import BaseModel, ConfigDict, ValidationError

from flows.errors import UsageError

SHARE_TOLERANCE = 0.001
"""How far a set of shares may be from 1, since many are written with few digits."""


class Strict(BaseModel):
    """A table whose unknown keys and wrong types are errors."""

    model_config = ConfigDict(extra="forbid", strict=True, frozen=True)


Table = TypeVar("Table", bound=BaseModel)


def parse_toml(model: type[Table], source: str, where: Path | str) -> Table:
    """Parse and validate; raises UsageError with file and key of the first complaint."""
    try:
        data = tomllib.loads(source)
    except tomllib.TOMLDecodeError as error:
        raise UsageError(f"{where}: not valid TOML: {error}") from None
    return validate(model, data, where)


def validate(model: type[Table], data: object, where: Path | str) -> Table:
    """Validate what a TOML file held; raises UsageError with file and key of the first complaint."""
    try:
        return model.model_validate(data)
    except ValidationError as error:
        raise UsageError(f"{where}: {_first(error, model)}") from None


def check_shares(shares: Iterable[float], where: str) -> None:
    """Raise UsageError when the shares do not sum to 1."""
    total = sum(shares)
    if abs(total - 1) > SHARE_TOLERANCE:
        raise UsageError(f"{where}: the weights sum to {total:.4g}, they must sum to 1")


def _first(error: ValidationError, model: type[BaseModel]) -> str:
    first, *others = error.errors(include_url=False, include_context=False)
    key = ".".join(str(part) for part in first["loc"] if not _is_type_name(part))
    rest = f" ({len(others)} more)" if others else ""
    if first["type"] == "extra_forbidden":
        return f"{key}: unknown key; known here: {', '.join(_known(model, first['loc']))}{rest}"
    if first["type"] == "missing":
        return f"{key}: missing{rest}"
    message = first["msg"].removeprefix("Value error, ")
    return f"{key}: {message[:1].lower()}{message[1:]}, not {first['input']!r:.60}{rest}"


def _is_type_name(part: int | str) -> bool:
    # pydantic adds the member of a union that it tried to the location
    names = ("str", "int", "float", "bool")
    return isinstance(part, str) and (part in names or part.startswith(("_", "list[")))


def _known(model: type[BaseModel], location: tuple[int | str, ...]) -> list[str]:
    table: type[BaseModel] = model
    for part in location[:-1]:
        annotation = table.model_fields[part].annotation if part in table.model_fields else None
        kinds = [annotation, *getattr(annotation, "__args__", ())]
        table = next((kind for kind in kinds if isinstance(kind, type) and issubclass(kind, BaseModel)), table)
    return list(table.model_fields)
