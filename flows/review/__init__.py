"""The local page on which a person accepts, rejects and edits rows."""
