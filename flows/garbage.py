"""Keep Python's search for cyclic garbage off the start and off the rows.

Imports make a million objects and no garbage, and looking at all of them again and again takes a fifth of the start and
of the time for a row. A run makes few cycles, so that looking seldom costs it some megabytes at most.
"""

import gc

SELDOM = (50_000, 20, 100)
"""Objects made and not freed before the youngest are looked at; how many such looks before one at older ones."""


def pause() -> None:
    """Look for none while everything is imported."""
    gc.disable()


def settle() -> None:
    """Leave what is there alone for good, and look seldom from now on."""
    gc.freeze()
    gc.set_threshold(*SELDOM)
    gc.enable()
