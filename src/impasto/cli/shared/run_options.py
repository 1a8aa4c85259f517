"""Options of a run."""

from __future__ import annotations

import argparse
import json
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Protocol

from torch import Tensor

from impasto import images
from impasto.cli.shared.best_effort import BestEffort
from impasto.cli.shared.limits import add_max_pixels, tell_of_limit
from impasto.cli.shared.outputs import check_outputs, files_of_regions
from impasto.cli.shared.progress import PaintingBar, clock, work_share
from impasto.cli.shared.recipe_options import (
    StyleOption,
)
from impasto.errors import ImpastoError, OptionError
from impasto.images.picture import Picture
from impasto.jobs.checkpoints import checkpoint_path, load_checkpoint, save_checkpoint
from impasto.jobs.initial_image import open_initial_image
from impasto.jobs.results import Painting, Row, describe_making, describe_sources, row, write_losses
from impasto.jobs.sources import read_styles
from impasto.optim.loop import Step
from impasto.painting.cost_model import painting_bytes
from impasto.painting.estimate import estimate
from impasto.painting.objective_builder import Style
from impasto.painting.painter import Painter
from impasto.painting.snapshots import Reel, Snapshots
from impasto.recipes.recipe import Recipe
from impasto.regions.regions import read_regions
from impasto.runtime.interrupts import stop_on_interrupt
from impasto.runtime.memory import keep_freed_memory, parse_bytes, peak_bytes

if TYPE_CHECKING:
    from impasto.reports.run_report import RunReport


_SECONDS_BETWEEN_CHECKPOINTS = 30.0


def add_report_option(group: argparse._ArgumentGroup) -> None:
    """Add ``--report``, for commands that paint a photograph."""
    group.add_argument("--report", metavar="PAGE", type=Path,
                       help="tell of the run on a page (.html)")  # fmt: skip


def add_run_options(parser: argparse.ArgumentParser) -> argparse._ArgumentGroup:
    """Add what concerns this run but not the picture it makes."""
    group = parser.add_argument_group("this run")
    group.add_argument("--quality", type=int, default=95, metavar="N", help="of JPEG and WebP [95]")
    add_max_pixels(group)
    group.add_argument("--memory", metavar="SIZE",
                       help="memory to keep to, such as 2GB [2/3 of the free]")  # fmt: skip
    group.add_argument("--snapshots", type=int, metavar="N", help="keep N pictures on the way")
    group.add_argument("--snapshots-to", metavar="PATH", type=Path,
                       help="a folder, or a .gif or .webp animation [OUT-steps/]")  # fmt: skip
    group.add_argument("--log", metavar="FILE", type=Path, help="write the losses as CSV")
    group.add_argument("--resume", action="store_true", help="go on where Ctrl-C left off")
    group.add_argument("--quiet", action="store_true", help="print nothing but errors")
    group.add_argument("--json", action="store_true", help="print the outcome as JSON")
    return group


class Watcher(Protocol):
    """Something that wants to see the picture of some steps, counted over all sizes from 1."""

    @property
    def reel(self) -> Reel:
        """What it has seen and would lack after an interruption."""
        ...

    def wants(self, number: int) -> bool:
        """Whether it wants that of step ``number``."""
        ...

    def take(self, number: int, image: Tensor) -> None:
        """Have it, (1, 3, H, W)."""
        ...


@dataclass(frozen=True)
class Job:
    """What to paint."""

    content: str
    styles: list[StyleOption]
    recipe: Recipe
    mask: str | None = None
    style_mask: str | None = None
    regions: tuple[str, ...] = ()


def paint_to_file(job: Job, args: argparse.Namespace) -> int:
    """Paint a job to ``args.output``, with everything that ``add_run_options`` offers.

    Returns:
        0, or 130 if Ctrl-C stopped it; the best picture so far is saved all the same.
    """
    styles = [style.path for style in job.styles]
    check_outputs(args, [job.content, *styles, job.recipe.init, job.mask, job.style_mask,
                         *files_of_regions(job.regions)])  # fmt: skip
    content = images.read(job.content, long_side=job.recipe.size, max_pixels=args.max_pixels)
    if not args.quiet:
        tell_of_limit(job.content, content, job.recipe.size)
    sources = describe_sources(
        job.content,
        [str(style) for style in job.styles],
        None,
        mask=job.mask,
        style_mask=job.style_mask,
        regions=job.regions,
    )
    return work_to_file(_painter(job, content, args), sources, args, alpha_of=content)


def work_to_file(
    painter: Painter,
    sources: Mapping[str, str],
    args: argparse.Namespace,
    *,
    alpha_of: Picture | None = None,
) -> int:
    """Make a painter's steps and save its picture, with everything that a run offers.

    Args:
        painter: Fresh.
        sources: For the metadata.
        args: With what ``add_run_options`` adds, and ``output``.
        alpha_of: The picture whose opacity the result gets.

    Returns:
        0, or 130 if Ctrl-C stopped it; the best picture so far is saved all the same.

    Raises:
        ImpastoError: Among others if something beside the picture could not be written at the end;
            the picture itself is then saved, and a checkpoint keeps what the rest is made of.
    """
    output = images.check_output(args.output, size=painter.stages[-1].size)
    losses: list[Row] = []
    checkpoint = checkpoint_path(output)
    snapshots = _snapshots(painter, sources, None if alpha_of is None else alpha_of.alpha, args)
    report = _report(painter, args)
    offered: dict[str, Watcher | None] = {"snapshots": snapshots, "report": report}
    watchers = {name: watcher for name, watcher in offered.items() if watcher is not None}
    reels = {name: watcher.reel for name, watcher in watchers.items()}
    if args.resume:
        losses = load_checkpoint(checkpoint, painter, reels)
    if not args.quiet:
        _tell_plan(painter)
    if args.memory is None:
        recipe, size = painter.recipe, painter.stages[-1].size
        keep_freed_memory(painting_bytes(painter.encoder, recipe.layers, recipe.optimizer, size))

    def keep() -> None:
        save_checkpoint(checkpoint, painter, losses, reels)

    mishaps = BestEffort()
    stopped = _work(painter, losses, keep, list(watchers.values()), mishaps, args)
    seconds = losses[-1]["seconds"] if losses else 0.0
    height, width = painter.image.shape[-2:]
    alpha = None if alpha_of is None else alpha_of.resized((height, width)).alpha
    painting = Painting(
        painter.picture, alpha, losses, painter.recipe, seconds, sources, peak_bytes()
    )
    painting.save(output, quality=args.quality)
    # Only now the rest, which may fail: hours of work are in the picture.
    try:
        made = snapshots.finish() if snapshots else []
        if args.log:
            write_losses(args.log, losses)
        if report:
            names = json.loads(sources["style"])
            pictures = [style.picture.tensor for style in painter.styles]
            styles = dict(zip(names, pictures, strict=True))
            report.write(painting, painter.content.tensor, styles, command=sys.argv[1:])
    except ImpastoError as error:
        hint = " --resume tries that again." if mishaps.survive(keep) else ""
        raise ImpastoError(f"{output} is saved, but {error.message}{hint}") from error
    kept = stopped and mishaps.survive(keep)
    if not stopped:
        checkpoint.unlink(missing_ok=True)
    tell_outcome(args, painting, output, made, stopped=stopped, resumable=kept)
    return 130 if stopped else 0


def _painter(job: Job, content: Picture, args: argparse.Namespace) -> Painter:
    """Read the styles and the regions."""
    if not job.styles:
        raise OptionError("Name a picture to paint like: impasto paint CONTENT STYLE -o OUT.")
    styles = read_style_options(job.styles, job.recipe, max(content.size), args)
    regions, notices = read_regions(
        content,
        [style.picture for style in styles],
        mask=job.mask,
        style_mask=job.style_mask,
        regions=job.regions,
        blur=job.recipe.feather,
        max_pixels=args.max_pixels,
    )
    if not args.quiet:
        for notice in notices:
            print(notice, file=sys.stderr)
    return Painter(
        content,
        styles,
        job.recipe,
        regions=regions,
        memory=budget(args),
        initial_image=open_initial_image(job.recipe, max_pixels=args.max_pixels),
    )


def budget(args: argparse.Namespace) -> float | None:
    """The bytes of ``--memory``; None if nothing was said."""
    return None if args.memory is None else parse_bytes(args.memory)


def read_style_options(
    options: Sequence[StyleOption], recipe: Recipe, long_side: int, args: argparse.Namespace
) -> list[Style]:
    """The styles of a command line, read for a picture of ``long_side`` pixels."""
    paths = [option.path for option in options]
    pictures = read_styles(paths, recipe, long_side, max_pixels=args.max_pixels)
    return [
        Style(picture, option.weight or 1.0, option.level)
        for picture, option in zip(pictures, options, strict=True)
    ]


def _work(
    painter: Painter,
    losses: list[Row],
    keep: Callable[[], None],
    watchers: Sequence[Watcher],
    mishaps: BestEffort,
    args: argparse.Namespace,
) -> bool:
    """Make the steps; whether Ctrl-C stopped it."""
    before = losses[-1]["seconds"] if losses else 0.0
    done = work_share(painter.stages, *painter.position)
    saved = time.monotonic()
    with stop_on_interrupt() as request, PaintingBar(
        painter.stages, quiet=args.quiet or args.json, done=done
    ) as bar:  # fmt: skip
        for step in painter:
            entry = row(step)
            losses.append({**entry, "seconds": round(before + entry["seconds"], 3)})
            bar.show(step)
            number = _number(painter, step)
            if wanting := [watcher for watcher in watchers if watcher.wants(number)]:
                picture = painter.finished(step.image)
                for watcher in wanting:
                    mishaps.survive(partial(watcher.take, number, picture))
            if request.made and not painter.done:
                break
            if time.monotonic() - saved > _SECONDS_BETWEEN_CHECKPOINTS:
                mishaps.survive(keep)
                saved = time.monotonic()
    return not painter.done


def _snapshots(
    painter: Painter, sources: Mapping[str, str], alpha: Tensor | None, args: argparse.Namespace
) -> Snapshots | None:
    if args.snapshots is None:
        if args.snapshots_to is not None:
            raise OptionError("--snapshots-to needs --snapshots N: how many pictures to keep.")
        return None
    output = Path(args.output)
    place = args.snapshots_to or output.with_name(f"{output.stem}-steps")
    told = describe_making(painter.recipe, sources)
    return Snapshots(place, args.snapshots, painter.stages, alpha=alpha, metadata=told)


def _report(painter: Painter, args: argparse.Namespace) -> RunReport | None:
    if getattr(args, "report", None) is None:
        return None
    from impasto.reports.run_report import RunReport

    return RunReport(args.report, painter.stages)


def _number(painter: Painter, step: Step) -> int:
    """Which step this is, counted over all sizes."""
    return sum(stage.steps for stage in painter.stages[: step.stage]) + step.step


def _tell_plan(painter: Painter) -> None:
    """Sizes, steps and the estimate, on stderr, before anything long begins."""
    cost = estimate(painter)
    stages = painter.stages
    height, width = stages[-1].size
    sizes = ", ".join(f"{max(stage.size)} ({stage.steps})" for stage in stages)
    print(
        f"{width}×{height} px, long side (steps): {sizes}\n"
        f"about {clock(cost.seconds)} and {cost.bytes / 1e9:.1f} GB of memory"
        + (f", in tiles of {cost.side} px" if cost.side else ""),
        file=sys.stderr,
    )


def tell_outcome(
    args: argparse.Namespace,
    painting: Painting,
    output: Path,
    made: list[Path],
    *,
    stopped: bool,
    resumable: bool = True,
) -> None:
    """Say, on stdout, what was made."""
    height, width = painting.tensor.shape[-2:]
    if args.json:
        outcome = {
            "output": str(output),
            "width": width,
            "height": height,
            "seconds": painting.seconds,
            "finished": not stopped,
            "losses": painting.losses[-1] if painting.losses else {},
            "snapshots": [str(path) for path in made],
            "recipe": {k: dict(v) if isinstance(v, Mapping) else v
                       for k, v in vars(painting.recipe).items()},
        }  # fmt: skip
        print(json.dumps(outcome, indent=2, ensure_ascii=False))
    elif not args.quiet:
        if made:
            print(f"{len(made)} snapshots: {made[-1].parent if len(made) > 1 else made[-1]}")
        if stopped:
            hint = "; --resume goes on from here" if resumable else ""
            print(f"{output}: stopped at {width}×{height} px{hint}")
        else:
            print(f"{output}: {width}×{height} px in {clock(painting.seconds)}")
