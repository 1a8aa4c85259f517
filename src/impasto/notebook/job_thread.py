"""One job at a time, beside the kernel: a newer one takes the place of an older one."""

from __future__ import annotations

import threading
from collections.abc import Callable

from impasto.errors import ImpastoError
from impasto.jobs.events import Event
from impasto.jobs.requests import Request
from impasto.jobs.resources import Resources
from impasto.jobs.run import Run, RunOptions, run


class StoppedError(ImpastoError):
    """A job was stopped before there was a picture."""


class JobThread:
    """Runs requests in a thread, which ends when there is nothing more to do.

    A kernel takes messages only between two cells, so a painting in the kernel's own thread could
    be neither changed nor stopped by a widget.

    Args:
        listen: Called with every event of the newest request, in that thread.
        fail: Called with an error of the newest request, in that thread.
    """

    def __init__(
        self, listen: Callable[[Event], object], fail: Callable[[ImpastoError], object]
    ) -> None:
        self._listen, self._fail = listen, fail
        self._resources = Resources()
        self._changed = threading.Condition()
        self._next: tuple[Request, RunOptions] | None = None
        self._running: Run | None = None
        self._thread: threading.Thread | None = None
        self._is_stopping = False

    def start(self, request: Request, options: RunOptions) -> None:
        """Run a request; one that is running ends after its step, and is not heard of again."""
        with self._changed:
            self._next, self._is_stopping = (request, options), False
            if self._running is not None:
                self._running.stop()
            if self._thread is None:
                self._thread = threading.Thread(target=self._work, name="impasto", daemon=True)
                self._thread.start()

    def stop(self) -> None:
        """End the running request after its step; its picture so far is its result."""
        with self._changed:
            self._is_stopping = True
            if self._running is not None:
                self._running.stop()

    def wait(self, timeout: float | None = None) -> bool:
        """Wait until nothing is left to do; whether that is so before ``timeout`` seconds."""
        with self._changed:
            return self._changed.wait_for(lambda: self._thread is None, timeout)

    def _work(self) -> None:
        while True:
            with self._changed:
                if self._next is None:
                    self._thread = self._running = None
                    self._changed.notify_all()
                    return
                (request, options), self._next, self._running = self._next, None, None
            try:
                self._run(request, options)
            except ImpastoError as error:
                if not self._is_replaced():
                    self._fail(error)
            except Exception as error:  # the thread must not end with a job left to do
                self._fail(ImpastoError(f"{type(error).__name__}: {error}"))

    def _run(self, request: Request, options: RunOptions) -> None:
        running = run(request, options, resources=self._resources, listener=self._tell)
        with self._changed:
            self._running = running
            if self._next is not None:
                return
            is_stopped = self._is_stopping
        if is_stopped:
            raise StoppedError("Stopped before the first step.")
        running.finish()

    def _tell(self, event: Event) -> None:
        if not self._is_replaced():
            self._listen(event)

    def _is_replaced(self) -> bool:
        with self._changed:
            return self._next is not None
