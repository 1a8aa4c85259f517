"""Several paintings by optimization, one after another."""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from functools import partial
from pathlib import Path

from impasto import images
from impasto.cli.shared.batch import BatchItem, check_one_photograph, plan_batch
from impasto.cli.shared.batch_outcome import Outcome, print_outcome
from impasto.cli.shared.batch_run import paint_in_turn, unmade
from impasto.cli.shared.event_lines import prints_events
from impasto.cli.shared.messages import flag, inform
from impasto.cli.shared.outputs import check_apart, check_outputs
from impasto.cli.shared.run_to_file import asks_for_more, make_file, run_to_file, say_made
from impasto.cli.shared.style_folders import style_sets
from impasto.errors import OptionError
from impasto.jobs.checkpoints import checkpoint_path
from impasto.jobs.requests import PaintRequest
from impasto.jobs.resources import Resources
from impasto.runtime.interrupts import StepAbandoned

_OF_ONE = ("log", "report", "snapshots_to")
"""Options that name a file of one painting."""


def paint_batch(contents: Sequence[Path], request: PaintRequest, args: argparse.Namespace) -> int:
    """Paint pictures and folders of pictures, and return the exit code: 2 if any failed.

    Args:
        contents: The photographs.
        request: How to paint them; one of its styles may be a folder of styles.
        args: The options of ``paint``.
    """
    output = Path(args.output)
    sets, unread = style_sets(request.styles, exclude=output)
    items, failed = plan_batch(contents, output, args.format, sets)
    failed = [*unread, *failed]
    check_one_photograph(items, args)
    if len(items) == 1 and not failed:
        (item,) = items
        its_output = args.output if item.output == output else str(item.output)
        return run_to_file(item.request(request), _changed(args, output=its_output))
    for name in _OF_ONE:
        if getattr(args, name) is not None:
            raise OptionError(f"{flag(name)} is of one painting, and there are several: name one.")
    check_apart(
        (("-o", item.output) for item in items),
        (name for item in items for name in item.request(request).files),
    )
    for item in items:
        images.check_output(item.output, quality=args.quality, depth=args.depth)
    todo, refused = unmade(
        items, request, args, is_wanted=lambda item: asks_for_more(_args_of(item, args))
    )
    outcome, resources = Outcome(), Resources()
    paint_in_turn(todo, partial(_paint, len(todo), request, args, outcome, resources), outcome)
    outcome.failed[:0] = [*failed, *refused]
    skipped = len(items) - len(todo) - len(refused)
    return print_outcome(
        outcome,
        len(items),
        skipped,
        args,
        continuing="the same command with --resume continues",
    )


def _paint(
    count: int,
    request: PaintRequest,
    args: argparse.Namespace,
    outcome: Outcome,
    resources: Resources,
    number: int,
    item: BatchItem,
) -> None:
    """Paint one; Ctrl-C ends all."""
    its_args, its_request = _args_of(item, args), item.request(request)
    check_outputs(its_args, its_request.files)
    if not args.quiet:
        inform(f"picture {number + 1} of {count}: {item.title}")
    try:
        made = make_file(
            its_request, its_args, resources=resources, title=f"{number + 1}/{count} {item.title}"
        )
    except KeyboardInterrupt:  # before the first step, or a second one
        raise StepAbandoned from None
    if not (args.quiet or args.json or prints_events(args)):
        say_made(its_args, made)
    if not made.result.is_finished:
        raise StepAbandoned
    outcome.painted.append((item, made.result.seconds))


def _args_of(item: BatchItem, args: argparse.Namespace) -> argparse.Namespace:
    """The options for one painting of several; it is resumed if it was begun."""
    is_begun = args.resume and checkpoint_path(item.output).is_file()
    return _changed(args, output=str(item.output), resume=is_begun)


def _changed(args: argparse.Namespace, **changes: object) -> argparse.Namespace:
    return argparse.Namespace(**{**vars(args), **changes})
