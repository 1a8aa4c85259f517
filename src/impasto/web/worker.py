"""A worker process: ``python -m impasto.web.worker``, which only the server starts.

It decodes what clients send, so the server does not trust it: both speak lines of JSON over pipes,
and pictures go through files with fixed names in the job's folder. A worker that ends, however it
ends, ends one job. It ends itself when the server is gone.

Tasks come on stdin::

    {"do": "run", "task": 1, "folder": "…", "request": "…", "options": {…}}
    {"do": "metadata", "task": 2, "folder": "…", "file": "picture"}
    {"do": "convert", "task": 4, "folder": "…", "file": "result.png", "to": "result.tiff"}
    {"do": "plan", "task": 3, "folder": "…", "request": "…", "shapes": {…}, "options": {…}}
    {"do": "stop", "task": 1}

and events go to stdout, each with its task; the first of a task is ``begun``, the last is
``finished`` or ``failed``.
"""

from __future__ import annotations

from impasto.runtime.task_pipe import Pipe as Pipe
from impasto.runtime.task_pipe import open_pipe


def main() -> None:
    """Do one task after another."""
    pipe = open_pipe()
    from impasto.web.work import Work

    work = Work(pipe)
    pipe.tell(0, "ready")
    while True:
        work.do(pipe.next_task())


if __name__ == "__main__":
    main()
