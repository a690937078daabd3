"""Exports: the rows of a run in the files that other programs read."""
