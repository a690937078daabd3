"""`triplesmith prompts`: list the prompts that come with the package, checked, or show one."""

import argparse
import sys

from flows.errors import UsageError
from flows.prompting.files import PromptFolders
from flows.recipes.load import builtin_prompts


def call(args: argparse.Namespace) -> int:
    """Print a line for each prompt, or the body of one; returns 2 when one is broken."""
    folders = PromptFolders((builtin_prompts(),))
    if args.name:
        prompt = folders.load(args.name)
        sys.stdout.write(f"{prompt.label}\n\n{prompt.body}\n")
        return 0
    broken = 0
    for name in folders.names():
        try:
            prompt = folders.load(name)
            kind = "writes rows" if prompt.record else "lists tasks"
            axes = ", ".join([*prompt.languages, *(axis.name for axis in prompt.axes)]) or "none"
            sys.stdout.write(f"{prompt.label:<36}{prompt.family:<13}{kind}; draws {axes}\n")
        except UsageError as error:
            broken = 2
            sys.stdout.write(f"{name:<36}BROKEN: {error}\n")
    return broken
