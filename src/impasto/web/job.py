"""One job of the service: its request, where it stands, and what was last told of it."""

from __future__ import annotations

import asyncio
import contextlib
import hashlib
import secrets
import time
from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from enum import Enum
from pathlib import Path
from typing import Any

from impasto.jobs.video_request import AnyRequest

QUIET_SECONDS = 15.0
"""After so much time without an event, an empty one shows that the connection lives."""

_GATHER_SECONDS = 0.05
"""Steps of small pictures are quicker than anybody can see: the last one is told."""

_MOST_NOTES = 20


class State(str, Enum):
    """Where a job stands."""

    QUEUED = "queued"
    RUNNING = "running"
    FINISHED = "finished"
    STOPPED = "stopped"
    FAILED = "failed"

    @property
    def is_end(self) -> bool:
        """Whether nothing happens any more, unless the job is resumed."""
        return self not in (State.QUEUED, State.RUNNING)


@dataclass(eq=False)
class Job:
    """A request that somebody has sent.

    Of every kind of event only the last is kept, so slow readers cost nothing.

    Attributes:
        request: Its pictures are names in ``folder``.
        client: Who sent it, as the queue knows clients.
        session: Browser session that lists it; empty for none.
        address: Of the client, if it is of another machine.
        folder: Its files; the folder's name is not the id.
        id: Names it to clients; it cannot be guessed.
        state: Where it stands.
        place: In the queue, from 1; 0 while it does not wait.
        names: Upload → what the client calls the file; for texts alone.
        output: File in ``folder`` that a clip is written to; empty for a picture.
        is_resumable: Whether it can go on from a checkpoint.
        formats: In which there is a picture; none before its end.
        is_begun: Whether a worker has begun it; one may have it while it still does another.
        must_stop: Whether somebody has asked to stop it.
        ended: When it ended (:func:`time.monotonic`).
        bytes: Of its files, when it was sent, and when it ended.
    """

    request: AnyRequest
    client: str
    session: str
    folder: Path
    id: str = field(default_factory=lambda: secrets.token_urlsafe(24))
    state: State = State.QUEUED
    place: int = 0
    names: dict[str, str] = field(default_factory=dict)
    output: str = ""
    address: str = ""
    is_resumable: bool = False
    formats: tuple[str, ...] = ()
    is_begun: bool = False
    must_stop: bool = False
    created: float = field(default_factory=time.time)
    ended: float = 0.0
    bytes: int = 0
    _told: dict[str, tuple[int, str, dict[str, Any]]] = field(default_factory=dict)
    _serial: int = 0
    _changed: asyncio.Event = field(default_factory=asyncio.Event)

    @property
    def log_name(self) -> str:
        """What logs call it: not its id, which would open it."""
        return hashlib.sha256(self.id.encode()).hexdigest()[:12]

    @property
    def kept(self) -> str:
        """What becomes of it when the server is stopped, as a part of a sentence."""
        if self.request.kind == "video":
            return "a clip needs all its frames, so send it again"
        return "what is painted is kept"

    def tell(self, event: str, **data: Any) -> None:
        """Tell everybody who watches the job; notes are all kept, of other events the last."""
        self._serial += 1
        key = event
        if event == "note":
            notes = [name for name in self._told if name.startswith("note-")]
            if len(notes) == _MOST_NOTES:
                del self._told[notes[0]]
            key = f"note-{self._serial}"
        self._told[key] = self._serial, event, data
        self._changed.set()
        self._changed = asyncio.Event()

    def tell_state(self) -> None:
        """Tell where it stands."""
        self.tell("state", **self.described_state())

    def begin_again(self) -> None:
        """Forget what was told of an end, since the job goes on."""
        for event in ("finished", "failed"):
            self._told.pop(event, None)
        self.state, self.must_stop, self.is_resumable = State.QUEUED, False, False

    async def events(self, after: int = 0) -> AsyncIterator[tuple[int, str, dict[str, Any]]]:
        """Everything told after a serial number, then what is told until the job ends.

        Yields:
            Serial number, event and data; the last is the state in which it ended. An empty event
            means that nothing has happened for a while.
        """
        while True:
            changed = self._changed
            new = sorted((t for t in self._told.values() if t[0] > after), key=lambda told: told[0])
            for told in new:
                after = told[0]
                yield told
            if self.state.is_end and not any(t[0] > after for t in self._told.values()):
                return
            with contextlib.suppress(asyncio.TimeoutError):
                await asyncio.wait_for(changed.wait(), QUIET_SECONDS)
                await asyncio.sleep(_GATHER_SECONDS)
                continue
            yield after, "", {}

    def described_state(self) -> dict[str, Any]:
        """State, place and what can be done, for clients."""
        return {
            "state": self.state.value,
            "place": self.place,
            "resumable": self.is_resumable,
            "result": bool(self.formats),
            "formats": list(self.formats),
        }

    def described(self) -> dict[str, Any]:
        """The same with the last events, for clients."""
        last = {event: data for _, event, data in self._told.values() if event != "note"}
        notes = [data["text"] for _, event, data in self._told.values() if event == "note"]
        return {
            "id": self.id,
            "kind": self.request.kind,
            "created": round(self.created, 3),
            **self.described_state(),
            "events": {name: data for name, data in last.items() if name != "state"},
            "notes": notes,
        }
