"""Turn a recipe file, the command line's changes and the prompts it names into one checked plan of a run."""

import tomllib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from flows.domain.languages import language
from flows.errors import UsageError
from flows.prompting.files import PromptFolders
from flows.prompting.prompt import Axis, Prompt
from flows.prompting.strict import check_shares, validate
from flows.recipes.model import Family, Recipe


@dataclass(frozen=True, slots=True)
class Source:
    """One family of a recipe with its prompts, axes reweighted as the recipe says."""

    name: str
    family: Family
    prompt: Prompt
    brainstorm: Prompt | None


@dataclass(frozen=True, slots=True)
class LoadedRecipe:
    """A recipe and all it names."""

    recipe: Recipe
    sources: tuple[Source, ...]
    folders: PromptFolders
    """Where prompts and recordings are looked up."""

    def source(self, family: str) -> Source:
        """Give the family's source; raises KeyError."""
        return next(source for source in self.sources if source.name == family)


def builtin_prompts() -> Path:
    """Folder of the prompts that come with the package, in a checkout or in a wheel."""
    package = Path(__file__).parents[1]
    packaged = package / "_prompts"
    return packaged if packaged.is_dir() else package.parent / "prompts"


def recipe_names(root: Path | None = None) -> list[str]:
    """Names of the recipes that come with the package."""
    return sorted(path.stem for path in ((root or builtin_prompts()) / "recipes").glob("*.toml"))


def load_recipe(name: str, changes: Sequence[str] = (), **overrides: Any) -> LoadedRecipe:
    """Load a recipe by name or path, apply `key=value` changes and overrides, and check all it names.

    Raises UsageError with file and key for whatever is wrong.
    """
    path = _find(name)
    data = _read(path)
    for change in changes:
        _apply(data, change)
    data |= {key: value for key, value in overrides.items() if value is not None}
    return check_recipe(validate(Recipe, data, path), path, prompt_folders(path))


def prompt_folders(recipe: Path) -> PromptFolders:
    """Prompts are looked up beside the recipe first (or above its folder `recipes`), then in the package."""
    beside = recipe.parent.parent if recipe.parent.name == "recipes" else recipe.parent
    builtin = builtin_prompts()
    return PromptFolders((builtin,) if beside.resolve() == builtin.resolve() else (beside, builtin))


def check_recipe(recipe: Recipe, where: Path, folders: PromptFolders) -> LoadedRecipe:
    """Load the prompts a recipe names and check that they fit it; raises UsageError."""
    for code in recipe.languages:
        language(code)
    sources = tuple(_source(name, family, where, folders) for name, family in recipe.families.items())
    pairs = any(len(source.prompt.languages) == 2 for source in sources)
    if pairs and (len(recipe.languages) < 2 or max(recipe.languages.values()) > 0.5):
        raise UsageError(f"{where}: languages: a family of language pairs needs two, none above one half")
    return LoadedRecipe(recipe, sources, folders)


def _source(name: str, family: Family, where: Path, folders: PromptFolders) -> Source:
    key = f"{where}: families.{name}"
    prompt = folders.load(family.prompt)
    if prompt.record is None:
        raise UsageError(f"{key}.prompt: {family.prompt} brainstorms tasks, it does not write rows")
    brainstorm = folders.load(family.brainstorm) if family.brainstorm else None
    if brainstorm and brainstorm.record is not None:
        raise UsageError(f"{key}.brainstorm: {family.brainstorm} writes rows, it does not list tasks")
    if bool(brainstorm) != ("task" in prompt.inputs):
        need = "needs a brainstormed task" if not brainstorm else "takes no task"
        raise UsageError(f"{key}.brainstorm: {family.prompt} {need}")
    unknown = set(family.axes) - {axis.name for axis in prompt.axes}
    if unknown:
        raise UsageError(f"{key}.axes.{min(unknown)}: {family.prompt} has no such axis")
    axes = tuple(
        _reweigh(axis, family.axes[axis.name], f"{key}.axes.{axis.name}") if axis.name in family.axes else axis
        for axis in prompt.axes
    )
    return Source(name, family, replace(prompt, axes=axes), brainstorm)


def _reweigh(axis: Axis, weights: Mapping[str, float], where: str) -> Axis:
    known = [str(entry.value) for entry in axis.values]
    if unknown := [value for value in weights if value not in known]:
        raise UsageError(f"{where}: no value {unknown[0]!r}; known: {', '.join(known)}")
    check_shares(weights.values(), where)
    total = sum(weights.values())
    values = tuple(replace(entry, weight=weights.get(str(entry.value), 0.0) / total) for entry in axis.values)
    return replace(axis, values=values)


def _find(name: str) -> Path:
    if name.endswith(".toml") or "/" in name:
        path = Path(name)
        if not path.is_file():
            raise UsageError(f"recipe {name}: no such file")
        return path
    path = builtin_prompts() / "recipes" / f"{name}.toml"
    if not path.is_file():
        raise UsageError(f"recipe {name!r} is unknown; there are {', '.join(recipe_names())}, or give a .toml file")
    return path


def _read(path: Path) -> dict[str, Any]:
    try:
        return tomllib.loads(path.read_text(encoding="utf-8"))
    except tomllib.TOMLDecodeError as error:
        raise UsageError(f"{path}: not valid TOML: {error}") from None
    except (OSError, UnicodeDecodeError) as error:
        raise UsageError(f"{path}: cannot be read: {error}") from None


def _apply(data: dict[str, Any], change: str) -> None:
    """Set a dotted key to a TOML value; a value that is no TOML is a string."""
    key, equals, text = change.partition("=")
    parts = [part.strip() for part in key.split(".")]
    if not equals or not all(parts):
        raise UsageError(f"--set {change}: write it as key=value, for example llm.concurrency=128")
    try:
        value = tomllib.loads(f"value = {text}")["value"]
    except tomllib.TOMLDecodeError:
        value = text
    tables = [data]
    for part in parts[:-1]:
        tables = [member for table in tables for member in _members(table.setdefault(part, {}))]
        if not all(isinstance(table, dict) for table in tables):
            raise UsageError(f"--set {change}: {part} is a value, not a table")
    for table in tables:
        table[parts[-1]] = value


def _members(table: Any) -> list[Any]:
    """An array of tables (`[[llm]]`) is changed in each of them."""
    return table if isinstance(table, list) else [table]
