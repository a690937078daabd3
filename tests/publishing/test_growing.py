import hashlib
from dataclasses import replace
from pathlib import Path

import datasets
import pytest
from huggingface_hub import DatasetCard

from flows.domain.ledger import StageTally
from flows.errors import PublishError, UsageError
from flows.publishing.configs import DEFAULT
from flows.publishing.connection import Connection
from flows.publishing.facts import add_facts, data_digest, dump_facts, load_facts
from flows.publishing.push import published_ties
from tests.publishing.rows import graded_row, make_row
from tests.publishing.test_card import TEMPLATE, make_folder
from tests.publishing.test_push import REPO, titles, upload
from tests.servers.hub_state import Fault

pytestmark = pytest.mark.filterwarnings("ignore:Use 'content=:DeprecationWarning")

NIGHTS = [
    [make_row(n, split="validation" if n == 3 else "train") for n in range(10)],
    [*(make_row(n, query_language="de", document_language="de") for n in range(10, 14)), graded_row(14)],
]


@pytest.fixture
def nights(tmp_path):
    for number, rows in enumerate(NIGHTS):
        make_folder(tmp_path / f"night {number}", rows)
    return [tmp_path / f"night {number}" for number in range(len(NIGHTS))]


def remote(hub):
    return hub.repos[REPO].head.files


def card(hub):
    return DatasetCard(remote(hub)["README.md"].data.decode())


@pytest.mark.parametrize("first", [TEMPLATE, None], ids=["grown from the first", "published, then grown"])
def test_a_growing_set_keeps_what_it_has_and_sums_up(hub, nights, tmp_path, first):
    upload(nights[0], append=first)
    before = {path: blob for path, blob in remote(hub).items() if path.startswith("data/")}
    pushed = upload(nights[1], append=TEMPLATE)
    after = {path: blob for path, blob in remote(hub).items() if path.startswith("data/")}
    assert len(titles(hub)) == 2
    assert {path: after[path] for path in before} == before
    assert len(after) == len(before) + 4
    assert {operation.kind for operation in pushed.operations} == {"add"}
    splits = {info["config_name"]: info["splits"] for info in card(hub).data.to_dict()["dataset_info"]}
    assert {part["name"]: part["num_examples"] for part in splits["full"]} == {"train": 14, "validation": 1}
    text = card(hub).text
    assert "| en | 10 | 1 | 11 |" in text and "| de | 4 | 0 | 4 |" in text
    assert "| generate | 0 | 28 | 24 | █████████████████ 86 % | 4 bad\\_json |" in text
    for path, blob in remote(hub).items():
        (tmp_path / "clone" / path).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / "clone" / path).write_bytes(blob.data)
    loaded = datasets.load_dataset(str(tmp_path / "clone"), "full", cache_dir=str(tmp_path / "cache"))
    assert sorted(loaded["train"]["slot"]) == [n for n in range(15) if n != 3]


def test_the_same_run_is_not_added_twice(hub, nights):
    for night in (*nights, *nights, nights[0]):
        upload(night, append=TEMPLATE)
    assert len(titles(hub)) == 2


def test_a_lost_answer_does_not_add_a_run_twice(hub, nights):
    upload(nights[0], append=TEMPLATE)
    hub.faults.append(Fault("POST .*/commit/", lost=True))
    upload(nights[1], append=TEMPLATE)
    assert len(titles(hub)) == 2
    assert len(load_facts(remote(hub)["triplesmith.json"].data).runs) == 2


def test_two_runs_at_once_are_both_added(hub, nights):
    upload(nights[0], append=TEMPLATE)
    more = make_folder(nights[0].parent / "rival", [make_row(99)])
    hub.faults.append(Fault("POST .*/commit/", before=lambda _: upload(more, append=TEMPLATE)))
    upload(nights[1], append=TEMPLATE)
    facts = load_facts(remote(hub)["triplesmith.json"].data)
    assert facts.runs == tuple(data_digest(folder) for folder in (nights[0], more, nights[1]))
    assert facts.survey.rows == 16


def test_data_from_elsewhere_cannot_grow(hub, nights):
    hub.create(REPO, files={"data/train.parquet": b"PAR1"})
    with pytest.raises(UsageError, match="was not published by triplesmith, so it cannot grow"):
        upload(nights[0], append=TEMPLATE)


@pytest.mark.parametrize("content", [b"{", b"{}", b"[]"])
def test_damaged_facts_are_named(hub, nights, content):
    upload(nights[0], append=TEMPLATE)
    hub.commit(REPO, "oops", {"triplesmith.json": content})
    with pytest.raises(PublishError, match=r"its triplesmith.json cannot be read"):
        upload(nights[1], append=TEMPLATE)


def test_facts_survive_their_file(nights):
    facts = load_facts((nights[0] / "triplesmith.json").read_bytes())
    assert load_facts(dump_facts(facts)) == facts
    assert facts.runs == (data_digest(nights[0]),)


def test_facts_add_up(nights):
    one, two = (load_facts((night / "triplesmith.json").read_bytes()) for night in nights)
    (run,) = two.ledgers
    two = replace(two, ledgers={run: (*two.ledger, StageTally("mine", 3, 0, 3))})
    both = add_facts(one, two)
    assert [tally.name for tally in both.ledger] == ["generate", "curate", "mine"]
    assert both.ledger[1].dropped == {"short|a": 2}
    assert [config.name for config in both.written] == [name for name in DEFAULT]
    assert both.written[2].unfit == {"no_score": 14}
    assert both.survey.models == {"some-model": 15}
    assert list(both.survey.samples) == [two.survey.first["short_long"], two.survey.first["sts"]]


def test_the_digest_follows_the_data_alone(nights):
    before = data_digest(nights[0])
    (nights[0] / "README.md").write_text("other")
    assert data_digest(nights[0]) == before
    Path(next((nights[0] / "data").rglob("*.parquet"))).write_bytes(b"x")
    assert data_digest(nights[0]) != before
    assert hashlib.sha256().hexdigest()[:16] == data_digest(nights[0].parent)


def test_what_is_published_is_read_back(hub, nights):
    assert published_ties(REPO)(("task", "task number 3")) is None
    for night in nights:
        upload(night, append=TEMPLATE)
    known = published_ties(REPO)
    assert [known(("task", f"task number {n}")) for n in (2, 3, 14, 15)] == ["train", "validation", "train", None]
    assert known.has(NIGHTS[1][0]) and not known.has(make_row(15))


def test_what_others_put_into_another_split_is_not_published(hub, nights):
    upload(nights[0], append=TEMPLATE)
    moved = make_folder(nights[0].parent / "moved", [make_row(3, id="f" * 16), make_row(50)])
    with pytest.raises(PublishError, match=r"holds 4 tasks or texts of these rows in another split.*publish again"):
        upload(moved, append=TEMPLATE)
    assert len(titles(hub)) == 1


def test_damaged_ties_are_named(hub, nights):
    upload(nights[0], append=TEMPLATE)
    hub.commit(REPO, "oops", {"ties/keys-00000-of-00001.parquet": b"PAR1"})
    with pytest.raises(PublishError, match=r"restore an earlier state of its folder ties/"):
        published_ties(REPO)


def test_a_wrong_token_is_named_when_reading_back(hub, nights):
    with pytest.raises(PublishError, match="token is missing or not valid"):
        published_ties(REPO, Connection(token="hf_nobody"))
