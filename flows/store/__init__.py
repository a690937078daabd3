"""The run folder: paths, atomic files, journals, manifest and lock."""
