"""The cores shared with other programs: how the threads of the command line wait for each other.

After each operation of torch its threads wait for the last of them. On Linux they first spin, which
keeps a core busy, and sleep only after a while. A lone painting is a quarter faster for it: waking
a thread takes longer than most waits. Beside another program the spinning thread uses up its share
of the cores while the thread that it waits for has none: two paintings at once then took five times
as long as one. No fixed time of spinning is good for both, so a thread observes whether other
programs want the same cores, and shortens the spinning while they do. The pictures stay the same.

Only the program ``impasto`` does this. In other programs, the environment variable
``OMP_WAIT_POLICY=passive`` has the effect of no spinning at all.
"""

from __future__ import annotations

import contextlib
import functools
import os
import sys
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import NamedTuple

_CHOSEN_BY_USER = ("OMP_WAIT_POLICY", "GOMP_SPINCOUNT", "KMP_BLOCKTIME", "KMP_LIBRARY")
"""Environment variables that say how threads wait. If one is set, nothing is changed."""

_SPINS = "100000"
"""Three times less than libgomp's default, and as fast: about 2.5 ms."""

_SECONDS = 0.25
"""Between two observations."""

_MUCH, _LITTLE = 0.03, 0.005
"""Share of its time that a thread waits for a core: beside other programs, and hardly ever."""

_OTHERS = 0.1
"""Cores that other programs use, at least. Threads of one painting also wait for each other: 3 %
of their time where nothing else runs."""

_CALM_OBSERVATIONS = 4
"""As many without other programs end the short waits."""

_GRAIN = 32768
"""Elements from which torch gives an operation another thread."""


def share_cores() -> None:
    """Let torch's threads spin only while no other program wants the cores; Linux only.

    Called by a program of Impasto's own before torch is loaded, and by the processes it starts.
    """
    if any(name in os.environ for name in _CHOSEN_BY_USER) and not _is_set_here():
        return
    if not Path("/proc/self/schedstat").exists():
        return
    os.environ["GOMP_SPINCOUNT"] = os.environ[_MARK] = _SPINS
    _start_watching()


_MARK = "IMPASTO_SPINCOUNT"


def _is_set_here() -> bool:
    """Whether the program that started this process has set the variable, and not the user."""
    given = [name for name in _CHOSEN_BY_USER if name in os.environ]
    return given == ["GOMP_SPINCOUNT"] and os.environ["GOMP_SPINCOUNT"] == os.environ.get(_MARK)


@functools.cache
def _start_watching() -> None:
    with contextlib.suppress(RuntimeError):  # the system gives no thread
        threading.Thread(target=_watch, name="impasto-contention", daemon=True).start()


def _watch() -> None:
    waits = _Waits()
    last = _Sample.now()
    while True:
        time.sleep(_SECONDS)
        before, last = last, _Sample.now()
        if "torch" in sys.modules:
            seconds = last.time - before.time
            delayed, others = last.delayed - before.delayed, last.others - before.others
            waits.observe(delayed / seconds, others / seconds)


class _Sample(NamedTuple):
    """Seconds so far.

    Attributes:
        time: On the clock.
        delayed: See :func:`waited_seconds`.
        others: Processor time of other processes, on the cores that this one may use.
    """

    time: float
    delayed: float
    others: float

    @staticmethod
    def now() -> _Sample:
        own = os.times()
        others = busy_seconds() - own.user - own.system
        return _Sample(time.monotonic(), waited_seconds(), others)


def busy_seconds() -> float:
    """Processor time of all processes, on the cores that this one may use."""
    names = {f"cpu{core}" for core in os.sched_getaffinity(0)}
    ticks = 0
    with contextlib.suppress(OSError, ValueError):
        for line in Path("/proc/stat").read_text(encoding="ascii").splitlines():
            name, *numbers = line.split()
            if name in names:
                user, nice, system, _, _, interrupts, soft_interrupts, *_ = map(int, numbers)
                ticks += user + nice + system + interrupts + soft_interrupts
    return ticks / os.sysconf("SC_CLK_TCK")


def waited_seconds() -> float:
    """The time that threads of this process could have run and waited for a core, in all."""
    nanoseconds = 0
    for file in Path("/proc/self/task").glob("*/schedstat"):
        with contextlib.suppress(OSError, ValueError, IndexError):  # a thread may just have ended
            nanoseconds += int(file.read_text(encoding="ascii").split()[1])
    return nanoseconds / 1e9


class _Waits:
    """Long or short waits of torch's threads, by what is observed.

    Args:
        shorten: Makes them short within a block.
    """

    def __init__(
        self, shorten: Callable[[], contextlib.AbstractContextManager[None]] | None = None
    ) -> None:
        self._shorten = shorten or short_waits
        self._short: contextlib.ExitStack | None = None
        self._calm = 0

    @property
    def are_short(self) -> bool:
        """Whether they are short now."""
        return self._short is not None

    def observe(self, share: float, others: float) -> None:
        """Decide after an observation.

        Args:
            share: Seconds that all threads have waited for cores, per second.
            others: Cores that other processes have used.
        """
        share /= _threads()
        if self._short is None:
            if share > _MUCH and others > _OTHERS:
                self._short, self._calm = contextlib.ExitStack(), 0
                self._short.enter_context(self._shorten())
            return
        is_calm = share < _LITTLE or others < _OTHERS
        self._calm = self._calm + 1 if is_calm else 0
        if self._calm >= _CALM_OBSERVATIONS:
            self._short.close()
            self._short = None


def _threads() -> int:
    import torch

    return torch.get_num_threads()


@contextlib.contextmanager
def short_waits() -> Iterator[None]:
    """Within the block, waiting threads of libgomp sleep almost at once.

    libgomp does so whenever it manages more threads than there are cores. Here another team of
    threads makes them more; it sleeps.
    """
    import torch

    from impasto.runtime.threads import own_threads

    ended, cores = threading.Event(), len(os.sched_getaffinity(0))

    def hold_team() -> None:
        with own_threads(cores):
            torch.zeros(2 * cores * _GRAIN, dtype=torch.uint8).add_(1)
            ended.wait()

    if torch.get_num_threads() == 1 or cores == 1:
        yield
        return
    holder = threading.Thread(target=hold_team, name="impasto-team", daemon=True)
    holder.start()
    try:
        yield
    finally:
        ended.set()
        holder.join()
