"""A worker process as the server sees it: started, given tasks, stopped, started again."""

from __future__ import annotations

import asyncio
import contextlib
import itertools
import json
import signal
import sys
from collections.abc import AsyncIterator, Hashable, Mapping
from pathlib import Path
from typing import Any

_LONGEST_LINE = 1 << 20
"""Bytes of an event; the longest holds a request."""

_MOST_EVENTS = 10_000
"""Of one task that nobody has taken yet."""

_ATTEMPTS = 3
"""Processes that may end before they begin a task."""

_LAST = ("finished", "failed")
_END_SECONDS = 5.0
_START_SECONDS = 120.0
"""Time to import torch, on a machine that is busy."""


class WorkerEndedError(Exception):
    """The process has ended in the middle of a task; ``str()`` says how, for a person."""


class WorkerProcess:
    """One process that does one task after another.

    A second task may be sent while it does the first, so that it need not wait for the server
    between them. If it ends before it has begun a task, the next process does that.

    Args:
        folder: Its working folder, between tasks.

    Attributes:
        starts: How often it was started.
    """

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._process: asyncio.subprocess.Process | None = None
        self._starting = asyncio.Lock()
        self._reading: asyncio.Task[None] | None = None
        self._numbers = itertools.count(1)
        self._inboxes: dict[int, asyncio.Queue[dict[str, Any] | WorkerEndedError]] = {}
        self._tasks: dict[Hashable, int] = {}  # key → number of a task that was sent
        self._stopped: set[Hashable] = set()
        self.starts = 0
        self._has_started = False

    @property
    def is_ready(self) -> bool:
        """Whether it is running and can do tasks."""
        return self._has_started and self._is_running()

    @property
    def pid(self) -> int | None:
        """Its process number, while it is running."""
        return self._process.pid if self._is_running() else None  # type: ignore[union-attr]

    def _is_running(self) -> bool:
        return self._process is not None and self._process.returncode is None

    async def start(self) -> bool:
        """Start it if it is not running, and wait until it can do tasks.

        Returns:
            Whether it was started again, after it had ended.

        Raises:
            WorkerEndedError: If it cannot be started.
        """
        async with self._starting:
            if self._is_running():
                return False
            if self._reading is not None:
                await self._reading  # which has told everybody of the end
            self.starts += 1
            self._has_started = False
            self._process = await asyncio.create_subprocess_exec(
                sys.executable, "-m", "impasto.web.worker",
                stdin=asyncio.subprocess.PIPE, stdout=asyncio.subprocess.PIPE,
                cwd=self._folder, limit=_LONGEST_LINE,
                start_new_session=True,  # Ctrl-C in the server's terminal is not for it
            )  # fmt: skip
            try:
                await asyncio.wait_for(self._receive(), _START_SECONDS)
            except asyncio.TimeoutError:
                await self.close()
                raise WorkerEndedError("The process that paints did not start.") from None
            self._reading = asyncio.create_task(self._read())
            self._has_started = True
            return self.starts > 1

    async def _read(self) -> None:
        """Give events to those who wait for them, until the process ends."""
        try:
            while True:
                event = await self._receive()
                number = event.pop("task")
                inbox = self._inboxes.get(number) if isinstance(number, int) else None
                if inbox is None:  # of a task that was given up
                    continue
                if inbox.full():  # it tells more than anybody can hear
                    self.kill()
                else:
                    inbox.put_nowait(event)
        except WorkerEndedError as error:
            for inbox in self._inboxes.values():
                if inbox.full():
                    inbox.get_nowait()
                inbox.put_nowait(error)

    async def run(self, key: Hashable = None, **task: Any) -> AsyncIterator[dict[str, Any]]:
        """Do a task; yields its events, the last of which is ``finished`` or ``failed``.

        Args:
            key: Names the task to :meth:`stop_task`.
            **task: What the process is told.

        Raises:
            WorkerEndedError: If the process ends before, and after it has begun the task.
        """
        is_begun = False
        try:
            for attempt in range(1, _ATTEMPTS + 1):
                await self.start()
                try:
                    async for event in self._events(key, task):
                        is_begun = True
                        yield event
                    return
                except WorkerEndedError:
                    if is_begun or attempt == _ATTEMPTS:
                        raise
        finally:
            self._stopped.discard(key)

    async def _events(
        self, key: Hashable, task: Mapping[str, Any]
    ) -> AsyncIterator[dict[str, Any]]:
        number = next(self._numbers)
        inbox = self._inboxes[number] = asyncio.Queue(_MOST_EVENTS)
        self._tasks[key] = number
        try:
            await self._send({**task, "task": number})
            if key in self._stopped:
                await self.stop_task(key)
            while True:
                event = await inbox.get()
                if isinstance(event, WorkerEndedError):
                    raise event
                yield event
                if event["event"] in _LAST:
                    return
        finally:
            del self._inboxes[number]
            self._tasks.pop(key, None)

    async def stop_task(self, key: Hashable = None) -> None:
        """Have it end a task after the current step, or before it begins."""
        self._stopped.add(key)
        if key in self._tasks and self._is_running():
            with contextlib.suppress(WorkerEndedError):
                await self._send({"do": "stop", "task": self._tasks[key]})

    def kill(self) -> None:
        """End the process at once."""
        if self._is_running():
            with contextlib.suppress(ProcessLookupError):
                self._process.kill()  # type: ignore[union-attr]

    async def close(self) -> None:
        """End the process, and wait until it has."""
        self.kill()
        if self._process is not None:
            await self._process.wait()
        if self._reading is not None:
            await self._reading

    async def _send(self, message: dict[str, Any]) -> None:
        assert self._process is not None
        assert self._process.stdin is not None
        try:
            self._process.stdin.write(json.dumps(message).encode() + b"\n")
            await self._process.stdin.drain()
        except (ConnectionError, RuntimeError):
            raise await self._ended() from None

    async def _receive(self) -> dict[str, Any]:
        """The next event. What is no event ends the process, which is not to be trusted then."""
        assert self._process is not None
        assert self._process.stdout is not None
        try:
            line = await self._process.stdout.readline()
            event = json.loads(line) if line else None
        except ValueError:  # too long, or no JSON
            line, event = b"?", None
        if isinstance(event, dict) and {"task", "event"} <= event.keys():
            return event
        if line:
            self.kill()
        raise await self._ended()

    async def _ended(self) -> WorkerEndedError:
        assert self._process is not None
        try:
            # Not killed at once: a signal to a process that has ended loses its exit code.
            code = await asyncio.wait_for(self._process.wait(), _END_SECONDS)
        except asyncio.TimeoutError:  # it has only closed its pipe
            self.kill()
            code = await self._process.wait()
        if code == -9:
            how = "was ended by the system, perhaps because memory ran out: try a smaller size"
        elif code < 0:
            how = f"crashed ({signal.Signals(-code).name}): try another picture or a smaller size"
        else:
            how = f"ended with exit code {code}: try again"
        return WorkerEndedError(f"The process that made this picture {how}.")
