import re

import pytest

from flows.errors import UsageError
from flows.prompting.files import PromptFolders
from flows.recipes.load import builtin_prompts

HEADER = """
family = "riddles"
version = 2
inputs = ["sample", "attempt"]
languages = ["language"]
[record]
task = "Answer a riddle about {{ topic }}"
query = "riddle"
positives = ["answer"]
[reply]
riddle = "a riddle"
answer = "its answer"
[axes.topic]
values = [{ value = "sea", weight = 0.25 }, { value = "sky", weight = 0.75 }]
"""
BODY = "Write a riddle.\n{{ reply }}\n- {{ topic }} {{ language }} {{ sample }} {{ attempt }}"


def load(folder, header=HEADER, body=BODY):
    (folder / "riddle.md").write_text(f"+++{header}+++\n{body}\n")
    return PromptFolders((folder,)).load("riddle")


@pytest.mark.parametrize("name", PromptFolders((builtin_prompts(),)).names())
def test_every_shipped_prompt_loads_and_puts_what_varies_last(name):
    prompt = PromptFolders((builtin_prompts(),)).load(name)
    static, parameters = prompt.body.split("Parameters of this", 1)
    assert re.findall(r"{{ *(\w+)", static) == ["reply"]
    assert {axis.name for axis in prompt.axes} <= {*re.findall(r"{{ *(\w+)", parameters)}


def test_a_prompt_file_becomes_a_prompt(tmp_path):
    prompt = load(tmp_path)
    assert (prompt.family, prompt.version, prompt.languages) == ("riddles", 2, ("language",))
    assert prompt.axes[0].weights == (0.25, 0.75)
    assert prompt.schema["required"] == ["riddle", "answer"]
    variables = {"topic": "sea", "language": "English", "sample": 1, "attempt": 0}
    assert (
        prompt.render(variables) == 'Write a riddle.\n- "riddle": a riddle\n- "answer": its answer\n- sea English 1 0'
    )
    assert re.fullmatch(r"riddle@2\+[0-9a-f]{8}", prompt.label)


def test_a_reply_may_be_bounded(tmp_path):
    plain = load(tmp_path)
    bounds = """{ description = "a riddle", values = ["easy", "hard"] }"""
    header = HEADER.replace('"a riddle"', bounds).replace('"its answer"', '{ description = "its answer", most = 80 }')
    prompt = load(tmp_path, header)
    assert prompt.schema["properties"] == {
        "riddle": {"type": "string", "enum": ["easy", "hard"], "description": "a riddle"},
        "answer": {"type": "string", "maxLength": 80, "description": "its answer"},
    }
    variables = {"topic": "sea", "language": "English", "sample": 1, "attempt": 0}
    assert "- \"riddle\": a riddle; one of 'easy', 'hard'\n" in prompt.render(variables)
    assert '- "answer": its answer; at most 80 characters\n' in prompt.render(variables)
    assert prompt.wording != plain.wording


def test_the_wording_changes_with_the_words_and_only_with_them(tmp_path):
    first = load(tmp_path)
    reweighted = load(tmp_path, HEADER.replace("0.25", "0.5").replace("0.75", "0.5"))
    reworded = load(tmp_path, body=BODY.replace("Write", "Invent"))
    assert first.wording == reweighted.wording != reworded.wording
    assert first.fingerprint != reweighted.fingerprint


@pytest.mark.parametrize(
    ("header", "body", "complaint"),
    [
        (HEADER, BODY + "{{ mood }}", "body: uses mood, which the header does not declare"),
        (HEADER, BODY.replace("{{ sample }}", ""), "body: does not use sample, which the header declares"),
        (HEADER, BODY.replace("{{ reply }}", ""), "the model is not told the keys"),
        (HEADER, BODY + "{% if %}", "body: line 3"),
        (HEADER.replace("weight = 0.25", "weight = 0.5"), BODY, "axes.topic: the weights sum to 1.25"),
        (HEADER.replace(", weight = 0.25", ""), BODY, "axes.topic: give every value a weight, or none"),
        (HEADER.replace('query = "riddle"', 'query = "question"'), BODY, "record: question is no key of [reply]"),
        (HEADER.replace("version = 2", "version = 'two'"), BODY, "version: input should be a valid integer"),
        (HEADER.replace("version = 2", "version = 2\ncolour = 1"), BODY, "colour: unknown key"),
        (HEADER.replace("{{ topic }}", "{{ depth }}"), BODY, "record.task: uses depth"),
        (HEADER.replace('"attempt"]', '"attempt", "topic"]'), BODY, "declared twice"),
        (HEADER + 'column = "colour"\n', BODY, "'colour' is none of"),
        (
            HEADER.replace('languages = ["language"]', "languages = []"),
            BODY.replace("{{ language }}", ""),
            "languages:",
        ),
        ("\nfamily = ", BODY, "not valid TOML"),
    ],
)
def test_a_wrong_prompt_is_refused_with_file_and_key(tmp_path, header, body, complaint):
    with pytest.raises(UsageError, match=re.escape(complaint)) as caught:
        load(tmp_path, header, body)
    assert str(tmp_path / "riddle.md") in str(caught.value)


def test_a_template_cannot_reach_into_python(tmp_path):
    prompt = load(tmp_path, body=BODY + "{{ topic.__class__.__mro__ }}")
    with pytest.raises(Exception, match=r"unsafe|undefined"):
        prompt.render({"topic": "sea", "language": "English", "sample": 1, "attempt": 0})


def test_an_axis_may_be_a_file(tmp_path):
    (tmp_path / "axes").mkdir()
    (tmp_path / "axes" / "place.toml").write_text('values = [{ value = "sea" }, { value = "sky" }]')
    table = HEADER[HEADER.index("[axes.topic]") :]
    prompt = load(tmp_path, HEADER.replace(table, '[axes]\ntopic = "axes/place"\n'))
    assert prompt.axes[0].weights == (0.5, 0.5)
