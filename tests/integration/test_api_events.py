"""Events reach everybody who listens, in order, once, and only those of their site."""

import asyncio
import json
import socket
import threading
import time
from urllib.parse import urlsplit

import httpx
import pytest

from api import live as live_module
from api.live import Live, encode
from preread.keys import Role
from tests.builders import instance_bytes, send, send_study
from tests.support.web import bearer, client_of, server_of, with_settings


@pytest.fixture
def fast(resources):
    return with_settings(resources, events_poll_s=0.01, reconcile_interval_s=3600.0)


@pytest.fixture
def url(fast):
    with server_of(fast) as (url, _):
        yield url


def events_of(lines, count):
    """Return the next events of a stream as (id, body)."""
    found, number = [], None
    for line in lines:
        if line.startswith("id: "):
            number = int(line[4:])
        if line.startswith("event: "):
            assert line == "event: worklist"
        if line.startswith("data: "):
            found.append((number, json.loads(line[6:])))
            if len(found) == count:
                return found
    return found


def listen(url, headers, query="", count=1):
    with httpx.stream("GET", f"{url}/v1/worklist/events{query}", headers=headers) as answer:
        assert answer.status_code == 200
        assert answer.headers["content-type"].startswith("text/event-stream")
        return events_of(answer.iter_lines(), count)


def all_events(resources):
    with resources.reading() as work:
        return work.events.after(0)


def test_a_listener_gets_what_happens_from_now_on(url, resources):
    send_study(resources, 1)
    headers = bearer(resources)
    with httpx.stream("GET", f"{url}/v1/worklist/events", headers=headers) as answer:
        lines = answer.iter_lines()
        assert next(lines).startswith("retry: ")
        study_id = send(resources, instance_bytes(2)).studies[0].study_id
        [(number, event)] = events_of(lines, 1)
    assert event["kind"] == "study_received"
    assert event["study_id"] == study_id
    assert event["seq"] == number == all_events(resources)[-1].seq


@pytest.mark.parametrize("how", ["query", "header", "both"])
def test_a_listener_that_returns_misses_nothing(url, resources, how):
    for study in range(1, 6):
        send_study(resources, study)
    known = all_events(resources)
    headers = bearer(resources)
    query = f"?after={known[2].seq}" if how == "query" else ""
    if how != "query":
        headers["Last-Event-ID"] = str(known[2].seq)
    if how == "both":
        query = "?after=0"  # the header is newer: a browser keeps the address it once had
    heard = listen(url, headers, query, count=len(known) - 3)
    assert [number for number, _ in heard] == [event.seq for event in known[3:]]


def test_a_listener_hears_only_its_site(url, resources):
    headers = bearer(resources, Role.READER, "south")
    send_study(resources, 1, site="north")
    send_study(resources, 2, site="south")
    count = sum(event.site == "south" for event in all_events(resources))
    heard = listen(url, headers, "?after=0", count)
    assert {event["site"] for _, event in heard} == {"south"}


def test_a_listener_may_not_ask_for_another_site(resources):
    with client_of(resources) as client:
        answer = client.get(
            "/v1/worklist/events?site=north", headers=bearer(resources, Role.READER, "south")
        )
    assert answer.status_code == 403


@pytest.mark.parametrize("number", ["-1", "x", "9" * 30, "1 2", "٣".encode()])
def test_a_last_event_id_that_is_none_is_refused(resources, number):
    with client_of(resources) as client:
        headers = {**bearer(resources), "Last-Event-ID": number}
        assert client.get("/v1/worklist/events", headers=headers).status_code == 422


def test_what_happens_while_a_listener_catches_up_comes_once_and_in_order(
    url, resources, monkeypatch
):
    monkeypatch.setattr(live_module, "_PAGE", 2)
    headers = bearer(resources)
    writing = threading.Thread(target=lambda: [send_study(resources, n) for n in range(1, 13)])
    writing.start()
    heard = listen(url, headers, "?after=0", count=36)
    writing.join()
    numbers = [number for number, _ in heard]
    assert numbers == [event.seq for event in all_events(resources)]


def test_an_event_carries_no_patient_data(resources):
    send_study(resources)
    for event in all_events(resources):
        text = encode(event).encoded.decode()
        assert "SYNTHETIC" not in text
        assert "ACC1" not in text


def test_a_stopping_server_ends_its_streams_at_once(fast):
    with (
        server_of(fast) as (url, server),
        httpx.stream(
            "GET", f"{url}/v1/worklist/events", headers=bearer(fast), timeout=10
        ) as answer,
    ):
        lines = answer.iter_lines()
        next(lines)
        began = time.monotonic()
        server.should_exit = True
        rest = list(lines)
    assert time.monotonic() - began < 5  # at which the server cuts off what still streams
    assert "id: " not in "".join(rest)


def test_a_listener_that_does_not_keep_up_is_cut_off_without_a_gap(fast, monkeypatch):
    monkeypatch.setattr(live_module, "_WAITING_BATCHES", 2)

    async def scenario():
        live = Live()
        pump = asyncio.create_task(live.pump(fast))
        await asyncio.sleep(0.1)
        stream = live.stream(fast, sites=None, after=0)
        await anext(stream)  # connected, and then it stops reading
        for study in range(1, 6):
            await asyncio.to_thread(send_study, fast, study)
            await asyncio.sleep(0.05)
        assert live.listener_count == 0
        heard = b"".join([chunk async for chunk in stream])
        live.close()
        await pump
        return [int(line[4:]) for line in heard.decode().splitlines() if line[:4] == "id: "]

    numbers = asyncio.run(scenario())

    known = [event.seq for event in all_events(fast)]
    assert numbers == known[: len(numbers)]


def test_a_silent_stream_says_that_it_is_alive_and_ends_in_time(fast, monkeypatch):
    monkeypatch.setattr(live_module, "HEARTBEAT_S", 0.02)
    monkeypatch.setattr(live_module, "LIFETIME_S", 0.2)

    async def scenario():
        return [chunk async for chunk in Live().stream(fast, sites=None, after=None)]

    chunks = asyncio.run(scenario())
    assert chunks[0].startswith(b"retry: ")
    assert 2 < len(chunks) < 15
    assert set(chunks[1:]) == {b": still here\nevent: heartbeat\n\n"}


def test_a_thousand_listeners_hear_every_event_from_bytes_that_were_made_once(fast):
    async def scenario():
        live = Live()
        pump = asyncio.create_task(live.pump(fast))
        # Whoever comes before the pump begins is sent away again.
        while live.told is None:  # noqa: ASYNC110
            await asyncio.sleep(0.01)
        streams = [live.stream(fast, sites=None, after=None) for _ in range(1000)]
        await asyncio.gather(*(anext(stream) for stream in streams))
        waiting = asyncio.gather(*(anext(stream) for stream in streams))
        await asyncio.sleep(0.1)
        await asyncio.to_thread(send, fast, instance_bytes())
        chunks = await waiting
        live.close()
        await pump
        return chunks

    chunks = asyncio.run(scenario())
    assert len(chunks) == 1000
    assert chunks[0].count(b"id: ") == 1
    assert all(chunk is chunks[0] for chunk in chunks)


def test_a_refused_sender_still_reads_the_answer(url):
    """A client that is cut off while it writes would see a reset instead of the 401."""
    body = b"x" * (8 * 1024 * 1024)
    answer = httpx.post(
        f"{url}/v1/studies", content=body, headers={"Content-Type": "application/dicom"}
    )
    assert answer.status_code == 401


def test_who_waits_for_100_continue_is_refused_before_sending(url):
    place = urlsplit(url)
    with socket.create_connection((place.hostname, place.port), timeout=5) as connection:
        connection.sendall(
            b"POST /v1/studies HTTP/1.1\r\nHost: x\r\nContent-Length: 100000000\r\n"
            b"Content-Type: application/dicom\r\nExpect: 100-continue\r\n\r\n"
        )
        assert connection.recv(100).startswith(b"HTTP/1.1 401")


def test_an_upload_that_breaks_off_leaves_nothing(url, fast):
    place = urlsplit(url)
    with socket.create_connection((place.hostname, place.port), timeout=5) as connection:
        head = "\r\n".join(f"{name}: {text}" for name, text in bearer(fast).items())
        connection.sendall(
            f"POST /v1/studies?site=north HTTP/1.1\r\nHost: x\r\n{head}\r\n".encode()
            + b"Content-Length: 5000000\r\nContent-Type: application/dicom\r\n\r\n"
            + b"x" * 700_000
        )
        time.sleep(0.2)
    incoming = fast.settings.store_dir / "incoming"
    deadline = time.monotonic() + 5
    while any(incoming.iterdir()) and time.monotonic() < deadline:
        time.sleep(0.02)
    assert not any(incoming.iterdir())
