"""The cells of a study painted side by side, in processes of their own.

A small picture keeps few cores busy: its convolutions are short, and after each the threads wait
for the last of them. Several pictures at once do not wait for each other.
"""

from __future__ import annotations

import itertools
import multiprocessing
import warnings
from collections.abc import Generator, Sequence
from multiprocessing.connection import Connection, wait

import torch

from impasto import images
from impasto.errors import ImpastoError, OptionError, option
from impasto.images.picture import fit_size
from impasto.painting import cost_model
from impasto.recipes.recipe import Recipe
from impasto.runtime import memory
from impasto.runtime.interrupts import StopRequest, interrupts_ignored_by_children
from impasto.studies.study import StudyRun
from impasto.weights.open import open_encoder

CORES = 4
"""That one small picture is taken to keep busy."""

_ATTENTION = 0.2
"""Seconds after which a Ctrl-C is noticed at the latest."""

Cell = tuple[str, Recipe]
"""File name and recipe, as :attr:`impasto.studies.study.Study.cells` gives them."""


def usual_workers(work: StudyRun, todo: Sequence[Cell]) -> int:
    """How many processes suit this machine: one for four cores, as far as the memory goes.

    Args:
        work: The study.
        todo: What is to be painted.
    """
    workers = min(torch.get_num_threads() // CORES, len(todo))
    if workers < 2:
        return 1
    return max(1, min(workers, int(memory.default_memory_budget() / _most_bytes(work, todo))))


def paint_cells(
    work: StudyRun, todo: Sequence[Cell], workers: int, request: StopRequest
) -> Generator[str]:
    """Paint cells in several processes; the name of each once its picture is in the folder.

    The processes share the cores and the free memory evenly, and each reads the sources once.
    Leaving the iteration ends them, each after the step in hand; a picture half painted is not
    kept.

    Args:
        work: The study; it has painted nothing itself.
        todo: What to paint, in this order.
        workers: How many processes; no more than there are cells are started.
        request: Of Ctrl-C, to stop.

    Raises:
        ImpastoError: That of the first cell to fail, or if a process was ended from outside.
    """
    check_workers(workers)
    for encoder in {recipe.encoder for _, recipe in todo}:
        open_encoder(encoder)  # fetched now if it must be, not by all of them at once
    count = min(workers, len(todo))
    work.memory = memory.default_memory_budget() / max(1, count)
    threads = max(1, torch.get_num_threads() // max(1, count))
    left = iter(todo)
    team: list[_Worker] = []
    busy: dict[Connection, _Worker] = {}
    try:
        for cell in itertools.islice(left, count):
            team.append(_Worker(work, threads))
            team[-1].give(cell)
            busy[team[-1].pipe] = team[-1]
        while busy and not request.made:
            for pipe in wait(list(busy), timeout=_ATTENTION):
                worker = busy[pipe]  # type: ignore[index]
                yield worker.finished()
                if (following := next(left, None)) is None:
                    del busy[worker.pipe]
                else:
                    worker.give(following)
    finally:
        _end(team)


def check_workers(workers: int) -> None:
    """Whether there can be so many processes.

    Raises:
        OptionError: If not.
    """
    if workers < 1:
        raise OptionError(f"{option('workers')} is 1 or more, not {workers}.")


class _Worker:
    """A process that paints the cells it is given, one at a time.

    Args:
        work: The study.
        threads: To paint with.
    """

    def __init__(self, work: StudyRun, threads: int) -> None:
        context = multiprocessing.get_context("spawn")  # a fork of torch's threads can hang
        self.pipe, other = context.Pipe()
        self._process = context.Process(target=_serve, args=(other, work, threads), daemon=True)
        self._name = ""
        with interrupts_ignored_by_children():
            self._process.start()
        other.close()  # so that the end of either process is the end of the pipe

    def give(self, cell: Cell) -> None:
        """Have it paint a cell."""
        self._name = cell[0]
        try:
            self.pipe.send(cell)
        except OSError:
            raise self._lost() from None

    def finished(self) -> str:
        """The cell that it says it has painted.

        Raises:
            ImpastoError: If it says that it could not, or nothing any more.
        """
        try:
            error: ImpastoError | None = self.pipe.recv()
        except (EOFError, OSError):
            raise self._lost() from None
        if error is not None:
            raise error
        return self._name

    def leave(self) -> None:
        """Tell it to leave after the step in hand."""
        self.pipe.close()

    def join(self) -> None:
        """Wait until it has left."""
        self._process.join()

    def stop(self) -> None:
        """Have it leave at once."""
        self._process.terminate()

    def _lost(self) -> ImpastoError:
        self._process.join()
        code = self._process.exitcode or 0
        how = f"was ended by signal {-code}" if code < 0 else f"broke down (exit code {code})"
        return ImpastoError(
            f"The process that painted {self._name} {how}: where memory is short, give fewer "
            f"{option('workers')}; what is painted is kept, and the same command goes on from there."
        )


def _end(team: Sequence[_Worker]) -> None:
    """All leave after the step in hand; at once if Ctrl-C comes again meanwhile."""
    for worker in team:
        worker.leave()
    try:
        for worker in team:
            worker.join()
    except KeyboardInterrupt:
        for worker in team:
            worker.stop()
        raise


def _serve(pipe: Connection, work: StudyRun, threads: int) -> None:
    """What a process does: cells as they come, until the other end of the pipe is closed."""
    torch.set_num_threads(threads)
    warnings.simplefilter("ignore")  # of the same pictures, which the first process has told
    while (cell := _heard(pipe)) is not None:
        error = None
        try:
            for _ in work.paint(*cell):
                if _is_over(pipe):
                    return
        except ImpastoError as problem:
            error = problem
        try:
            pipe.send(error)
        except OSError:
            return


def _heard(pipe: Connection) -> Cell | None:
    try:
        cell: Cell = pipe.recv()
    except (EOFError, OSError):
        return None
    return cell


def _is_over(pipe: Connection) -> bool:
    """Whether the other end is closed: nothing else comes while a cell is in hand."""
    try:
        return pipe.poll()
    except OSError:
        return True


def _most_bytes(work: StudyRun, todo: Sequence[Cell]) -> float:
    """What the process takes that paints the heaviest of some cells."""
    size = images.read(work.content_path, max_pixels=work.max_pixels).size
    encoders = {name: open_encoder(name) for name in {recipe.encoder for _, recipe in todo}}
    return max(
        cost_model.painting_bytes(
            encoders[recipe.encoder],
            recipe.layers,
            recipe.optimizer,
            fit_size(size, recipe.size, max_enlarge=images.MAX_ENLARGE),
        )
        for _, recipe in todo
    )
