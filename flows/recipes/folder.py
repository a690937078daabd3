"""Read the effective recipe of a run folder."""

import tomllib

from pydantic import ValidationError

from flows.errors import StoreError, UsageError
from flows.recipes.model import Recipe
from flows.store.layout import Layout


def read_recipe(layout: Layout) -> Recipe:
    """Read run.toml; raises UsageError when there is none or another version made it, StoreError when it is damaged."""
    try:
        return Recipe.model_validate(tomllib.loads(layout.recipe.read_text(encoding="utf-8")))
    except FileNotFoundError:
        raise UsageError(f"{layout.root}: no run there (run.toml is missing)") from None
    except ValidationError as error:
        first = error.errors()[0]
        where = ".".join(map(str, first["loc"]))
        raise UsageError(
            f"{layout.recipe}: {where}: {first['msg']}: another version of triplesmith made this run; use that one, or "
            "continue it with `triplesmith run`"
        ) from None
    except ValueError as error:
        raise StoreError(f"{layout.recipe}: is damaged: {error}; run again to write it anew") from None
