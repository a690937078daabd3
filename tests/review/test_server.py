"""The review's server over real HTTP: it serves its own page and refuses everybody else."""

import asyncio

import aiohttp
import pytest

from flows.review.server import ReviewServer
from flows.review.session import Session
from flows.store.reviews import read_reviews
from tests.reporting.folder import dropped_row, make_run, numbered


@pytest.fixture
def layout(tmp_path):
    return make_run(tmp_path / "run", [numbered(1), numbered(2)], [dropped_row(numbered(3), "too_long", "long")])


@pytest.fixture
async def url(layout):
    """Address of a server that runs for one test."""
    address = asyncio.get_running_loop().create_future()
    with Session(layout) as session:
        running = asyncio.create_task(ReviewServer(session, "<p>the page").run(0, address.set_result))
        yield await address
        running.cancel()
        await asyncio.gather(running, return_exceptions=True)


@pytest.fixture
async def http():
    async with aiohttp.ClientSession() as session:
        yield session


def origin(url):
    return "/".join(url.split("/")[:3])


async def test_the_page_and_its_rows_are_served(url, http):
    async with http.get(url) as answer:
        assert await answer.text() == "<p>the page"
        assert answer.headers["Cache-Control"] == "no-store"
        assert answer.headers["Referrer-Policy"] == "no-referrer"
        assert answer.headers["X-Frame-Options"] == "DENY"
    async with http.get(url + "state") as answer:
        state = await answer.json()
    assert state["counts"]["rows"] == 3
    assert state["choices"]["family"] == [["short_long", 3]]
    async with http.get(url + "queue", params={"status": "dropped"}) as answer:
        assert await answer.json() == {"numbers": [2]}
    async with http.get(url + "rows", params={"numbers": "2,0"}) as answer:
        assert [row["id"][-1] for row in (await answer.json())["rows"]] == ["3", "1"]


async def test_verdicts_from_the_page_are_kept_and_undone(url, http, layout):
    own = {"Origin": origin(url)}
    async with http.post(url + "verdict", json={"number": 0, "accept": False}, headers=own) as answer:
        assert (await answer.json())["counts"]["rejected"] == 1
    assert not read_reviews(layout)[f"{1:016x}"].accept
    async with http.post(url + "undo", json={}, headers=own) as answer:
        assert (await answer.json())["row"]["number"] == 0
    assert read_reviews(layout) == {}
    async with http.post(url + "undo", json={}, headers=own) as answer:
        assert (await answer.json())["row"] is None


@pytest.mark.parametrize(
    ("headers", "status"),
    [
        ({"Host": "evil.example"}, 403),
        ({"Origin": "https://evil.example"}, 403),
        ({"Origin": "null"}, 403),
        ({}, 403),
        ({"Origin": "own", "Content-Type": "text/plain"}, 403),
        ({"Origin": "own", "Content-Type": "application/json"}, 200),
    ],
    ids=["rebound name", "other site", "opaque site", "no origin", "plain form", "the page"],
)
async def test_no_other_site_can_decide(url, http, layout, headers, status):
    headers = {name: origin(url) if value == "own" else value for name, value in headers.items()}
    body = b'{"number": 0, "accept": false}'
    async with http.post(url + "verdict", data=body, headers=headers) as answer:
        assert answer.status == status
    assert bool(read_reviews(layout)) == (status == 200)


async def test_a_forwarded_port_may_be_called_localhost(url, http, layout):
    own = origin(url).replace("127.0.0.1", "localhost")
    headers = {"Host": own.removeprefix("http://"), "Origin": own}
    async with http.post(url + "verdict", json={"number": 0, "accept": True}, headers=headers) as answer:
        assert answer.status == 200


async def test_nothing_is_there_without_the_token(url, http):
    base = origin(url)
    for path in ("/", "/state", "/rows?numbers=0", "/wrong-token/", url[len(base) :].rstrip("/") + "x/"):
        async with http.get(base + path) as answer:
            assert answer.status == 404, path


@pytest.mark.parametrize(
    ("path", "body", "complaint"),
    [
        ("verdict", b"{", "must be a JSON object"),
        ("verdict", b"[]", "must be a JSON object"),
        ("verdict", b"{}", "a row's number"),
        ("verdict", b'{"number": true, "accept": true}', "a row's number"),
        ("verdict", b'{"number": 0, "accept": "yes"}', "a row's number"),
        ("verdict", b'{"number": 3, "accept": true}', "there are 3"),
        ("verdict", b'{"number": 0, "accept": true, "query": ""}', "needs a query"),
        ("rows?numbers=-1", None, "there are 3"),
        ("rows?numbers=x", None, "must be numbers"),
        ("queue?sample=x", None, "must be a number"),
        ("queue?order=x", None, "choose one of"),
    ],
)
async def test_a_bad_request_is_told_what_is_wrong(url, http, path, body, complaint):
    headers = {"Origin": origin(url), "Content-Type": "application/json"}
    method = "GET" if body is None else "POST"
    async with http.request(method, url + path, data=body, headers=headers) as answer:
        assert answer.status == 400
        assert complaint in (await answer.json())["error"]


async def test_finish_ends_the_server(layout):
    address = asyncio.get_running_loop().create_future()
    with Session(layout) as session:
        running = asyncio.create_task(ReviewServer(session, "").run(0, address.set_result))
        url = await address
        async with (
            aiohttp.ClientSession() as http,
            http.post(url + "finish", json={}, headers={"Origin": origin(url)}) as answer,
        ):
            assert answer.status == 200
        await asyncio.wait_for(running, 10)
