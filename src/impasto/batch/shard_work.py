"""Works on one shard: reads, paints and writes its pictures, and finishes it.

Pictures are fetched, decoded and encoded in threads while others are painted. A few are in flight
at a time, so memory does not depend on the size of a shard.
"""

from __future__ import annotations

import contextlib
import shutil
import sys
import traceback
from collections import deque
from collections.abc import Iterable, Iterator, Mapping
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import AbstractContextManager
from functools import partial
from pathlib import Path
from typing import Any

from impasto import images
from impasto.batch.choices import FILES
from impasto.batch.commit import failed, finish_shard, made_file
from impasto.batch.existing_outputs import PictureMadeError, check_place
from impasto.batch.fetching import Fetcher, LocalRequest
from impasto.batch.outputs import Output, StorageError
from impasto.batch.partial import PartialLog
from impasto.batch.places import is_remote
from impasto.batch.plan import Plan
from impasto.batch.rows import Row, read_row
from impasto.batch.shard_log import Done, Entry, read_log
from impasto.batch.shards import Source
from impasto.batch.tasks import MOST_CRASHES, Stop, Task, Tell, WorkOptions
from impasto.errors import ImpastoError
from impasto.jobs.events import Note, Planned
from impasto.jobs.request_json import to_json
from impasto.jobs.requests import PaintRequest, StylizeRequest
from impasto.jobs.resources import Resources
from impasto.jobs.results import Result
from impasto.jobs.run import RunOptions, run
from impasto.runtime.downloads import sha256_of
from impasto.runtime.files import short_lived_files
from impasto.runtime.interrupts import StepAbandoned
from impasto.runtime.memory import memory_errors

_LONGEST_ERROR = 2000  # characters in a log


class ShardWork:
    """Does tasks; models and styles stay open between them.

    Args:
        plan: Of the batch.
        output: Where the pictures go.
        source: The rows.
        options: Of this worker.
        scratch: A local folder of its own.
        given: Name → local file of what came with the batch itself.
    """

    def __init__(
        self,
        plan: Plan,
        output: Output,
        source: Source,
        options: WorkOptions,
        scratch: Path,
        given: Mapping[str, str] | None = None,
    ) -> None:
        self._plan, self._output, self._source = plan, output, source
        self._options, self._scratch = options, scratch
        self._fetcher = Fetcher(scratch, given)
        self._resources = Resources(readers=options.io_threads)
        threads = options.io_threads
        self._fetching, self._writing = ThreadPoolExecutor(threads), ThreadPoolExecutor(threads)

    def do(self, task: Task, stop: Stop, tell: Tell) -> Done | None:
        """Work on a shard; None if it was stopped before its end.

        Args:
            task: What to do.
            stop: Ends the work; rows that are done are kept.
            tell: Called with ``"began"`` and ``"ended"`` of each row.

        Raises:
            ImpastoError: If the input cannot be read, or the output cannot be written to.
        """
        work = self._output.work_folder(task.shard.number, self._scratch)
        try:
            work.mkdir(parents=True, exist_ok=True)
        except OSError as problem:
            raise StorageError(f"{work} cannot be made ({problem.strerror}).") from problem
        painting = _Painting(self, task, stop, tell, work)
        if not painting.paint():
            return None
        entries = [painting.log.entries[number] for number in sorted(painting.log.entries)]
        logged, done = finish_shard(self._output, self._plan, task.shard.number, entries, work)
        for entry, before in zip(logged, entries, strict=True):
            if entry is not before:
                tell("ended", row=entry.row, failed=True, was_painted=True, id=entry.id,
                     error=entry.error)  # fmt: skip
        if task.redone is not None and task.redone.name != done.name:
            self._output.remove(task.redone.name)
        shutil.rmtree(work, ignore_errors=True)
        return done

    def close(self) -> None:
        """Wait for the threads."""
        for pool in (self._fetching, self._writing):
            pool.shutdown(cancel_futures=True)
        self._resources.close()


class _Painting:
    """The rows of one shard on their way."""

    def __init__(self, owner: ShardWork, task: Task, stop: Stop, tell: Tell, work: Path) -> None:
        self._plan, self._output, self._options = owner._plan, owner._output, owner._options
        self._fetcher, self._resources = owner._fetcher, owner._resources
        self._fetching, self._writing = owner._fetching, owner._writing
        self._task, self._stop, self._tell, self._work = task, stop, tell, work
        self._rows = (
            read_row(raw, self._plan.template, format_=self._plan.format,
                     ignored=self._plan.ignored)
            for raw in owner._source.rows(task.shard)
        )  # fmt: skip
        self._readable = self._readable_rows()
        self._ahead: deque[tuple[Row, Future[LocalRequest]]] = deque()
        self._writes: deque[Future[None]] = deque()
        self._next: Row | None = None
        self._names: set[str] = set()
        self.log = PartialLog(work, self._is_there)
        if task.redone is not None and self._plan.layout == FILES:
            self._keep_pictures_of(read_log(self._output, task.redone))

    def _keep_pictures_of(self, entries: Iterable[Entry]) -> None:
        for entry in entries:
            if not entry.has_failed and entry.row not in self.log.entries:
                self.log.add(entry)

    def _is_there(self, entry: Entry) -> bool:
        """Whether the picture of a row that was made before is there, here or in its place."""
        local = made_file(self._work, entry.row, entry.output)
        with contextlib.suppress(OSError):
            return local.stat().st_size == entry.bytes
        return self._plan.layout == FILES and self._output.is_taken(entry.output)

    # --- one row after another --------------------------------------------------------------------

    def paint(self) -> bool:
        """Work on all rows; whether that was done before a stop."""
        try:
            while self._fill():
                row, fetched = self._ahead.popleft()
                is_alone = row.number in self._task.crashes
                self._make(row, fetched)
                self._write_at_most(0 if is_alone else self._options.io_threads)
                if self._stop.made:
                    return False
            self._write_at_most(0)
        finally:
            while self._writes:
                with contextlib.suppress(ImpastoError):
                    self._writes.popleft().result()
            self._drop_ahead()
        return not self._stop.made

    def _fill(self) -> bool:
        """Begin to fetch the next rows; whether there is one to be made.

        A row that may end the worker is alone in flight, so that none is blamed for another.
        """
        while len(self._ahead) <= self._options.io_threads:
            row = self._next or self._take()
            self._next = None
            if row is None:
                break
            suspects = self._task.crashes
            if self._ahead and (row.number in suspects or self._ahead[-1][0].number in suspects):
                self._next = row
                break
            if row.number in suspects:
                self._write_at_most(0)
            self._tell("began", row=row.number)
            self._ahead.append((row, self._fetching.submit(self._fetch, row)))
        return bool(self._ahead)

    def _take(self) -> Row | None:
        """The next row that there is something to do for; those without a request are logged."""
        for row in self._readable:
            entry = self.log.entries.get(row.number)
            if entry is not None:
                self._names.add(entry.output)
                self._tell("ended", row=row.number, failed=entry.has_failed, is_kept=True,
                           id=entry.id, error=entry.error)  # fmt: skip
                continue
            problem = row.problem
            crashes = self._task.crashes.get(row.number, 0)
            if not problem and crashes >= MOST_CRASHES:
                problem = (
                    f"The picture ended its worker {crashes} times, perhaps because memory ran "
                    "out: try a smaller size."
                )
            elif not problem and row.output in self._names:
                problem = f"Another row of the shard has the output name {row.output}."
            if problem:
                self._log_failure(row, problem)
                continue
            self._names.add(row.output)
            return row
        return None

    def _readable_rows(self) -> Iterator[Row]:
        """The rows; an archive that breaks off, or is gone, is a row that has failed.

        Raises:
            ImpastoError: If a manifest cannot be read, by which nothing is known of its rows.
        """
        number = self._task.shard.first - 1
        try:
            for row in self._rows:
                number = row.number
                yield row
        except StorageError:
            raise
        except ImpastoError as error:
            if self._task.shard.count is not None:
                raise
            yield Row(number + 1, self._task.shard.file, problem=error.message)

    def _fetch(self, row: Row) -> LocalRequest:
        """In a thread: bring the row's files here, and begin to decode its content."""
        if self._stop.made:
            raise _StoppedError("stopped")
        if row.data is None and not is_remote(str(row.request and row.request.content)):
            check_place(row, self._plan, self._output)
        try:
            with memory_errors():
                local = self._fetcher.local(row)
        except OSError as problem:  # a place is never the reason: those are told as ImpastoError
            raise StorageError(f"A temporary file could not be written ({problem}).") from problem
        if isinstance(local.request, StylizeRequest):
            self._resources.read_ahead(
                local.request, max_pixels=self._plan.max_pixels, depth=self._plan.depth
            )
        return local

    def _make(self, row: Row, fetched: Future[LocalRequest]) -> None:
        """Paint one, and begin to write it."""
        local: LocalRequest | None = None
        try:
            local = fetched.result()
            result = self._run(row, local)
            if result is not None:
                write = partial(self._write, row, local, *result)
                self._writes.append(self._writing.submit(write))
                return
        except _StoppedError:
            pass
        except PictureMadeError as made:
            self._log_made(row, Path(str(made)))
        except StepAbandoned:
            self._stop.made = True
        except StorageError:
            raise
        except ImpastoError as error:
            self._log_failure(row, _sentence(error, row, local))
        except Exception as error:  # a mistake of Impasto's own costs one picture
            traceback.print_exception(error, file=sys.stderr)
            self._log_failure(
                row,
                f"The picture could not be made because of a mistake in Impasto "
                f"({type(error).__name__}: {error}).",
            )
        if local is not None:
            local.clean_up()

    def _run(self, row: Row, local: LocalRequest) -> tuple[Result, str] | None:
        """The picture and the notes on it; None if it was stopped before its end."""
        target = made_file(self._work, row.number, row.output)
        running = run(local.request, self._run_options(row), resources=self._resources)
        notes: list[str] = []
        self._stop.running = running
        try:
            with running:
                if self._stop.made:
                    return None
                for event in running:
                    if isinstance(event, Planned):
                        images.check_format_size(target, event.sizes[-1])
                    elif isinstance(event, Note):
                        notes.append(local.in_words_of_the_manifest(event.text))
        finally:
            self._stop.running = None
        if not running.result.is_finished:
            return None
        running.remove_checkpoint()
        return running.result, " ".join(notes)

    def _run_options(self, row: Row) -> RunOptions:
        is_painted = isinstance(row.request, PaintRequest)
        return RunOptions(
            device=self._options.device,
            memory=self._options.memory,
            max_pixels=self._plan.max_pixels,
            depth=self._plan.depth,
            checkpoint=self._work / f"{row.number:012}.checkpoint" if is_painted else None,
            resume=is_painted,
            discard_other_checkpoints=True,
            handle_interrupt=self._options.is_main,
            acknowledge_interrupt=False,
        )

    # --- writing, in threads ----------------------------------------------------------------------

    def _write(self, row: Row, local: LocalRequest, result: Result, notes: str) -> None:
        """Save a picture and log it.

        Raises:
            StorageError: If the disk does not take it.
        """
        plan = self._plan
        path = made_file(self._work, row.number, row.output)
        request = local.restored(result.request)  # type: ignore[arg-type]
        try:
            with memory_errors(), self._as_durable_as_needed():
                Result(
                    result.tensor,
                    result.alpha,
                    request,
                    result.seconds,
                    source=result.source,
                    sources=result.sources,
                ).save(path, quality=plan.quality, depth=plan.depth, metadata=plan.metadata,
                       is_timed=False)  # fmt: skip
            size, digest = path.stat().st_size, sha256_of(path)
        except OSError as problem:
            raise StorageError(f"{path} could not be read ({problem.strerror}).") from problem
        except ImpastoError as error:
            if isinstance(error.__cause__, OSError):
                raise StorageError(error.message) from error.__cause__
            self._log_failure(row, _sentence(error, row, local))
            return
        finally:
            local.clean_up()
        self._log(
            Entry(row.number, row.id, row.output, to_json(request), round(result.seconds, 4),
                  size, digest, notes=notes)
        )  # fmt: skip

    def _as_durable_as_needed(self) -> AbstractContextManager[object]:
        """Files that go into an archive, or to a store, need not reach the disk themselves."""
        is_kept = self._plan.layout == FILES and not is_remote(self._output.place)
        return contextlib.nullcontext() if is_kept else short_lived_files()

    def _write_at_most(self, count: int) -> None:
        """Wait until so few pictures are being written."""
        while len(self._writes) > count:
            self._writes.popleft().result()

    def _drop_ahead(self) -> None:
        """Wait for what is being fetched, and forget it."""
        for _, future in self._ahead:
            future.cancel()
            with contextlib.suppress(Exception):
                future.result().clean_up()
        self._ahead.clear()

    # --- the log ----------------------------------------------------------------------------------

    def _log_made(self, row: Row, path: Path) -> None:
        """A picture that the same request made before, by this batch or another command."""
        assert row.request is not None
        self._log(
            Entry(row.number, row.id, row.output, to_json(row.request),
                  bytes=path.stat().st_size, sha256=sha256_of(path)),
            is_kept=True,
        )  # fmt: skip

    def _log_failure(self, row: Row, sentence: str) -> None:
        request = "" if row.request is None else to_json(row.request)
        entry = failed(Entry(row.number, row.id, row.output, request), sentence[:_LONGEST_ERROR])
        self._log(entry)

    def _log(self, entry: Entry, **more: Any) -> None:
        self.log.add(entry)
        self._tell("ended", row=entry.row, failed=entry.has_failed, id=entry.id,
                   error=entry.error, **more)  # fmt: skip


class _StoppedError(Exception):
    """Nothing more is fetched."""


def _sentence(error: ImpastoError, row: Row, local: LocalRequest | None) -> str:
    """An error with the name of the content, in the words of the manifest."""
    text = str(error) if local is None else local.in_words_of_the_manifest(str(error))
    content = "" if row.request is None else str(row.request.content)
    return text if content in text else f"{content}: {text}"
