"""A worker process as the server sees it: started, given tasks, stopped, started again."""

from __future__ import annotations

import asyncio
import contextlib
import itertools
import json
import signal
import sys
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

_LONGEST_LINE = 1 << 20
"""Bytes of an event; the longest holds a request."""

_LAST = ("finished", "failed")
_END_SECONDS = 5.0
_START_SECONDS = 120.0
"""Time to import torch, on a machine that is busy."""


class WorkerEndedError(Exception):
    """The process has ended in the middle of a task; ``str()`` says how, for a person."""


class WorkerProcess:
    """One process that does one task at a time.

    Args:
        folder: Its working folder, between tasks.

    Attributes:
        starts: How often it was started.
    """

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._process: asyncio.subprocess.Process | None = None
        self._numbers = itertools.count(1)
        self._task = 0  # the one being done
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

    async def start(self) -> None:
        """Start it if it is not running, and wait until it can do tasks.

        Raises:
            WorkerEndedError: If it cannot be started.
        """
        if self._is_running():
            return
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
            self.kill()
            raise WorkerEndedError("The process that paints did not start.") from None
        self._has_started = True

    async def run(self, **task: Any) -> AsyncIterator[dict[str, Any]]:
        """Do a task; yields its events, the last of which is ``finished`` or ``failed``.

        Raises:
            WorkerEndedError: If the process ends before.
        """
        await self.start()
        self._task = number = next(self._numbers)
        try:
            await self._send({**task, "task": number})
            while True:
                event = await self._receive()
                if event.pop("task") != number:
                    continue  # the end of a task that was given up
                yield event
                if event["event"] in _LAST:
                    return
        finally:
            self._task = 0

    async def stop_task(self) -> None:
        """Have it end the task after the current step."""
        if self._task and self._is_running():
            with contextlib.suppress(WorkerEndedError):
                await self._send({"do": "stop", "task": self._task})

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
