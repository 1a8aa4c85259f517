"""The two pipes between a worker process and the process that started it: tasks in, events out.

Both are lines of JSON. A worker ends itself when the process that started it is gone.
"""

from __future__ import annotations

import contextlib
import json
import os
import signal
import sys
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any, TextIO

from impasto.runtime.contention import share_cores

_OOM_SCORE = "600"
"""Added to the system's badness: when memory runs out, a worker goes, and not its parent."""


class Pipe:
    """The two directions of the conversation, as the worker sees it.

    Args:
        tasks: Lines of JSON to the worker.
        events: Lines of JSON from the worker.
    """

    def __init__(self, tasks: TextIO, events: TextIO) -> None:
        self._tasks, self._events = tasks, events
        self._writing = threading.Lock()
        self._arrived: list[dict[str, Any]] = []
        self._some_arrived = threading.Condition()
        self._stop: tuple[int, Any] | None = None  # task that runs, and what stops it
        self._stopped: set[int] = set()
        self.at_end: Callable[[], None] = lambda: None
        """Called before the process ends because the other side is gone."""

    def listen(self) -> None:
        """Read tasks in a thread, and end the process when the other side is gone."""
        threading.Thread(target=self._listen, daemon=True).start()

    def _listen(self) -> None:
        for line in self._tasks:
            message = json.loads(line)
            with self._some_arrived:
                if message["do"] == "stop":
                    self._stopped.add(message["task"])
                    if self._stop is not None and self._stop[0] == message["task"]:
                        self._stop[1]()
                else:
                    self._arrived.append(message)
                    self._some_arrived.notify()
        with contextlib.suppress(Exception):
            self.at_end()
        os._exit(0)  # at once: nobody waits for the work any more

    def next_task(self) -> dict[str, Any]:
        """The next task, waited for."""
        with self._some_arrived:
            self._some_arrived.wait_for(lambda: self._arrived)
            return self._arrived.pop(0)

    @contextlib.contextmanager
    def stoppable(self, task: int, stop: Any) -> Any:
        """Within the block ``stop()`` is called from the thread when it is asked for."""
        with self._some_arrived:
            self._stop = task, stop
            if task in self._stopped:
                stop()
        try:
            yield
        finally:
            with self._some_arrived:
                self._stop = None
                self._stopped.discard(task)

    def tell(self, task: int, event: str, **data: Any) -> None:
        """Send an event of a task."""
        with self._writing:
            self._events.write(json.dumps({"task": task, "event": event, **data}) + "\n")
            self._events.flush()


def _private_stdout() -> TextIO:
    """A stream for events alone: whatever else the process prints goes to stderr."""
    events = os.fdopen(os.dup(1), "w", encoding="utf-8")
    os.dup2(2, 1)
    return events


def open_pipe() -> Pipe:
    """The pipe of this process, which is a worker and only that; before torch is loaded.

    Signals of the terminal are ignored: the process that started this one decides what stops.
    """
    with contextlib.suppress(OSError):
        Path("/proc/self/oom_score_adj").write_text(_OOM_SCORE, encoding="ascii")
    for name in ("SIGINT", "SIGHUP"):
        if hasattr(signal, name):
            signal.signal(getattr(signal, name), signal.SIG_IGN)
    share_cores()
    pipe = Pipe(sys.stdin, _private_stdout())
    pipe.listen()
    return pipe
