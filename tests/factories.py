"""Rows and units for tests."""

from dataclasses import replace

from flows.domain.records import Generator, Row, Text

GENERATOR = Generator("m", "e5/short_long@1+00000000")


def row(**changes) -> Row:
    """A sound retrieval row, with whatever a test changes; strings stand for positives and negatives too."""
    for column in ("positives", "negatives"):
        if column in changes:
            changes[column] = tuple(Text(text) if isinstance(text, str) else text for text in changes[column])
    language = changes.pop("language", "en")
    sound = Row(
        id="row-1",
        family="short_long",
        slot=0,
        attempt=0,
        task="Given a boat owner's question, find manuals that answer it",
        instruction="Given a boat owner's question, find manuals that answer it",
        query="how often should the bilge pump be serviced",
        positives=(Text("Check the float switch every month and have the impeller replaced once a season."),),
        negatives=(Text("The anchor locker drains overboard through two scuppers that must be kept free of weed."),),
        query_language=language,
        document_language=language,
        generator=GENERATOR,
    )
    return replace(sound, **changes)
