"""Formats, one file for each kind of consumer."""

from flows.publishing.formats.full import FULL
from flows.publishing.formats.texts import PAIR, PAIR_SCORE, TRIPLET

CONFIGS = (TRIPLET, PAIR, PAIR_SCORE, FULL)
"""What every published data set has; the first that holds a row is its default."""
