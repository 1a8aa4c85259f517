"""``impasto batch``: paint many pictures with many workers."""

from __future__ import annotations

import argparse
import contextlib
import dataclasses
import os
import sys
import time
from collections.abc import Callable, Iterator

from rich.progress import BarColumn, Progress, TextColumn

from impasto.batch.plan import Plan, default_log
from impasto.batch.rows import Template
from impasto.batch.run import BatchOptions, run_batch
from impasto.batch.schedule import Tally
from impasto.cli.shared.exit_codes import INTERRUPTED, WRONG_INPUT
from impasto.cli.shared.messages import counted_noun, flag, inform, print_json, say, warn
from impasto.cli.shared.recipe_options import given_entries
from impasto.cli.shared.run_to_file import memory_of
from impasto.errors import OptionError, render
from impasto.jobs.display import clock
from impasto.jobs.requests import StylizeRequest, parse_styles, split_styles
from impasto.recipes.presets import get_recipe
from impasto.recipes.recipe import FIELDS
from impasto.runtime.terminal import console

_LINE_SECONDS = 30.0
"""Between two lines of progress where there is no terminal."""


def run(args: argparse.Namespace) -> int:
    """Run the batch and return the exit code: 2 if any picture failed, 130 if it was stopped."""
    plan = _plan(args)
    options = BatchOptions(
        address=args.address,
        workers=args.workers,
        workers_per_device=args.workers_per_device,
        device=args.device,
        memory=memory_of(args),
        max_errors=args.max_errors,
        timeout=args.timeout,
        retry_failed=args.retry_failed,
        handle_interrupt=True,
        acknowledge_interrupt=not args.quiet,
    )

    def started(plan: Plan, is_resumed: bool) -> None:
        if is_resumed and not args.quiet:
            inform(f"{args.output}: going on with the batch that was begun there")

    with _progress(quiet=args.quiet or args.json) as show:
        tally = run_batch(plan, options, listener=show, started=started)
    return _print(tally, args)


def _plan(args: argparse.Namespace) -> Plan:
    """What is to be made."""
    return Plan(
        input=args.input,
        output=args.output,
        folder=os.getcwd(),
        template=_template(args),
        layout=args.to,
        format=args.format,
        quality=args.quality,
        depth=args.depth,
        metadata=args.metadata,
        log=args.log or default_log(args.to),
        max_pixels=args.max_pixels,
        ignored=tuple(sorted(args.ignore)),
        shard_size=_shard_size(args.shard_size),
        overwrite=args.overwrite,
    )


def _shard_size(given: int) -> int:
    if given < 0:
        raise OptionError(f"--shard-size must be 1 or more, not {given}.")
    return given


def _template(args: argparse.Namespace) -> Template:
    """What all rows have in common.

    Raises:
        OptionError: For an option of the other way to paint, or a value that is not allowed.
    """
    styles = parse_styles([style for word in args.style for style in split_styles(word)])
    own = given_entries(args, StylizeRequest)
    of_recipes = {name: value for name, value in given_entries(args).items() if name not in own}
    if args.paint:
        recipe = get_recipe(args.recipe or "default")
        changes = {**own, **of_recipes}
        if strange := [name for name in changes if name not in FIELDS]:
            raise OptionError(f"{flag(strange[0])} is for one pass: leave it out, or --paint.")
        return Template.of(styles, changes, recipe)
    if args.recipe is not None or of_recipes:
        name = flag("recipe" if args.recipe is not None else next(iter(of_recipes)))
        raise OptionError(f"{name} is for paintings by optimization: add --paint.")
    return Template.of(styles, own, None)


@contextlib.contextmanager
def _progress(*, quiet: bool) -> Iterator[Callable[[Tally], None]]:
    """Takes the tally as it changes: a bar on a terminal, else a line now and then."""
    bars = console(stderr=True)
    is_bar = bars.is_terminal and not quiet
    last = time.monotonic()
    with Progress(
        BarColumn(bar_width=24), TextColumn("{task.description}"), console=bars, disable=not is_bar
    ) as bar:
        task = bar.add_task("starting workers", total=None)

        def show(tally: Tally) -> None:
            nonlocal last
            if is_bar:
                bar.update(task, total=tally.total, completed=tally.rows, description=_line(tally))
            elif not quiet and time.monotonic() > last + _LINE_SECONDS:
                last = time.monotonic()
                inform(_line(tally))

        yield show


def _line(tally: Tally) -> str:
    """``1200 of 50000 done, 31.0 a second, 26:14 left, 3 failed``."""
    done = f"{tally.rows}" if tally.total is None else f"{tally.rows} of {tally.total}"
    parts = [f"{done} done", f"{tally.pace:.1f} a second"]
    if tally.seconds_left is not None:
        parts.append(f"{clock(tally.seconds_left)} left")
    if failed := tally.failed + tally.failed_before:
        parts.append(f"{failed} failed")
    return ", ".join(parts)


def _print(tally: Tally, args: argparse.Namespace) -> int:
    """Print the summary; the exit code."""
    failed = tally.failed + tally.failed_before
    problem = render(tally.problem, flag)
    if args.json:
        values = {f.name: getattr(tally, f.name) for f in dataclasses.fields(tally)}
        values["errors"] = [{"id": id_, "error": error} for id_, error in tally.errors]
        values["seconds"], values["problem"] = round(tally.seconds, 3), problem
        print_json(values)
    elif not args.quiet:
        _say(tally, args.output)
    for id_, error in tally.errors:
        warn(f"{id_}: {render(error, flag)}")
    if more := tally.failed - len(tally.errors):
        warn(f"{more} more failed: the logs in {args.output}/_batch/log name them")
    if tally.failed_before and not args.quiet:
        warn(
            f"{counted_noun(tally.failed_before, 'picture')} failed in an earlier run: "
            "--retry-failed paints them again"
        )
    if problem:
        warn(f"{problem} The same command goes on.")
    sys.stdout.flush()
    if tally.is_stopped:
        return INTERRUPTED
    return WRONG_INPUT if failed or problem else 0


def _say(tally: Tally, output: str) -> None:
    painted = counted_noun(tally.painted, "picture")
    say(f"{output}: {painted} painted in {clock(tally.seconds)}, {tally.pace:.1f} a second")
    before = tally.kept + tally.done_before - tally.failed_before
    if before:
        say(f"{counted_noun(before, 'picture')} had been painted before: kept")
    if tally.failed:
        say(f"{counted_noun(tally.failed, 'picture')} failed")
    if tally.crashes:
        say(f"{counted_noun(tally.crashes, 'worker')} crashed and were started again")
    if tally.is_stopped:
        say("stopped; the same command goes on")
