"""``impasto train``: pictures in, weights out."""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

import torch
from rich.console import Console
from rich.progress import (
    BarColumn,
    MofNCompleteColumn,
    Progress,
    TextColumn,
    TimeRemainingColumn,
)

from impasto.encoder_files import save_encoder
from impasto.errors import OptionError
from impasto.files import check_writable
from impasto.interrupts import stop_on_interrupt
from impasto.models import open_encoder
from impasto.train.distill import Distillation, DistillSettings
from impasto.train.pictures import Crops, held_back, list_pictures
from impasto.train.runs import TrainStep
from impasto.train.runs import run as run_training

EXAMPLES = """\
examples:
  impasto train encoder --teacher vgg19 --content photos/ --style paintings/ -o small.safetensors
  impasto paint photo.jpg painting.jpg -o out.png --encoder small.safetensors

Ctrl-C stops after the step in hand; the same command goes on from there.
"""


def configure(parser: argparse.ArgumentParser) -> None:
    """Add the commands of ``train``."""
    commands = parser.add_subparsers(metavar="WHAT", required=True)
    encoder = commands.add_parser(
        "encoder",
        help="distil a small encoder from a large one",
        description="Distil a small encoder that sees as a large one sees.",
        epilog=EXAMPLES,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    default = DistillSettings()
    encoder.add_argument("--teacher", required=True, metavar="NAME|FILE", help="whom to learn from")
    encoder.add_argument("--content", required=True, metavar="DIR", help="photographs")
    encoder.add_argument("--style", required=True, metavar="DIR", help="paintings and textures")
    encoder.add_argument("-o", "--output", required=True, metavar="FILE", type=Path,
                         help="the encoder to make (.safetensors)")  # fmt: skip
    encoder.add_argument("--run", metavar="DIR", type=Path,
                         help="checkpoint and log.csv [OUT-run/]")  # fmt: skip
    encoder.add_argument("--steps", type=int, default=3000, metavar="N", help="in all [3000]")
    encoder.add_argument("--pooling", default=default.pooling, choices=("max", "average"),
                         help=f"of the student [{default.pooling}]")  # fmt: skip
    encoder.add_argument("--crop", type=int, default=default.crop, metavar="N",
                         help=f"side of the training crops [{default.crop}]")  # fmt: skip
    encoder.add_argument("--painted", type=int, default=default.painted, metavar="N",
                         help="pictures of a batch that the student is painting itself "
                              f"[{default.painted}]")  # fmt: skip
    encoder.add_argument("--learning-rate", type=float, default=default.learning_rate, metavar="X",
                         help=f"peak, of Muon [{default.learning_rate}]")  # fmt: skip
    encoder.add_argument("--seed", type=int, default=default.seed, metavar="N", help="[0]")
    encoder.add_argument("--hold-back", action="store_true",
                         help="train on all but the eighth used to evaluate")  # fmt: skip
    encoder.add_argument("--quiet", action="store_true", help="show no progress")


def run(args: argparse.Namespace) -> int:
    """Train, write the encoder, and return the exit code."""
    settings = DistillSettings(
        pooling=args.pooling,
        painted=args.painted,
        crop=args.crop,
        learning_rate=args.learning_rate,
        seed=args.seed,
    )
    _check(args)
    teacher = open_encoder(args.teacher)
    photographs = _crops(args.content, settings.crop, args)
    paintings = _crops(args.style, settings.crop, args)
    task = Distillation(teacher, photographs, paintings, settings)
    folder = args.run or args.output.with_name(f"{args.output.stem}-run")
    stopped = False
    with stop_on_interrupt() as request, _Bar(args.steps, quiet=args.quiet) as bar:
        for step in run_training(task, folder, steps=args.steps):
            bar.show(step)
            if request.made and step.step < args.steps:
                stopped = True
                break
    if stopped:
        print(f"stopped; the same command goes on from {folder}")
        return 130
    card = {"licence": "MIT", "teacher": str(args.teacher), "steps": str(args.steps)}
    save_encoder(args.output, task.encoder(), dtype=torch.float16, card=card)
    print(f"{args.output}: {args.output.stat().st_size / 1e6:.1f} MB, after {args.steps} steps")
    return 0


def _check(args: argparse.Namespace) -> None:
    """Find mistakes before hours of work."""
    if args.output.suffix != ".safetensors":
        raise OptionError(f"{args.output}: an encoder file is called .safetensors.")
    check_writable(args.output)
    if args.steps < 1:
        raise OptionError(f"--steps must be 1 or more, not {args.steps}.")
    if args.crop < 64:
        raise OptionError(f"--crop must be 64 or more, not {args.crop}: conv5_1 sees little less.")
    if not 0 <= args.painted <= DistillSettings.pool:
        raise OptionError(f"--painted must be 0 to {DistillSettings.pool}, not {args.painted}.")
    if not 0 < args.learning_rate < 1:
        raise OptionError(f"--learning-rate must be between 0 and 1, not {args.learning_rate}.")


def _crops(folder: str, size: int, args: argparse.Namespace) -> Crops:
    paths = [p for p in list_pictures(folder) if not (args.hold_back and held_back(p))]
    crops = Crops(paths, size)
    if crops.skipped and not args.quiet:
        names = ", ".join(path.name for path in crops.skipped[:3])
        more = ", …" if len(crops.skipped) > 3 else ""
        print(f"{folder}: {len(crops.skipped)} unreadable pictures skipped ({names}{more})",
              file=sys.stderr)  # fmt: skip
    return crops


class _Bar:
    """A progress bar with the losses of training, averaged over about fifty steps."""

    def __init__(self, steps: int, *, quiet: bool) -> None:
        console = Console(stderr=True)
        self._bar = Progress(
            TextColumn("training"),
            BarColumn(bar_width=24),
            MofNCompleteColumn(),
            TimeRemainingColumn(),
            TextColumn("{task.fields[losses]}"),
            console=console,
            disable=quiet or not console.is_terminal,
        )
        self._task = self._bar.add_task("", total=steps, losses="")
        self._means: dict[str, float] = {}

    def __enter__(self) -> _Bar:
        self._bar.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._bar.stop()

    def show(self, step: TrainStep) -> None:
        for name, value in step.losses.items():
            self._means[name] = value + 0.98 * (self._means.get(name, value) - value)
        losses = " ".join(f"{name} {value:.3f}" for name, value in self._means.items())
        self._bar.update(self._task, completed=step.step, losses=losses)
