"""`triplesmith recipes`: list the recipes that come with the package, checked."""

import argparse
import sys

from flows.errors import UsageError
from flows.recipes.load import load_recipe, recipe_names


def call(args: argparse.Namespace) -> int:
    """Print a line for each recipe; returns 2 when one is broken."""
    broken = 0
    for name in recipe_names():
        try:
            recipe = load_recipe(name).recipe
            sys.stdout.write(f"{name:<14}{recipe.description}\n")
            if recipe.families:
                sys.stdout.write(f"{'':<14}{recipe.rows} rows by default: {', '.join(recipe.families)}\n")
        except UsageError as error:
            broken = 2
            sys.stdout.write(f"{name:<14}BROKEN: {error}\n")
    return broken
