"""Sends new events to everybody who listens: one look into the database for all of them.

Each event is encoded once, and what is new is joined once, for all who hear it. A listener that
does not keep up is cut off with what it has; it reconnects with the last number it saw and misses
nothing.
"""

import asyncio
import contextlib
import json
import random
from collections.abc import AsyncIterator, Iterable
from dataclasses import dataclass, field
from typing import Final

import sqlalchemy.exc
from anyio import CapacityLimiter, to_thread

from preread.db.events import Event
from preread.logs import get_logger
from preread.resources import Resources
from preread.scope import Sites, covers

EVENT_NAME: Final = "worklist"
HEARTBEAT_S: Final = 15.0
LIFETIME_S: Final = 900.0
"""A stream ends then at the latest and the listener reconnects, which checks its key again."""
_SHORTEST_LIFE: Final = 0.75
"""Of that; drawn for each, or a thousand that began together would come back together."""

_PAGE: Final = 500
_WAITING_BATCHES: Final = 64
_RETRY_MS: Final = 2000
_HEARTBEAT: Final = b": still here\nevent: heartbeat\n\n"
"""A comment for whoever reads the stream. The event has no data, so that a client by the book drops
it; the page's library hands it on, and a page that misses it says that it is live no longer."""

_log = get_logger(__name__)


@dataclass(frozen=True, slots=True)
class Frame:
    """One event as it goes over the wire."""

    seq: int
    site: str
    encoded: bytes


@dataclass(frozen=True, slots=True)
class Batch:
    """Events that all listeners of a site get together, joined once for all of them."""

    frames: tuple[Frame, ...]
    encoded: bytes

    def after(self, seq: int) -> bytes:
        """Return what a listener who knows the events up to a number has yet to hear."""
        if not self.frames or self.frames[0].seq > seq:
            return self.encoded
        return _joined(frame for frame in self.frames if frame.seq > seq)


_WAKE: Final = Batch((), b"")


@dataclass(eq=False, slots=True)
class _Listener:
    sites: Sites
    batches: asyncio.Queue[Batch] = field(default_factory=lambda: asyncio.Queue(_WAITING_BATCHES))
    ended: bool = False

    def offer(self, batch: Batch) -> None:
        """Queue a batch; a listener whose queue is full gets what is in it and no more."""
        try:
            self.batches.put_nowait(batch)
        except asyncio.QueueFull:
            self.ended = True

    def end(self) -> None:
        """Let the listener take what waits for it and stop."""
        self.offer(_WAKE)
        self.ended = True


class Live:
    """The listeners of one process."""

    def __init__(self) -> None:
        self._listeners: set[_Listener] = set()
        self.told: int | None = None
        """Number of the newest event that was handed out; None before the pump has begun."""
        self.closing = asyncio.Event()
        self._limiter = CapacityLimiter(1)  # never waits behind uploads

    @property
    def listener_count(self) -> int:
        """How many streams are open."""
        return len(self._listeners)

    def close(self) -> None:
        """End all streams, so that the server can stop."""
        self.closing.set()
        for listener in self._listeners:
            listener.end()

    async def pump(self, resources: Resources) -> None:
        """Hand out new events until the streams are ended."""
        while not self.closing.is_set():
            more = False
            try:
                if self.told is None:
                    self.told = await self._begin(resources)
                else:
                    self.told, more = await self._hand_out(resources, self.told)
            except sqlalchemy.exc.SQLAlchemyError as error:
                _log.warning("events_unreadable", exc_info=error)
            if not more:
                await pause(self.closing, resources.settings.events_poll_s)

    async def _begin(self, resources: Resources) -> int:
        seq = await to_thread.run_sync(last_seq, resources, limiter=self._limiter)
        for listener in self._listeners:  # who came earlier may have missed something
            listener.end()
        return seq

    async def _hand_out(self, resources: Resources, seq: int) -> tuple[int, bool]:
        frames = await to_thread.run_sync(_frames_after, resources, seq, limiter=self._limiter)
        if not frames:
            return seq, False
        batches: dict[Sites, Batch] = {}
        for listener in tuple(self._listeners):
            sites = listener.sites
            if sites not in batches:  # once for all who see the same
                heard = tuple(frame for frame in frames if covers(sites, frame.site))
                batches[sites] = Batch(heard, _joined(heard))
            if batches[sites].frames:
                listener.offer(batches[sites])
            if listener.ended:
                self._listeners.discard(listener)
        return frames[-1].seq, len(frames) == _PAGE

    async def stream(
        self, resources: Resources, *, sites: Sites, after: int | None
    ) -> AsyncIterator[bytes]:
        """Yield what a listener gets, encoded.

        Parameters
        ----------
        resources
            Where the events are.
        sites
            Only events of these sites; None for all.
        after
            Number of the last event that the listener knows; None begins now.
        """
        life_s = LIFETIME_S * random.uniform(_SHORTEST_LIFE, 1)  # noqa: S311 - no secret
        ends_at = asyncio.get_running_loop().time() + life_s
        listener = _Listener(sites)
        self._listeners.add(listener)  # first of all, so that no event falls between
        try:
            last = after if after is not None else await to_thread.run_sync(last_seq, resources)
            yield f"retry: {_RETRY_MS}\n: from {last}\n\n".encode()
            # Who begins now is on the pump's list already, and misses nothing that comes after.
            more = after is not None
            while more and not self.closing.is_set():
                frames = await to_thread.run_sync(_frames_after, resources, last)
                more = len(frames) == _PAGE
                last = frames[-1].seq if frames else last
                if chunk := _joined(frame for frame in frames if covers(sites, frame.site)):
                    yield chunk
            while not self.closing.is_set() and asyncio.get_running_loop().time() < ends_at:
                if listener.ended and listener.batches.empty():
                    return
                if chunk := await _next_chunk(listener, last):
                    yield chunk
        finally:
            self._listeners.discard(listener)


async def pause(until: asyncio.Event, longest_s: float) -> None:
    """Wait for an event, but not longer than this."""
    with contextlib.suppress(TimeoutError):
        async with asyncio.timeout(longest_s):
            await until.wait()


def last_seq(resources: Resources) -> int:
    """Return the number of the newest event, 0 if there is none."""
    with resources.reading() as work:
        return work.events.last_seq()


def encode(event: Event) -> Frame:
    """Return an event as server-sent event; its ID is its number."""
    body = {
        "seq": event.seq,
        "at": event.at.isoformat().replace("+00:00", "Z"),
        "kind": event.kind.value,
        "study_id": event.study_id,
        "site": event.site,
        "detail": event.detail,
    }
    text = json.dumps(body, separators=(",", ":"))
    wire = f"id: {event.seq}\nevent: {EVENT_NAME}\ndata: {text}\n\n"
    return Frame(event.seq, event.site, wire.encode())


def _frames_after(resources: Resources, seq: int) -> tuple[Frame, ...]:
    with resources.reading() as work:
        return tuple(encode(event) for event in work.events.after(seq, _PAGE))


async def _next_chunk(listener: _Listener, known: int) -> bytes:
    try:
        async with asyncio.timeout(HEARTBEAT_S):
            batch = await listener.batches.get()
    except TimeoutError:
        return _HEARTBEAT
    return batch.after(known)


def _joined(frames: Iterable[Frame]) -> bytes:
    return b"".join(frame.encoded for frame in frames)
