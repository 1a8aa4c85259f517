"""``impasto train per-style|multi-style|any-style``: one-pass networks."""

from __future__ import annotations

import argparse
from collections.abc import Mapping
from dataclasses import asdict, replace
from pathlib import Path

import torch
from torch import Tensor

from impasto import images
from impasto.adain import AdaINNetwork
from impasto.catalogue import open_network
from impasto.cli.training import read_crops, watching
from impasto.cli.validating import Looks
from impasto.encoders import Encoder, minimum_side
from impasto.errors import ImageError, OptionError, WeightsError
from impasto.feedforward.stylist import STYLE_SIDE
from impasto.files import check_writable
from impasto.models import open_encoder
from impasto.network_files import KINDS, OWN, OnePassModel, new_model, save_network
from impasto.paint_network import PaintNetwork, Shape
from impasto.precision import PRECISIONS
from impasto.predictors import STYLE_LAYERS, StylePredictor
from impasto.train.any_style import AnyStyleTraining
from impasto.train.board import Board, check_board
from impasto.train.deeper import deepened
from impasto.train.fixed_styles import FixedStylesTraining
from impasto.train.one_pass import PRESETS, OnePassSettings, OnePassTraining, summaries_of
from impasto.train.pictures import Crops, digest_of, held_back, list_pictures
from impasto.train.runs import run as run_training
from impasto.train.validation import Pair, Validation, read_pairs, read_spread
from impasto.train.workers import Workers, launched

EXAMPLES = """\
examples:
  impasto train per-style --content photos/ --style wave.jpg -o wave.safetensors
  impasto train multi-style --content photos/ --style a.jpg b.jpg --start any -o ours.safetensors
  impasto train multi-style --content photos/ --style c.jpg --add-style ours.safetensors -o more.safetensors
  impasto train any-style --content photos/ --style paintings/ -o any.safetensors
  torchrun --nproc_per_node 2 -m -- impasto train any-style …

Ctrl-C stops after the step in hand; the same command goes on from there.
"""  # noqa: E501

ABOUT: Mapping[str, str] = {
    "per-style": "train a network for one style",
    "multi-style": "train a network for several styles, each a vector of its own",
    "any-style": "train a network for any style, and what reads styles off pictures",
}

_VALIDATION_PAIRS, _VALIDATION_SIDE = 6, 320


def configure(commands: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """Add the commands that train networks."""
    for name, about in ABOUT.items():
        parser = commands.add_parser(
            name,
            help=about,
            description=f"{about[0].upper()}{about[1:]}.",
            epilog=EXAMPLES,
            formatter_class=argparse.RawDescriptionHelpFormatter,
        )
        _configure(parser, name)
        parser.set_defaults(train_command=run, what=name)


def _configure(parser: argparse.ArgumentParser, name: str) -> None:
    add = parser.add_argument
    several = {"nargs": "+"} if name == "multi-style" else {}
    add("--content", required=True, metavar="DIR", help="photographs")
    add("--style", required=True, metavar="DIR" if name == "any-style" else "PICTURE",
        help="paintings and textures" if name == "any-style" else "what to paint like",
        **several)  # fmt: skip
    add("-o", "--output", required=True, metavar="FILE", type=Path,
        help="the model to make (.safetensors)")  # fmt: skip
    add("--run", metavar="DIR", type=Path, help="checkpoint, log.csv, sheets [OUT-run/]")
    add("--steps", type=int, default=6000, metavar="N", help="in all [6000]")
    add("--preset", default="default", choices=tuple(PRESETS), help="losses and rates [default]")
    add("--network", default="paint", choices=(*KINDS, "adain"), help="[paint]")
    add("--encoder", default="compact", metavar="NAME|FILE",
        help="judges, and reads styles [compact]")  # fmt: skip
    add("--start", metavar="MODEL", help="begin with the weights of a trained model")
    blocks = ",".join(map(str, Shape().blocks))
    add("--blocks", metavar="D,S,U", type=_blocks,
        help=f"blocks at 1/8, 1/16, 1/8; may deepen --start [{blocks}]")  # fmt: skip
    if name == "multi-style":
        add("--add-style", metavar="MODEL",
            help="add to this model's styles, training nothing but the new ones")  # fmt: skip
    if name != "any-style":
        add("--style-size", type=int, default=STYLE_SIDE, metavar="N",
            help=f"long side of the style: larger makes larger strokes [{STYLE_SIDE}]")  # fmt: skip
    default = OnePassSettings()
    add("--batch", type=int, metavar="N", help=f"pictures a step [{default.batch}]")
    add("--crop", type=int, metavar="N", help=f"side of the crops [{default.crop}]")
    add("--content-weight", type=float, metavar="X", help="times the preset's [1]")
    add("--tv-weight", type=float, metavar="X", help=f"[{default.tv_weight:g}]")
    add("--even-weight", type=float, metavar="X",
        help=f"of what keeps even skies even [{default.even_weight:g}]")  # fmt: skip
    add("--learning-rate", type=float, metavar="X", help=f"peak [{default.learning_rate:g}]")
    add("--device", default="auto", metavar="NAME",
        help="cpu, cuda or cuda:N [auto: CUDA where there is one]")  # fmt: skip
    add("--precision", choices=PRECISIONS, help=f"[{default.precision}: the faster]")
    add("--seed", type=int, default=0, metavar="N", help="[0]")
    add("--validate-every", type=int, default=500, metavar="N",
        help="steps between sheets of unseen pictures [500]")  # fmt: skip
    add("--tensorboard", action="store_true",
        help="write losses and sheets for TensorBoard, too")  # fmt: skip
    add("--hold-back", action="store_true", help="train on all but an eighth of the pictures")
    add("--quiet", action="store_true", help="show no progress")


def _blocks(text: str) -> tuple[int, int, int]:
    try:
        down, deep, up = (int(part) for part in text.split(","))
    except ValueError:
        raise argparse.ArgumentTypeError(
            f"'{text}' is not three whole numbers, for example 1,5,2"
        ) from None
    return down, deep, up


def run(args: argparse.Namespace) -> int:
    """Train, write the model, and return the exit code."""
    workers = launched(args.device)
    args.quiet = args.quiet or workers.rank > 0
    settings = _settings(args)
    _check(args, settings, workers)
    encoder = open_encoder(args.encoder)
    contents = read_crops(args.content, settings.crop, args)
    make = _any_style if args.what == "any-style" else _fixed_styles
    task, pairs, styles = make(args, encoder, contents, settings, workers)
    folder = args.run or args.output.with_name(f"{args.output.stem}-run")
    leads = workers.rank == 0
    board = Board(folder) if args.tensorboard and leads else None
    looks = Looks(task, Validation(encoder, pairs), folder, quiet=args.quiet, board=board)
    stopped = False
    with watching(args.steps, quiet=args.quiet, board=board) as (request, show):
        told = {"encoder": args.encoder, "content": contents.name, "style": styles}
        told |= asdict(settings)
        steps = run_training(task, folder, steps=args.steps, settings=told, writes=leads)
        for step in steps:
            show(step)
            is_last = step.step == args.steps
            if leads and (is_last or step.step % args.validate_every == 0):
                looks.look(step.step)
            if workers.any(request.made) and not is_last:
                stopped = True
                break
        steps.close()  # type: ignore[attr-defined]
    if stopped:
        if leads:
            print(f"stopped; the same command goes on from {folder}")
        workers.wait()  # a launcher ends all when one has ended, and the first still writes
        return 130
    if leads:
        save_network(args.output, task.model(), dtype=torch.float16)
        size = args.output.stat().st_size / 1e6
        print(f"{args.output}: {size:.1f} MB, after {args.steps} steps")
    workers.wait()
    return 0


_PLAIN = "batch", "crop", "tv_weight", "even_weight", "learning_rate", "precision", "seed"
"""Options that are entries of the settings as they are."""


def _settings(args: argparse.Namespace) -> OnePassSettings:
    settings = PRESETS[args.preset]
    given = {name: getattr(args, name) for name in _PLAIN if getattr(args, name) is not None}
    if args.crop is not None:
        given["first_crop"] = min(settings.first_crop, args.crop)
    if args.start is not None:
        given["first_share"] = 0.0  # what is learnt from small crops has been learnt
    if args.content_weight is not None:
        given["content_layers"] = {
            name: args.content_weight * weight for name, weight in settings.content_layers.items()
        }
    return replace(settings, **given)


def _check(args: argparse.Namespace, settings: OnePassSettings, workers: Workers) -> None:
    """Find mistakes before hours of work."""
    if args.output.suffix != ".safetensors":
        raise OptionError(f"{args.output}: a model file is called .safetensors.")
    check_writable(args.output)
    if args.tensorboard:
        check_board()
    for name in ("steps", "validate_every", "batch"):
        value = getattr(args, name)
        if value is not None and value < 1:
            raise OptionError(f"--{name.replace('_', '-')} must be 1 or more, not {value}.")
    if settings.crop < 64:
        raise OptionError(f"--crop must be 64 or more, not {settings.crop}.")
    if settings.batch % workers.count:
        raise OptionError(
            f"--batch {settings.batch} cannot be shared evenly by {workers.count} processes: "
            f"choose a multiple of {workers.count}."
        )
    if args.what != "any-style" and args.style_size < 64:
        raise OptionError(f"--style-size must be 64 or more, not {args.style_size}.")
    if not 0 < settings.learning_rate < 1:
        raise OptionError(f"--learning-rate must be between 0 and 1, not {args.learning_rate}.")
    for name in ("content_weight", "tv_weight", "even_weight"):
        value = getattr(args, name)
        if value is not None and not 0 <= value < float("inf"):
            raise OptionError(f"--{name.replace('_', '-')} must be 0 or more, not {value}.")
    if (args.network == "adain") != (args.preset == "adain"):
        raise OptionError("--network adain and --preset adain belong together: give both.")
    if args.blocks is not None and getattr(args, "add_style", None):
        raise OptionError("--add-style trains a vector alone: leave --blocks out.")
    if args.network == "adain" and args.what != "any-style":
        raise OptionError(f"AdaIN paints any style: impasto train any-style, not {args.what}.")


def _beginning(args: argparse.Namespace, settings: OnePassSettings) -> OnePassModel:
    """The model that training begins with."""
    start = getattr(args, "add_style", None) or args.start
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(settings.seed)
        model = _first(args, start)
    model.network.requires_grad_(True).train()
    return model


def _first(args: argparse.Namespace, start: str | None) -> OnePassModel:
    if start is not None:
        model = open_network(start)
        if isinstance(model.network, AdaINNetwork) != (args.preset == "adain"):
            raise OptionError(f"{start} does not fit --preset {args.preset}: AdaIN needs its own.")
        if model.predictor is not None and model.encoder != args.encoder:
            raise OptionError(
                f"{start} reads styles with another encoder: --encoder {model.encoder}."
            )
        return model if args.blocks is None else deepened(model, args.blocks)
    if args.blocks is None:
        return new_model(args.network, args.encoder)
    if args.network != "paint":
        raise OptionError("--blocks are those of --network paint: leave --blocks out.")
    return OnePassModel(PaintNetwork(Shape(blocks=args.blocks)), args.encoder)


def _any_style(
    args: argparse.Namespace,
    encoder: Encoder,
    contents: Crops,
    settings: OnePassSettings,
    workers: Workers,
) -> tuple[OnePassTraining, list[Pair], str]:
    model = _beginning(args, settings)
    if model.styles:
        raise WeightsError(f"{args.start} is a model of fixed styles: begin with another.")
    predictor = model.predictor
    if predictor is not None:
        predictor.requires_grad_(True).train()
    styles = read_crops(args.style, settings.crop, args)
    task = AnyStyleTraining(
        model.network, encoder, args.encoder, contents, styles, settings,
        predictor=predictor, workers=workers,
    )  # fmt: skip
    unseen = _unseen(args.content, args), _unseen(args.style, args)
    return task, read_pairs(*unseen, _VALIDATION_PAIRS, _VALIDATION_SIDE), styles.name


def _fixed_styles(
    args: argparse.Namespace,
    encoder: Encoder,
    contents: Crops,
    settings: OnePassSettings,
    workers: Workers,
) -> tuple[OnePassTraining, list[Pair], str]:
    model = _beginning(args, settings)
    paths = [Path(path) for path in ([args.style] if isinstance(args.style, str) else args.style)]
    names = [path.stem for path in paths]
    if len(set(names)) < len(names) or OWN in names:
        raise OptionError(f"Each style picture needs a file name of its own, and not {OWN!r}.")
    least = minimum_side(settings.style_layers, encoder)
    pictures = {
        name: _style_picture(path, args.style_size, least)
        for path, name in zip(paths, names, strict=True)
    }
    start = dict(model.styles)
    frozen: tuple[str, ...] = ()
    if getattr(args, "add_style", None):
        if not set(start) - {OWN}:
            raise OptionError(f"{args.add_style} has no styles of its own: --start with it.")
        if taken := sorted(set(names) & set(start)):
            raise OptionError(f"The model has a style {taken[0]} already: rename the picture.")
        model.network.requires_grad_(False).eval()
        frozen = tuple(start)
        settings = replace(settings, own_style=0.0)
        mean = torch.stack([start[name] for name in start if name != OWN]).mean(0)
        start |= dict.fromkeys(names, mean)
    elif isinstance(model.predictor, StylePredictor):
        start = _predicted(model.predictor, encoder, pictures)
    else:
        start = {name: vector for name, vector in start.items() if name in (*names, OWN)}
    task = FixedStylesTraining(
        model.network, encoder, args.encoder, contents, pictures, settings,
        start=start, frozen=frozen, workers=workers,
    )  # fmt: skip
    photographs = read_spread(_unseen(args.content, args), len(names), _VALIDATION_SIDE)
    pairs = [
        Pair(photograph, images.Picture(pictures[name]), name)
        for name, photograph in zip(names, photographs, strict=True)
    ]
    return task, pairs, f"{', '.join(names)} ({digest_of(pictures.values())})"


def _style_picture(path: Path, long_side: int, least: int) -> Tensor:
    picture = images.read(path, long_side=long_side).tensor
    height, width = picture.shape[-2:]
    if min(height, width) < least:
        raise ImageError(
            f"{path} is {width}×{height} px at --style-size {long_side}, and a style needs {least} "
            "px each way: give a larger --style-size or another picture."
        )
    return picture


@torch.no_grad()
def _predicted(
    predictor: StylePredictor, encoder: Encoder, pictures: Mapping[str, Tensor]
) -> dict[str, Tensor]:
    """What a model for any style would paint these with: a good beginning."""
    return {
        name: predictor(summaries_of(encoder, picture, STYLE_LAYERS))[0]
        for name, picture in pictures.items()
    }


def _unseen(folder: str, args: argparse.Namespace) -> list[Path]:
    """The pictures of a folder that are held back; all of them if none are."""
    paths = list_pictures(folder)
    return [path for path in paths if args.hold_back and held_back(path)] or paths
