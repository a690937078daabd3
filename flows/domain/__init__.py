"""Frozen values of the field: rows, units, tallies, languages. No I/O, no third-party imports."""
