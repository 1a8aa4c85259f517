"""Cells of a study painted in parallel, by this process and others.

A picture keeps few cores busy: its operations are short, and after each the threads wait for the
last of them. Several pictures at once, one thread each, do not wait for each other.
"""

from __future__ import annotations

import contextlib
import itertools
import multiprocessing
import threading
import time
import warnings
from collections.abc import Generator, Iterator, Sequence
from multiprocessing.connection import Connection, wait

import torch

from impasto import images
from impasto.errors import ImpastoError, OptionError, option
from impasto.images.picture import fit_size
from impasto.painting import cost_model
from impasto.recipes.recipe import Recipe
from impasto.runtime import memory
from impasto.runtime.contention import share_cores
from impasto.runtime.device_memory import memory_budget
from impasto.runtime.devices import find_device
from impasto.runtime.interrupts import (
    GRACE_SECONDS,
    StopRequest,
    interrupts_ignored_by_children,
    stop_on_interrupt,
)
from impasto.runtime.thread_room import fit_threads_to_address_space
from impasto.runtime.threads import own_threads
from impasto.runtime.workers import best_workers
from impasto.studies.study import StudyRun
from impasto.weights.open import open_feature_extractor

_POLL_SECONDS = 0.2
"""The longest time until Ctrl-C is noticed."""

_STOP_SECONDS = GRACE_SECONDS + 2.0
"""Time that the other processes have to end, and to keep a checkpoint; then they are ended."""

Cell = tuple[str, Recipe]
"""Name and recipe, as in :attr:`impasto.studies.study.Study.cells`."""


def default_workers(study_run: StudyRun, cells: Sequence[Cell]) -> int:
    """The number of cells to paint at a time that takes the least time and fits in the memory.

    On a CPU that is usually one for each core. A device is shared by no more than one.
    """
    device = find_device(study_run.device)
    if len(cells) < 2 or device.type != "cpu" or torch.get_num_threads() < 2:
        return 1  # without reading anything
    return best_workers(len(cells), most_bytes(study_run, cells), device=device)


def paint_cells(
    study_run: StudyRun, cells: Sequence[Cell], workers: int, request: StopRequest
) -> Generator[str]:
    """Paint several cells at a time; yields the name of each after its picture is saved.

    This process paints, too: the others take seconds to start. All share the cores and the free
    memory evenly, and each reads the inputs once. Closing the generator ends each process after its
    current step, or within it if it is a long one; unfinished pictures keep a checkpoint.

    Args:
        study_run: The study; it must not have painted anything itself.
        cells: What to paint, in this order.
        workers: How many at a time, at most one for each cell.
        request: Stops the painting, after Ctrl-C.

    Raises:
        ImpastoError: The error of the first cell to fail, or if a process was killed.
    """
    check_workers(workers)
    for encoder in {recipe.encoder for _, recipe in cells}:
        open_feature_extractor(encoder)  # so that it is downloaded once, not by every process
    count = min(workers, len(cells))
    study_run.memory = memory_budget(find_device(study_run.device)) / max(1, count)
    threads = max(1, torch.get_num_threads() // max(1, count))
    in_all = count * most_bytes(study_run, cells) if count > 1 else 0.0
    waiting = iter(cells)

    def is_stopped() -> bool:
        return request.made

    team: list[_Worker] = []
    busy: dict[Connection, _Worker] = {}
    with contextlib.ExitStack() as stack:
        stack.callback(_end, team)
        own_cell = next(waiting, None)
        for cell in itertools.islice(waiting, count - 1):
            worker = _Worker(study_run, threads, in_all)
            team.append(worker)
            worker.start_cell(cell)
            busy[worker.pipe] = worker
        own_steps = _own_steps(study_run, own_cell, waiting, threads)
        stack.enter_context(contextlib.closing(own_steps))
        is_painting = own_cell is not None
        while (busy or is_painting) and not is_stopped():
            if is_painting:
                step = next(own_steps, _END)
                is_painting = step is not _END
                if isinstance(step, str):
                    yield step
            for pipe in wait(list(busy), timeout=0 if is_painting else _POLL_SECONDS):
                if is_stopped():  # and the signal may have ended the worker, too
                    break
                worker = busy[pipe]  # type: ignore[index]
                yield worker.finished_cell()
                if (following := next(waiting, None)) is None:
                    del busy[worker.pipe]
                else:
                    worker.start_cell(following)


_END = object()


def _own_steps(
    study_run: StudyRun, first: Cell | None, waiting: Iterator[Cell], threads: int
) -> Generator[str | None]:
    """Paint cells in this process; yields None after a step and the name after the last one."""
    cell = first
    while cell is not None:
        name, recipe = cell
        with contextlib.closing(study_run.paint(name, recipe)) as steps:
            while True:
                with own_threads(threads):
                    is_last = next(steps, _END) is _END
                if is_last:
                    break
                yield None
        yield name
        cell = next(waiting, None)


def check_workers(workers: int) -> None:
    """Raise an OptionError for a number of processes that is not allowed."""
    if workers < 1:
        raise OptionError(f"{option('workers')} is 1 or more, not {workers}.")


class _Worker:
    """A process that paints one cell at a time.

    Attributes:
        pipe: Readable when the process has finished a cell or ended; closing it ends the process
            after its current step, or within it.
        process: The process.
        is_idle: Whether it waits for a cell, and has saved all it was given.
    """

    def __init__(self, study_run: StudyRun, threads: int, bytes_in_all: float) -> None:
        context = multiprocessing.get_context("spawn")  # a fork of torch's threads can hang
        self.pipe, other = context.Pipe()
        arguments = (other, study_run, threads, bytes_in_all)
        self.process = context.Process(target=_paint_received, args=arguments, daemon=True)
        self._name = ""
        self.is_idle = True
        with interrupts_ignored_by_children():
            self.process.start()
        other.close()  # so that the pipe ends when either process ends

    def start_cell(self, cell: Cell) -> None:
        """Send the process a cell to paint."""
        self._name, self.is_idle = cell[0], False
        try:
            self.pipe.send(cell)
        except OSError:
            raise self._ended() from None

    def finished_cell(self) -> str:
        """The name of the cell that the process has finished.

        Raises:
            ImpastoError: If the cell failed or the process ended.
        """
        try:
            error: ImpastoError | None = self.pipe.recv()
        except (EOFError, OSError):
            raise self._ended() from None
        self.is_idle = True
        if error is not None:
            raise error
        return self._name

    def _ended(self) -> ImpastoError:
        self.process.join()
        code = self.process.exitcode or 0
        how = f"was ended by signal {-code}" if code < 0 else f"failed with exit code {code}"
        return ImpastoError(
            f"The process that painted {self._name} {how}: if memory is short, use fewer "
            f"{option('workers')}. Finished pictures are kept, and the same command continues."
        )


def _end(team: Sequence[_Worker]) -> None:
    """End all processes after their current step or in it; at once if Ctrl-C is pressed again."""
    for worker in team:
        worker.pipe.close()
        if worker.is_idle:
            worker.process.terminate()  # sooner than it would end by itself
    until = time.monotonic() + _STOP_SECONDS
    try:
        for worker in team:
            worker.process.join(max(0.0, until - time.monotonic()))
    finally:
        for worker in team:
            worker.process.kill()
        for worker in team:
            worker.process.join()


def _paint_received(
    pipe: Connection, study_run: StudyRun, threads: int, bytes_in_all: float
) -> None:
    """Paint the cells that arrive, until the other end of the pipe is closed: a process's work."""
    memory.keep_freed_memory(bytes_in_all)
    torch.set_num_threads(threads)  # of this process, which is the program's own
    fit_threads_to_address_space()
    if torch.get_num_threads() > 1:
        share_cores()
    warnings.simplefilter("ignore")  # the main process has shown those of the same pictures
    while True:
        try:
            name, recipe = pipe.recv()
        except (EOFError, OSError):
            return
        error = None
        try:
            with _stopped_with(pipe) as request:
                for _ in study_run.paint(name, recipe):
                    if request.made:
                        return
        except KeyboardInterrupt:  # an abandoned step, or Ctrl-C twice
            return
        except ImpastoError as problem:
            error = problem
        try:
            pipe.send(error)
        except OSError:
            return


@contextlib.contextmanager
def _stopped_with(pipe: Connection) -> Iterator[StopRequest]:
    """A request to stop what the block paints: by a signal, or when the pipe's other end closes.

    Nothing else arrives on the pipe while a cell is painted.
    """
    is_over, over = multiprocessing.Pipe(duplex=False)
    with stop_on_interrupt(notice="") as request:
        watcher = threading.Thread(target=_watch, args=(pipe, is_over, request), daemon=True)
        watcher.start()
        try:
            yield request
        finally:
            over.close()  # ends the watcher
            watcher.join()
            is_over.close()


def _watch(pipe: Connection, is_over: Connection, request: StopRequest) -> None:
    """Make the request when the pipe closes; have a step abandoned that does not end soon."""
    if pipe in wait([pipe, is_over]):
        request.made = True
        while not wait([is_over], timeout=GRACE_SECONDS):
            request.prod()


def most_bytes(study_run: StudyRun, cells: Sequence[Cell]) -> float:
    """Memory that painting the largest of some cells takes."""
    size = images.read(study_run.content_path, max_pixels=study_run.max_pixels).size
    encoders = {
        name: open_feature_extractor(name) for name in {recipe.encoder for _, recipe in cells}
    }
    return max(
        cost_model.painting_bytes(
            encoders[recipe.encoder],
            recipe.layers,
            recipe.optimizer,
            fit_size(size, recipe.size, max_enlarge=images.MAX_ENLARGE),
        )
        for _, recipe in cells
    )
