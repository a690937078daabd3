"""Judge rows: measures of one row, thresholds on them, and the search for twins. Pure, no model, no files."""
