"""``impasto stylize``: paint pictures and folders of pictures in one pass."""

from __future__ import annotations

import argparse
import contextlib
import os
import time
from collections.abc import Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import torch
from rich.progress import Progress as Bar
from rich.progress import TaskID

from impasto import images
from impasto.cli.shared.batch import BatchItem, check_one_photograph, plan_batch
from impasto.cli.shared.batch_outcome import Outcome, print_outcome
from impasto.cli.shared.batch_run import paint_in_turn, unmade
from impasto.cli.shared.counting import counting_bar
from impasto.cli.shared.messages import flag, print_note
from impasto.cli.shared.outputs import check_apart, is_made
from impasto.cli.shared.recipe_options import given_entries
from impasto.cli.shared.run_to_file import memory_of
from impasto.cli.shared.save_options import existing_options, save_options
from impasto.cli.shared.style_folders import StyleSet, style_sets
from impasto.cli.shared.threaded_batch import ThreadedBatch
from impasto.errors import ImpastoError, OptionError, printable
from impasto.jobs.events import Event, Note, Planned, Progress
from impasto.jobs.one_pass import check_regions
from impasto.jobs.requests import StylizeRequest, as_region_specs, parse_styles, split_styles
from impasto.jobs.resources import Resources
from impasto.jobs.results import Result
from impasto.jobs.run import RunOptions
from impasto.jobs.run import run as run_request
from impasto.networks.catalogue import networks, style_names
from impasto.onepass.style_files import load_style, save_style
from impasto.onepass.stylizer import Stylizer
from impasto.runtime.background import start_in
from impasto.runtime.devices import find_device
from impasto.runtime.interrupts import StopRequest, stop_on_interrupt
from impasto.runtime.memory import keep_freed_memory, memory_errors, return_freed_memory
from impasto.runtime.workers import best_workers

_BYTES_EACH = 1e9
"""Memory for one picture of several that are painted at a time; larger ones are tiled."""


_NOTICE = "stopping after this picture, or within it if it is a large one"


def run(args: argparse.Namespace) -> int:
    """Paint all pictures and return the exit code: 2 if any failed."""
    args.contents, args.style = _pictures_and_styles(
        args.contents, args.style, has_regions=bool(args.regions)
    )
    styles = parse_styles([style for word in args.style for style in split_styles(word)])
    names = [name for model in networks() for name in style_names(model)]
    sets, unread = style_sets(styles, known_names=names, exclude=args.output)
    items, failed = plan_batch(args.contents, args.output, args.format, sets)
    check_one_photograph(items, args)
    for item in items:
        images.check_output(item.output, quality=args.quality, depth=args.depth)
    request = _request(args, items)
    check_apart(
        [*(("-o", item.output) for item in items), ("--save-style", args.save_style)],
        (name for item in items for name in item.request(request).files),
    )
    options, resources = _options(args), Resources()
    if len(sets) == 1:
        _prepare(request, options, resources, args)
    elif args.save_style:
        raise OptionError("--save-style saves one style, and there are several: name one.")
    todo, refused = unmade(items, request, args)
    outcome = _Batch(request, todo, options, resources, args).paint()
    outcome.failed[:0] = [*unread, *failed, *refused]
    return print_outcome(outcome, len(items), len(items) - len(todo) - len(refused), args)


def _prepare(
    request: StylizeRequest, options: RunOptions, resources: Resources, args: argparse.Namespace
) -> None:
    """Open the style of all pictures, so that its mistakes are told once; save it if asked for."""
    stylizer = resources.stylizer(
        request,
        memory=options.memory,
        max_pixels=args.max_pixels,
        device=find_device(options.device),
    )
    check_regions(request, stylizer)
    if args.save_style:
        if args.save_style.suffix != ".safetensors":
            raise OptionError(f"{args.save_style}: the name of a style file ends in .safetensors.")
        _save_style(args, stylizer)


def run_one(request: StylizeRequest, args: argparse.Namespace) -> int:
    """Run a request and return the exit code.

    Args:
        request: The request, for example from a picture's metadata.
        args: The options of ``add_run_options``, and ``output``.
    """
    for name in ("snapshots", "snapshots_to", "log", "report", "resume"):
        if getattr(args, name, None):
            raise OptionError(f"{flag(name)} is for paintings, not for one pass: leave it out.")
    images.check_output(args.output, quality=args.quality, depth=args.depth)
    check_apart([("-o", args.output)], request.files)
    made = is_made(args.output, request, **existing_options(args))
    style = StyleSet(request.styles)
    todo = [] if made else [BatchItem(Path(str(request.content)), Path(args.output), style)]
    outcome = _Batch(request, todo, _options(args), Resources(), args).paint()
    return print_outcome(outcome, 1, int(made), args)


def _save_style(args: argparse.Namespace, stylizer: Stylizer) -> None:
    """Save the style; a file that holds the same style of the same model is kept.

    Raises:
        OptionError: If another file is there, and may not be replaced.
    """
    path, vector, model = args.save_style, stylizer.vector, stylizer.model
    if os.path.lexists(path) and not args.overwrite:
        with contextlib.suppress(ImpastoError):
            if torch.equal(load_style(path, model), vector.float().cpu()):
                return
        raise OptionError(
            f"{path} exists already and holds something else: name another --save-style, or "
            "replace it with --overwrite."
        )
    save_style(path, vector, model, name=" ".join(args.style))


def _request(args: argparse.Namespace, items: Sequence[BatchItem]) -> StylizeRequest:
    """The request of the first picture; those of the others differ only in the content."""
    if args.size is not None and args.size < 1:
        raise OptionError(f"--size must be 1 or more, not {args.size}.")
    return StylizeRequest(
        str(items[0].source),
        items[0].style.styles,
        mask=args.mask,
        style_mask=args.style_mask,
        regions=as_region_specs(args.regions),
    ).replace(**given_entries(args, StylizeRequest))


def _options(args: argparse.Namespace) -> RunOptions:
    memory = memory_of(args)
    if memory is not None:
        return_freed_memory()  # before a picture is read
    return RunOptions(
        device=find_device(args.device), memory=memory, max_pixels=args.max_pixels, depth=args.depth
    )


@dataclass
class _Writing:
    """A picture that a thread is writing."""

    item: BatchItem
    seconds: float
    future: Future[Path]


class _Batch:
    """Paints pictures one by one, while the next is read and the last is written in threads."""

    def __init__(
        self,
        request: StylizeRequest,
        todo: Sequence[BatchItem],
        options: RunOptions,
        resources: Resources,
        args: argparse.Namespace,
    ) -> None:
        self._todo = todo
        self._requests = [item.request(request) for item in todo]
        self._options, self._resources, self._args = options, resources, args
        self._outcome = Outcome()
        self._writing: _Writing | None = None

    def paint(self) -> Outcome:
        """Paint; after Ctrl-C the current picture is finished, unless that takes long."""
        outcome, args = self._outcome, self._args
        notice = "" if args.quiet else _NOTICE
        with ThreadPoolExecutor(1) as writer, self._resources, (
            stop_on_interrupt(notice)
        ) as interrupt, (
            counting_bar(quiet=args.quiet or args.json)
        ) as bar:  # fmt: skip
            device = find_device(self._options.device)
            workers = best_workers(len(self._todo), _BYTES_EACH, device=device)
            if workers > 1:
                self._paint_in_threads(workers, bar, interrupt)
                return outcome
            task = bar.add_task("painting", total=len(self._todo))
            if self._requests:
                self._read_ahead(0)
            paint = partial(self._paint_one, bar, task, writer)
            paint_in_turn(self._todo, paint, outcome, interrupt)
            self._finish_writing()
        return outcome

    def _paint_one(
        self, bar: Bar, task: TaskID, writer: ThreadPoolExecutor, number: int, item: BatchItem
    ) -> None:
        """Paint a picture and begin to write it, while the next is read."""
        bar.update(task, description=printable(item.title))
        done = bar.tasks[task].completed

        def show(event: Event) -> None:
            if isinstance(event, Progress):
                bar.update(task, completed=done + event.share)

        if number + 1 < len(self._requests):
            self._read_ahead(number + 1)
        try:
            running = run_request(
                self._requests[number], self._options, resources=self._resources, listener=show
            )
            for event in running:
                self._handle(event, item)
            self._write(item, running.result, writer)
        finally:
            bar.update(task, completed=number + 1)

    def _paint_in_threads(self, workers: int, bar: Bar, interrupt: StopRequest) -> None:
        """Paint several at a time; those that are begun before Ctrl-C are finished."""
        save, started = partial(_save, args=self._args), time.perf_counter()
        batch = ThreadedBatch(
            self._requests, self._todo, self._options, self._resources, save, workers
        )
        with contextlib.closing(batch.paint(bar, interrupt)) as results:
            for item, painted in results:
                for note in () if self._args.quiet else painted.notes:
                    print_note(note)
                if painted.error is not None:
                    self._outcome.add_failure(item, painted.error)
                elif not painted.is_abandoned:
                    self._outcome.painted.append((item, painted.seconds))
        self._outcome.is_stopped = interrupt.made
        self._outcome.seconds = time.perf_counter() - started

    def _read_ahead(self, number: int) -> None:
        limit = self._options.max_pixels
        depth = self._options.depth
        self._resources.read_ahead(self._requests[number], max_pixels=limit, depth=depth)

    def _handle(self, event: Event, item: BatchItem) -> None:
        if isinstance(event, Planned):
            images.check_output(item.output, size=event.sizes[-1])
            if self._options.memory is None and event.bytes is not None and event.device == "cpu":
                keep_freed_memory(event.bytes)
        elif isinstance(event, Note) and not self._args.quiet:
            print_note(event)

    def _write(self, item: BatchItem, result: Result, writer: ThreadPoolExecutor) -> None:
        """Start to write a picture, while the next is painted."""
        self._finish_writing()
        save = partial(result.save, item.output, **save_options(self._args))
        self._writing = _Writing(item, result.seconds, start_in(writer, save))

    def _finish_writing(self) -> None:
        """Wait for the picture that is being written."""
        writing, self._writing = self._writing, None
        if writing is None:
            return
        try:
            with memory_errors():
                writing.future.result()
            self._outcome.painted.append((writing.item, writing.seconds))
        except ImpastoError as error:
            self._outcome.add_failure(writing.item, error)


def _save(result: Result, path: Path, *, args: argparse.Namespace) -> None:
    result.save(path, **save_options(args))


def _pictures_and_styles(
    contents: Sequence[Path], styles: Sequence[str], *, has_regions: bool
) -> tuple[list[Path], list[str]]:
    """What is to be painted and how, also in the order of other programs.

    ``--style STYLE PICTURE`` puts the picture last, and ``PICTURE STYLE`` is what ``paint`` takes.

    Raises:
        OptionError: If there is no picture or no style, or which is which is not clear.
    """
    if not contents and len(styles) == 2:
        return [Path(styles[1])], [styles[0]]
    if not styles and len(contents) == 2:
        return [contents[0]], [str(contents[1])]
    if not contents:
        raise OptionError("Name the pictures first: impasto stylize PICTURE … --style STYLE -o OUT")
    if not styles and not has_regions:
        raise OptionError("Name a style: impasto stylize PICTURE … --style STYLE -o OUT")
    return list(contents), list(styles)
