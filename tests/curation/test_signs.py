import pytest

from flows.curation.signs import damage, personal_data, repetition, surrogates

LOG = "\n".join(f"2024-05-0{n % 9 + 1} 12:{n:02d}:31 INFO GET /index.html 200 {n * 37 % 911} ms" for n in range(30))
TABLE = "| name | amount |\n|---|---|\n" + "\n".join(f"| item {n} | {n * 7 % 13} |" for n in range(25))
SONG = (
    "Row the boat, row the boat,\n" * 2 + "gently down the stream,\n" + "merrily, merrily,\n" * 2 + "life is a dream.\n"
)


@pytest.mark.parametrize(
    ("text", "broken"),
    [
        ("Le cafÃ© est fermÃ©.", 2),
        ("itâ€™s closed", 1),
        ("ÐŸÑ€Ð¸Ð²ÐµÑ‚", 2),
        ("the pum\ufffdp", 1),
        ("nul\x00byte and bell\x07", 2),
        ("half \udc80", 1),
    ],
)
def test_broken_characters_are_counted(text, broken):
    assert damage(text) == broken


@pytest.mark.parametrize(
    "text",
    [
        "São João, NÃO, MÃE, AMANHÃ”, «AMANHû",
        "Ångström, ÆØÅ, Ñandú, Ðuro, ČŽŠ “quoted” – dash…",
        "Why does my output show \ufffd or “Ã©” instead of é?",
        "tabs\tand\nlines\r\nand\xa0spaces",
        "ई, می‌شود, \u200fשלום, 👩‍👩‍👧",
        "\x1b[31mred\x1b[0m",
        "plain",
    ],
)
def test_unusual_characters_are_no_damage(text):
    assert damage(text) == 0


def test_halves_of_characters_are_counted_apart():
    assert (surrogates("a \udc80\ud83d"), surrogates("a 👍"), surrogates("a")) == (2, 0, 0)


@pytest.mark.parametrize(
    "text",
    ["The pump is checked. " * 40, "请检查水泵。" * 60, "a" * 400, f"{LOG[:300]} and" + " the end of the line" * 60],
    ids=["sentence", "chinese", "character", "second half"],
)
def test_loops_compress_many_times(text):
    assert repetition(text) >= 10


@pytest.mark.parametrize(
    "text", ["", "no", LOG, TABLE, SONG, "buffalo " * 8], ids=["-", "no", "log", "table", "song", "8"]
)
def test_lists_and_songs_do_not(text):
    assert repetition(text) < 10


@pytest.mark.parametrize(
    ("text", "kinds"),
    [
        ("Ask jane.roe@shipyard-hall.com about the pump.", ["email"]),
        ("Call +49 30 1234 5678 before noon.", ["phone"]),
        ("export TOKEN=hf_abcdefghijklmnopqrstuvwx", ["key"]),
        ("-----BEGIN RSA PRIVATE KEY-----", ["key"]),
        ("me@b-c.de, +1 (212) 555 0147", ["email", "phone"]),
        ("Write to service@example.org or a@mail.test.", []),
        ("version 2.10.3 of 2024-05-06", []),
        ("ISBN 978-3-16-148410-0 and 1972-1984", []),
        ("x + 123 456 789 and 3+4", []),
        ("the risk-averse task-oriented desk-sized sk-learn", []),
        ("@decorator and user@host", []),
    ],
)
def test_personal_data_are_named(text, kinds):
    assert personal_data([text]) == kinds
