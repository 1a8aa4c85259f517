"""A request run to a file, with all that the options of a run ask for."""

from __future__ import annotations

import argparse
import contextlib
import sys
from functools import partial
from pathlib import Path
from typing import NamedTuple

from impasto import images
from impasto.cli.shared.event_lines import EventLines, prints_events
from impasto.cli.shared.exit_codes import INTERRUPTED
from impasto.cli.shared.messages import (
    counted_noun,
    inform,
    print_json,
    print_json_line,
    print_note,
    say,
)
from impasto.cli.shared.outputs import check_outputs, is_made, snapshots_place
from impasto.cli.shared.save_options import existing_options, save_options
from impasto.errors import ImpastoError, OptionError
from impasto.jobs.checkpoints import checkpoint_path
from impasto.jobs.display import ProgressBar, clock
from impasto.jobs.events import Finished, Note, Planned
from impasto.jobs.requests import Request
from impasto.jobs.resources import Resources
from impasto.jobs.results import Result, write_losses
from impasto.jobs.run import RecorderFactory, Run, RunOptions
from impasto.jobs.run import run as run_request
from impasto.painting.snapshots import Snapshots
from impasto.runtime.files import absolute, shown, write_or_keep_elsewhere
from impasto.runtime.memory import keep_freed_memory, parse_bytes, return_freed_memory

CHECKPOINT_SECONDS = 30.0
"""Time between two checkpoints."""


def memory_of(args: argparse.Namespace) -> float | None:
    """The bytes of ``--memory``; None if it was not given."""
    return None if args.memory is None else parse_bytes(args.memory)


def run_to_file(request: Request, args: argparse.Namespace) -> int:
    """Run a request and save its picture to ``args.output``, and all other files of the run.

    Args:
        request: The request.
        args: The options of :func:`add_run_options`, and ``output``.

    Returns:
        The exit code: 0, or 130 if Ctrl-C stopped the run; the picture so far is saved.

    Raises:
        ImpastoError: Also if another file than the picture cannot be written at the end. The
            picture is then saved, and a checkpoint keeps the data of the other files.
    """
    check_outputs(args, request.files)
    if is_made(args.output, request, **existing_options(args)) and not asks_for_more(args):
        return _print_kept(args)
    made = make_file(request, args)
    _print_result(args, made)
    return 0 if made.result.is_finished else INTERRUPTED


def make_file(
    request: Request,
    args: argparse.Namespace,
    *,
    resources: Resources | None = None,
    title: str = "",
) -> Made:
    """Run a request and write its files, without a check of what they replace.

    Args:
        request: The request.
        args: As for :func:`run_to_file`.
        resources: Encoders that are open already.
        title: Before the size in the bar.

    Raises:
        ImpastoError: As :func:`run_to_file`.
    """
    output, anchored = absolute(args.output), _anchored(args)
    memory = memory_of(args)
    if memory is not None:
        return_freed_memory()  # before a picture is read
    options = RunOptions(
        device=args.device,
        memory=memory,
        max_pixels=args.max_pixels,
        estimate=not args.quiet,
        checkpoint=checkpoint_path(output),
        checkpoint_seconds=CHECKPOINT_SECONDS,
        resume=args.resume,
        handle_interrupt=True,
        acknowledge_interrupt=not args.quiet,
        record_memory=True,
        depth=args.depth,
        recorders=_recorders(anchored),
    )
    running = run_request(request, options, resources=resources)
    is_resumable, frames = False, _Frames([], 0)
    lines = EventLines(running, output) if prints_events(args) else None
    is_silent = args.quiet or args.json or lines is not None
    with running, ProgressBar(quiet=is_silent, title=title) as bar:
        for event in running:
            bar.show(event)
            if isinstance(event, Note) and (event.error or not args.quiet) and lines is None:
                print_note(event)
            elif isinstance(event, Planned):
                _prepare(event, args)
            elif isinstance(event, Finished):
                # At once: the terminal may be gone, and with it the bar. Signals wait meanwhile.
                is_resumable = event.is_resumable
                frames = _write_files(running, output, anchored)
            if lines is not None:
                lines.show(event)
    result = running.result
    if result.is_finished:
        running.remove_checkpoint()
    return Made(result, frames, is_resumable)


def asks_for_more(args: argparse.Namespace) -> bool:
    """Whether files are asked for that only another run of the same request can write."""
    return args.resume or any(
        getattr(args, name, None) is not None for name in ("snapshots", "log", "report")
    )


def _print_kept(args: argparse.Namespace) -> int:
    """Say that the picture is there already; the exit code."""
    if args.json:
        print_json({"output": str(args.output), "skipped": True})
    elif prints_events(args):
        print_json_line({"event": "skipped", "output": str(args.output)})
    elif not args.quiet:
        say(f"{args.output} exists already, made in the same way: kept (--overwrite replaces it)")
    return 0


class _Frames(NamedTuple):
    """Snapshots that were saved: their files, and how many pictures these hold."""

    files: list[Path]
    number: int


class Made(NamedTuple):
    """What :func:`make_file` made.

    Attributes:
        result: The picture, which is saved.
        frames: The snapshots.
        is_resumable: Whether a checkpoint continues a run that was stopped.
    """

    result: Result
    frames: _Frames
    is_resumable: bool


def _anchored(args: argparse.Namespace) -> argparse.Namespace:
    """The options with absolute outputs: the working folder may be removed during the run."""
    names = ("output", "log", "report", "snapshots_to")
    given = {name: getattr(args, name, None) for name in names}
    paths = {name: absolute(path) for name, path in given.items() if path is not None}
    return argparse.Namespace(**{**vars(args), **paths})


def _recorders(args: argparse.Namespace) -> dict[str, RecorderFactory]:
    recorders: dict[str, RecorderFactory] = {}
    if args.snapshots is not None:
        path = snapshots_place(args)
        recorders["snapshots"] = lambda run: Snapshots(
            path, args.snapshots, run.stages, alpha=run.alpha, metadata=dict(run.metadata)
        )
    elif args.snapshots_to is not None:
        raise OptionError("--snapshots-to needs --snapshots N: how many pictures to keep.")
    if getattr(args, "report", None) is not None:
        from impasto.reports.run_report import RunReport

        recorders["report"] = lambda run: RunReport(args.report, run.stages)
    return recorders


def _prepare(planned: Planned, args: argparse.Namespace) -> None:
    """Check the output's size, set up the memory and print the plan."""
    images.check_output(args.output, size=planned.sizes[-1])
    if planned.tile_side:
        return_freed_memory()
    elif args.memory is None and planned.bytes is not None and planned.device == "cpu":
        keep_freed_memory(planned.bytes)
    if not (args.quiet or prints_events(args)):
        _print_plan(planned)


def _print_plan(planned: Planned) -> None:
    """Print sizes, steps and the estimate on stderr."""
    height, width = planned.sizes[-1]
    pairs = zip(planned.sizes, planned.steps, strict=True)
    sizes = ", ".join(f"{max(size)} ({steps})" for size, steps in pairs)
    inform(f"{width}×{height} px, long side (steps): {sizes}")
    if planned.seconds is not None and planned.bytes is not None:
        tiles = f", in tiles of {planned.tile_side} px" if planned.tile_side else ""
        memory = f"{planned.bytes / 1e9:.1f} GB of memory"
        place = "" if planned.device == "cpu" else f" on {planned.device}"
        inform(f"about {clock(planned.seconds)} and {memory}{tiles}{place}")


def _write_files(running: Run, output: Path, args: argparse.Namespace) -> _Frames:
    """Write the picture, then all other files, since they may fail: the work is in the picture.

    Raises:
        ImpastoError: If a file could not be written, after a checkpoint of the work.
    """
    save = partial(running.result.save, **save_options(args))
    try:
        write_or_keep_elsewhere(output, save).check("the picture")
    except ImpastoError as error:
        with contextlib.suppress(ImpastoError):
            _write_other_files(running, args)
        raise ImpastoError(f"{error.message}{_hint(running, 'it')}") from error
    try:
        return _write_other_files(running, args)
    except ImpastoError as error:
        happened = f"{shown(output)} is saved, but {error.message}"
        raise ImpastoError(f"{happened}{_hint(running, 'them')}") from error


def _write_other_files(running: Run, args: argparse.Namespace) -> _Frames:
    """Write snapshots, log and report."""
    snapshots, report = (running.recorders.get(name) for name in ("snapshots", "report"))
    frames = _Frames([], 0)
    if isinstance(snapshots, Snapshots):
        files = snapshots.finish()
        frames = _Frames(files, len(snapshots.frames.steps) or len(files))
    if args.log:
        write_losses(args.log, running.result.losses)
    if report is not None:
        report.write(running.result, running.inputs, command=sys.argv[1:])  # type: ignore[attr-defined]
    return frames


def _hint(running: Run, what: str) -> str:
    """How to get what could not be written, if there is a checkpoint, best one of now."""
    is_kept = False
    with contextlib.suppress(ImpastoError):  # its disk may be full, too
        is_kept = running.save_checkpoint()
    is_kept = is_kept or (running.checkpoints is not None and running.checkpoints.is_kept)
    return f" --resume writes {what} again." if is_kept else ""


def _print_result(args: argparse.Namespace, made: Made) -> None:
    """Print the result on stdout, for a person or as JSON."""
    result = made.result
    height, width = result.tensor.shape[-2:]
    if args.json:
        values = {
            "output": str(args.output),
            "width": width,
            "height": height,
            "seconds": result.seconds,
            "finished": result.is_finished,
            "losses": result.losses[-1] if result.losses else {},
            "snapshots": [str(path) for path in made.frames.files],
            "recipe": result.recipe.to_dict(),
        }
        print_json(values)
    elif not (args.quiet or prints_events(args)):
        say_made(args, made)


def say_made(args: argparse.Namespace, made: Made) -> None:
    """Print a line on what was made, and one on its snapshots."""
    result, frames = made.result, made.frames
    height, width = result.tensor.shape[-2:]
    if frames.files:
        path = frames.files[-1]
        place = path.parent if len(frames.files) > 1 else path
        say(f"{counted_noun(frames.number, 'snapshot')}: {shown(place)}")
    if result.is_finished:
        say(f"{args.output}: {width}×{height} px in {clock(result.seconds)}")
    else:
        hint = "; --resume continues" if made.is_resumable else ""
        say(f"{args.output}: stopped at {width}×{height} px{hint}")
