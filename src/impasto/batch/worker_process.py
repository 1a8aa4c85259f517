"""A worker process as a batch sees it: given shards, watched, started again when it ends."""

from __future__ import annotations

import contextlib
import json
import os
import shutil
import signal
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Mapping
from typing import Any

from impasto.batch.shard_log import Done
from impasto.batch.tasks import Task, WorkerEvent, task_to_dict

_TOLD_SECONDS = 0.5
"""Between two events of progress: a batch of small pictures finishes thousands in that time."""

_MOST_ERRORS = 20
"""Sentences of rows that are passed on between two events; the log has all."""

_END_SECONDS = 5.0


class WorkerProcess:
    """One process that works on one shard at a time.

    Args:
        opening: What it is opened with (:func:`impasto.batch.opening.opening_of`).
        folder: Its working folder.
        threads: Of torch.
        tell: Takes its events, in a thread.
    """

    def __init__(
        self,
        opening: Mapping[str, Any],
        folder: str,
        threads: int,
        tell: Callable[[WorkerEvent], None],
    ) -> None:
        self._opening, self._folder, self._threads, self._tell = opening, folder, threads, tell
        self._process: subprocess.Popen[str] | None = None
        self._listening: threading.Thread | None = None
        self._task = 0
        self._is_closed = False
        self._writing = threading.Lock()

    @property
    def pid(self) -> int | None:
        """Its process number, if it was started."""
        return None if self._process is None else self._process.pid

    def start(self) -> None:
        """Start it; it tells when it is ready."""
        if self._is_closed:
            return
        environment = {**os.environ, "OMP_NUM_THREADS": str(self._threads)}
        process = subprocess.Popen(
            [sys.executable, "-m", "impasto.batch.worker"],
            stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, encoding="utf-8",
            cwd=self._folder, env=environment,
            start_new_session=True,  # Ctrl-C in the terminal of the batch is not for it
        )  # fmt: skip
        self._process = process
        self._watch = RowWatch()
        scratch = tempfile.mkdtemp(prefix="impasto-batch-")
        self._listening = threading.Thread(
            target=self._listen, args=(process, self._watch, scratch), daemon=True
        )
        self._listening.start()
        if limit := self._opening["options"].get("timeout"):
            given = process, self._watch, limit
            threading.Thread(target=_end_if_late, args=given, daemon=True).start()
        self._send({"do": "open", "task": 0, **self._opening, "scratch": scratch})

    def submit(self, task: Task) -> None:
        """Give it a shard; only when it is ready and has none."""
        self._task += 1
        self._send({"do": "shard", "task": self._task, **task_to_dict(task)})

    def stop(self) -> None:
        """Have it end the task after the current step."""
        if self._task:
            self._send({"do": "stop", "task": self._task})

    def close(self) -> None:
        """End the process, and wait until it has."""
        self._is_closed = True
        process = self._process
        if process is None:
            return
        with contextlib.suppress(OSError), self._writing:
            process.stdin.close()  # type: ignore[union-attr]
        try:
            process.wait(_END_SECONDS)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()
        if self._listening is not None:
            self._listening.join(_END_SECONDS)

    def _send(self, message: Mapping[str, Any]) -> None:
        # A process that has ended is told of by its other pipe.
        assert self._process is not None
        assert self._process.stdin is not None
        with self._writing, contextlib.suppress(OSError, ValueError):
            self._process.stdin.write(json.dumps(message) + "\n")
            self._process.stdin.flush()

    def _listen(self, process: subprocess.Popen[str], watch: RowWatch, scratch: str) -> None:
        """In a thread: pass on what it tells, until it ends; then remove its folder."""
        assert process.stdout is not None
        for line in process.stdout:
            try:
                event = json.loads(line)
                told = watch.take(event.pop("event"), event)
            except (ValueError, KeyError, AttributeError):  # what it says is not to be trusted
                process.kill()
                break
            for one in told:
                self._tell(one)
        code = process.wait()
        process.stdout.close()
        shutil.rmtree(scratch, ignore_errors=True)  # one that crashed has left it
        if not self._is_closed:
            for one in watch.crashed(watch.late or _how(code)):
                self._tell(one)


def _end_if_late(process: subprocess.Popen[str], watch: RowWatch, limit: float) -> None:
    """In a thread: end a process that takes longer than some seconds with a row."""
    while process.poll() is None:
        if watch.longest() > limit:
            watch.late = f"took longer than {limit:g} s with a picture"
            process.kill()
            return
        time.sleep(min(_TOLD_SECONDS, limit / 4))


class RowWatch:
    """Counts what a process tells of rows, and knows which are in flight.

    Attributes:
        late: Why the process was ended, if a row took too long.
    """

    def __init__(self) -> None:
        self.late = ""
        self._in_flight: dict[int, float] = {}
        self._counts = {"painted": 0, "failed": 0, "kept": 0}
        self._errors: list[tuple[str, str]] = []
        self._told = 0.0

    def take(self, name: str, values: dict[str, Any]) -> list[WorkerEvent]:
        """The events that follow from what it told, if any."""
        if name == "began":
            self._in_flight[values["row"]] = time.monotonic()
            return []
        if name == "ended":
            self._end_row(values)
            is_due = time.monotonic() > self._told + _TOLD_SECONDS
            return self._progress() if is_due else []
        if name == "done":
            return [*self._progress(), WorkerEvent(name, done=Done(*values["done"]))]
        self._in_flight.clear()
        return [*self._progress(), WorkerEvent(name, text=values.get("text", ""))]

    def longest(self) -> float:
        """Seconds since the first of the rows in flight began; 0 if there is none."""
        began = list(self._in_flight.values())
        return time.monotonic() - min(began) if began else 0.0

    def crashed(self, how: str) -> list[WorkerEvent]:
        """The events when the process has ended."""
        rows = tuple(sorted(self._in_flight))
        return [*self._progress(), WorkerEvent("crashed", rows=rows, text=how)]

    def _end_row(self, values: dict[str, Any]) -> None:
        self._in_flight.pop(values["row"], None)
        if values["failed"]:
            self._counts["failed"] += 1
            self._counts["painted"] -= bool(values.get("was_painted"))
            if len(self._errors) < _MOST_ERRORS:
                self._errors.append((values["id"], values["error"]))
        else:
            self._counts["kept" if values.get("is_kept") else "painted"] += 1

    def _progress(self) -> list[WorkerEvent]:
        if not any(self._counts.values()):
            return []
        counts: dict[str, Any] = dict(self._counts)
        event = WorkerEvent("progress", **counts, errors=tuple(self._errors))
        self._counts = dict.fromkeys(self._counts, 0)
        self._errors.clear()
        self._told = time.monotonic()
        return [event]


def _how(code: int) -> str:
    if code == -9:
        return "was ended by the system, perhaps because memory ran out"
    if code < 0:
        return f"crashed ({signal.Signals(-code).name})"
    return f"ended with exit code {code}"
