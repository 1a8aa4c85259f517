"""A worker process: ``python -m impasto.batch.worker``, which only a batch starts.

It decodes pictures of strangers, and may end in the middle of one: then the process that started it
knows which rows were in flight (:mod:`impasto.batch.worker_process`). Tasks come on stdin::

    {"do": "open", "task": 0, "plan": {…}, "options": {…}, "given": {…}, "scratch": "…"}
    {"do": "shard", "task": 1, "shard": {…}, "crashes": {…}, "redone": null}
    {"do": "stop", "task": 1}

and events go to stdout: ``ready``, ``began`` and ``ended`` of rows, and at the end of a task
``done``, ``stopped`` or ``failed``.
"""

from __future__ import annotations

import contextlib
import shutil
import signal
import sys
import threading
from collections.abc import Iterator
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

from impasto.runtime.task_pipe import Pipe, open_pipe

if TYPE_CHECKING:
    from impasto.batch.shard_work import ShardWork
    from impasto.batch.tasks import Stop


def main() -> None:
    """Do one task after another."""
    pipe = open_pipe()
    opening = pipe.next_task()
    from impasto.batch.opening import open_work

    scratch = Path(opening["scratch"])
    pipe.at_end = partial(shutil.rmtree, scratch, ignore_errors=True)
    scratch.mkdir(mode=0o700, exist_ok=True)
    work = open_work(opening, scratch)
    pipe.tell(0, "ready")
    while True:
        _do(pipe, work, pipe.next_task())


def _do(pipe: Pipe, work: ShardWork, message: dict[str, Any]) -> None:
    from impasto.batch.tasks import Stop, task_from_dict
    from impasto.errors import ImpastoError
    from impasto.runtime.memory import memory_errors

    number, stop = message["task"], Stop()
    try:
        with _stopping(pipe, number, stop), memory_errors():
            done = work.do(task_from_dict(message), stop, partial(pipe.tell, number))
    except ImpastoError as error:
        pipe.tell(number, "failed", text=error.message)
    except KeyboardInterrupt:
        pipe.tell(number, "stopped")
    else:
        if done is None:
            pipe.tell(number, "stopped")
        else:
            pipe.tell(number, "done", done=[done.rows, done.failed, done.name])


@contextlib.contextmanager
def _stopping(pipe: Pipe, number: int, stop: Stop) -> Iterator[None]:
    """Within the block the work can be stopped: after the current step, or in a long one."""
    from impasto.runtime.interrupts import stop_on_interrupt

    main = threading.main_thread().ident or 0

    def end() -> None:
        stop()
        if sys.platform != "win32":  # there it ends after the step
            signal.pthread_kill(main, signal.SIGINT)

    with stop_on_interrupt(notice=""), pipe.stoppable(number, end):
        yield


if __name__ == "__main__":
    main()
