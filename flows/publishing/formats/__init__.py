"""Formats, one file for each kind of consumer."""
