import asyncio
from dataclasses import replace
from pathlib import Path

import pytest

from flows.errors import RejectedLLMError, StoreError
from flows.ids import rng
from flows.llm.policy import CallPolicy
from flows.llm.record import Recorder
from flows.llm.replay import Replay
from flows.llm.resilient import Resilient
from flows.llm.scripted import Scripted
from flows.llm.traffic import Traffic, traffic_of
from flows.llm.types import ChatRequest

REQUEST = ChatRequest((), prompt="p", wording="w1")


def numbered(*, start: int = 1) -> Scripted:
    counter = iter(range(start, 1000))
    return Scripted(lambda request: f"answer {next(counter)}")


def numbers(n: int) -> list[ChatRequest]:
    return [replace(REQUEST, variables={"n": i}) for i in range(n)]


async def record(path: Path, requests: list[ChatRequest], inner: Scripted | None = None) -> list[str]:
    recorder = Recorder(inner or numbered(), path)
    try:
        return [completion.text for completion in await asyncio.gather(*map(recorder.complete, requests))]
    finally:
        await recorder.aclose()


async def test_what_was_recorded_is_answered_again(tmp_path: Path):
    path = tmp_path / "new" / "r.jsonl"
    live = await record(path, numbers(20))
    replay = Replay([path])
    again = [await replay.complete(request) for request in numbers(20)]
    assert [reply.text for reply in again] == live
    assert all(reply.recorded and reply.wording == "w1" for reply in again)


async def test_an_address_is_recorded_once_and_the_first_reply_stays(tmp_path: Path):
    path = tmp_path / "r.jsonl"
    assert await record(path, [REQUEST, REQUEST]) == ["answer 1", "answer 2"]
    before = path.read_bytes()
    await record(path, [REQUEST])
    assert path.read_bytes() == before
    await record(path, [REQUEST, replace(REQUEST, turn=1)], numbered(start=50))
    assert path.read_bytes().startswith(before)
    assert path.read_bytes().count(b"\n") == 2


@pytest.mark.parametrize(("cut", "left"), [(1, 2), (20, 1)], ids=["only the line end", "half a line"])
async def test_a_torn_last_line_is_mended_or_cut_off(tmp_path: Path, cut: int, left: int):
    path = tmp_path / "r.jsonl"
    await record(path, numbers(2))
    path.write_bytes(path.read_bytes()[:-cut])
    await record(path, [replace(REQUEST, turn=1)])
    assert len(Replay([path]).replies()) == left + 1


async def test_a_very_long_torn_line_is_cut_off_too(tmp_path: Path):
    path = tmp_path / "r.jsonl"
    await record(path, numbers(1))
    path.write_bytes(path.read_bytes() + b'{"' + b"x" * 200_000)
    await record(path, [])
    assert len(Replay([path]).replies()) == 1


async def test_two_recorders_share_a_file(tmp_path: Path):
    path = tmp_path / "r.jsonl"
    one, two = Recorder(numbered(), path), Recorder(numbered(), path)
    await asyncio.gather(*[(one, two)[i % 2].complete(request) for i, request in enumerate(numbers(40))])
    await one.aclose()
    await two.aclose()
    assert len(Replay([path]).replies()) == 40


async def test_a_damaged_file_is_not_added_to(tmp_path: Path):
    path = tmp_path / "r.jsonl"
    path.write_bytes(b"broken\n")
    with pytest.raises(StoreError, match="line 1"):
        Recorder(numbered(), path)


async def test_a_place_where_nothing_can_be_written_is_named(tmp_path: Path):
    (tmp_path / "file").touch()
    with pytest.raises(StoreError, match="cannot record to"):
        Recorder(numbered(), tmp_path / "file" / "r.jsonl")


async def test_a_full_disk_leaves_whole_lines_and_says_so(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    path = tmp_path / "r.jsonl"
    recorder = Recorder(numbered(), path)
    await recorder.complete(REQUEST)
    write = __import__("os").write
    monkeypatch.setattr("flows.llm.record.os.write", lambda file, line: write(file, line[:10]))
    with pytest.raises(StoreError, match="the disk is full"):
        await recorder.complete(replace(REQUEST, turn=1))
    monkeypatch.undo()
    await recorder.complete(replace(REQUEST, turn=1))
    await recorder.aclose()
    assert len(Replay([path]).replies()) == 2


async def test_a_rejection_passes_unrecorded(tmp_path: Path):
    def refuse(request: ChatRequest) -> str:
        raise RejectedLLMError("no", reason="content_filter")

    with pytest.raises(RejectedLLMError):
        await record(tmp_path / "r.jsonl", [REQUEST], Scripted(refuse))
    assert (tmp_path / "r.jsonl").read_bytes() == b""


async def test_the_inner_models_name_and_counters_show_through(tmp_path: Path):
    inner = Resilient([Scripted(lambda request: "x", model="gemma")], CallPolicy(), rng=rng(1))
    recorder = Recorder(inner, tmp_path / "r.jsonl")
    await recorder.complete(REQUEST)
    assert recorder.model == "gemma"
    assert traffic_of(recorder) is inner.traffic
    assert traffic_of(recorder).answered == 1
    assert traffic_of(Scripted(lambda request: "x")) == Traffic()
    await recorder.aclose()
