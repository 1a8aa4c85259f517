"""``impasto train per-style|multi-style|any-style``: one-pass networks."""

from __future__ import annotations

import argparse
import contextlib
import hashlib
import json
import shutil
from collections.abc import Mapping, Sequence
from dataclasses import asdict, replace
from functools import partial
from pathlib import Path
from typing import Any, NamedTuple

import torch
from torch import Tensor

from impasto import images
from impasto.cli.shared import training_start
from impasto.cli.shared.exit_codes import INTERRUPTED
from impasto.cli.shared.messages import counted_noun, flag, say
from impasto.cli.shared.problems import Problems
from impasto.cli.shared.training_progress import (
    check_training_options,
    picture_paths,
    read_crops,
    report_skipped,
    run_folder,
    save_model,
    training_progress,
)
from impasto.cli.shared.training_start import encoder_digest, starting_model
from impasto.cli.shared.training_validation import TABLE, ValidationLog
from impasto.encoders.vgg import Encoder
from impasto.errors import ImageError, InputDataError, OptionError, WeightsError
from impasto.networks.base import StyleReader
from impasto.networks.files import save_network
from impasto.networks.model import IDENTITY
from impasto.runtime.files import absolute, shown
from impasto.runtime.interrupts import StepAbandoned
from impasto.training.any_style import AnyStyleTraining
from impasto.training.crops import Crops, digest_of, held_out
from impasto.training.distributed import Workers, launched_workers
from impasto.training.fixed_styles import FixedStylesTraining
from impasto.training.loop import run as run_training
from impasto.training.network import OnePassTraining, summaries_of
from impasto.training.settings import PRESETS, OnePassSettings
from impasto.training.style_measurements import FOLDER
from impasto.training.style_weights import read_style_weights
from impasto.training.tensorboard import TensorBoardLog
from impasto.training.two_encoders import TwoEncoderLosses
from impasto.training.validation import Pair, Validation, read_evenly_spaced, read_pairs
from impasto.weights.open import absolute_name, open_encoder

_VALIDATION_PAIRS, _VALIDATION_SIDE = 6, 320


class _Training(NamedTuple):
    """A training ready to run.

    Attributes:
        task: The training itself.
        pairs: Validation pairs.
        about: What their pictures are, in words.
        checkpoint_settings: What else its steps depend on.
    """

    task: OnePassTraining
    pairs: list[Pair]
    about: str
    checkpoint_settings: dict[str, Any]


def run(args: argparse.Namespace) -> int:
    """Train, write the model, and return the exit code."""
    workers = launched_workers(args.device)
    args.quiet = args.quiet or workers.rank > 0
    settings = _settings(args)
    _check(args, settings, workers)
    args.encoder = absolute_name(args.encoder)
    encoder = open_encoder(args.encoder)
    judges, judges_settings = _judges(args, settings, workers)
    contents = read_crops(args.content, settings.crop, args)
    prepare = _any_style if args.what == "any-style" else _fixed_styles
    task, pairs, about, more_settings = prepare(args, encoder, contents, settings, workers, judges)
    checkpoint_settings = {
        **judges_settings,
        "encoder": f"{Path(args.encoder).stem} ({encoder_digest(encoder)})",
        "content": contents.name,
        **more_settings,
        **asdict(task.settings),
    }
    output = absolute(args.output)  # the working folder may be removed during the training
    folder = absolute(run_folder(args))
    identity = hashlib.blake2b(json.dumps(checkpoint_settings).encode(), digest_size=4)
    task.keep_measurements(folder / FOLDER / identity.hexdigest())
    is_main, problems = workers.rank == 0, Problems()
    tensorboard = TensorBoardLog(folder) if args.tensorboard and is_main else None
    validation = ValidationLog(
        task, Validation(encoder, pairs), about, folder, quiet=args.quiet, tensorboard=tensorboard,
        problems=problems, is_alone=workers.count == 1,
    )  # fmt: skip
    stopped = False
    steps = run_training(
        task, folder, steps=args.steps, settings=checkpoint_settings, writes=is_main,
        tables=[TABLE],
    )  # fmt: skip
    with (
        training_progress(
            args.steps,
            quiet=args.quiet,
            tensorboard=tensorboard,
            problems=problems,
            # A step's work is nearly proportional to the pixels of its crops.
            cost=lambda step: settings.crop_at(step, args.steps) ** 2,
        ) as (stop, show),
        contextlib.closing(steps),  # type: ignore[type-var]
        contextlib.suppress(StepAbandoned),  # of a validation
    ):
        for step in steps:
            show(step)
            is_last = step.step == args.steps
            if is_main and (is_last or step.step % args.validate_every == 0):
                validation.validate(step.step)
            if workers.any(stop.made) and not is_last:
                stopped = True
                break
    if stopped or stop.abandoned:
        if is_main:
            say(f"stopped; the same command continues from {shown(folder)}")
        workers.wait()  # a launcher ends all processes with the first, and this one may write
        return INTERRUPTED
    if is_main:
        save = partial(save_network, model=task.model(), dtype=torch.float16)
        save_model(output, save, args.steps)
        shutil.rmtree(folder / FOLDER, ignore_errors=True)
    workers.wait()
    return 0


_DIRECT = "batch", "crop", "tv_weight", "even_weight", "learning_rate", "precision", "seed"
"""Options that are entries of the settings, unchanged."""


def _settings(args: argparse.Namespace) -> OnePassSettings:
    settings = PRESETS[args.preset]
    given = {name: getattr(args, name) for name in _DIRECT if getattr(args, name) is not None}
    if args.crop is not None:
        given["first_crop"] = min(settings.first_crop, args.crop)
    if args.start is not None or args.add_style is not None:
        given["first_share"] = 0.0  # small crops are for the start of training
    if args.content_weight is not None:
        given["content_layers"] = {
            name: args.content_weight * weight for name, weight in settings.content_layers.items()
        }
    return replace(settings, **given)


def _check(args: argparse.Namespace, settings: OnePassSettings, workers: Workers) -> None:
    """Refuse wrong options before hours of work."""
    check_training_options(args, kind="a model file")
    if settings.batch % workers.count:
        raise OptionError(
            f"--batch {settings.batch} cannot be shared evenly by {workers.count} processes: "
            f"choose a multiple of {workers.count}."
        )
    if args.what != "any-style" and args.style_size < 64:
        raise OptionError(f"--style-size must be 64 or more, not {args.style_size}.")
    for name in ("content_weight", "tv_weight", "even_weight"):
        value = getattr(args, name)
        if value is not None and not 0 <= value < float("inf"):
            raise OptionError(f"{flag(name)} must be 0 or more, not {value}.")
    training_start.check(args)


def _judges(
    args: argparse.Namespace, settings: OnePassSettings, workers: Workers
) -> tuple[TwoEncoderLosses | None, dict[str, Any]]:
    """The losses of two encoders, if the preset has them, and what a checkpoint says of them."""
    given = {name: getattr(args, name) for name in ("fine_encoder", "deep_encoder")}
    if settings.two_encoders is None:
        for name, value in given.items():
            if value is not None:
                presets = " or ".join(name for name, of in PRESETS.items() if of.two_encoders)
                raise OptionError(
                    f"{flag(name)} needs --preset {presets}: give that, or leave it out."
                )
        return None, {}
    fine = open_encoder(given["fine_encoder"] or "vgg19")
    deep = fine if given["deep_encoder"] is None else open_encoder(given["deep_encoder"])
    digests = {"fine encoder": encoder_digest(fine), "deep encoder": encoder_digest(deep)}
    return TwoEncoderLosses(fine, deep, settings, workers.device), digests


def _any_style(
    args: argparse.Namespace,
    encoder: Encoder,
    contents: Crops,
    settings: OnePassSettings,
    workers: Workers,
    judges: TwoEncoderLosses | None,
) -> _Training:
    model, start_settings = starting_model(args, encoder, settings.seed)
    if model.styles:
        raise WeightsError(f"{args.start} is a model of fixed styles: begin with another.")
    predictor = model.predictor
    if predictor is not None:
        predictor.requires_grad_(True).train()
    weigh = None if args.style_weights is None else read_style_weights(args.style_weights)
    styles = read_crops(args.style, settings.crop, args, weigh)
    task = AnyStyleTraining(
        model.network, encoder, args.encoder, contents, styles, settings,
        predictor=predictor, workers=workers, judges=judges,
    )  # fmt: skip
    photographs, are_unseen = _looked_at(args.content, args)
    paintings, are_new = _looked_at(args.style, args)
    pairs = read_pairs(photographs, paintings, _VALIDATION_PAIRS, _VALIDATION_SIDE)
    unseen = {"photographs": are_unseen, "styles": are_new}
    return _Training(task, pairs, _about(unseen), {"style": styles.name, **start_settings})


def _fixed_styles(
    args: argparse.Namespace,
    encoder: Encoder,
    contents: Crops,
    settings: OnePassSettings,
    workers: Workers,
    judges: TwoEncoderLosses | None,
) -> _Training:
    model, start_settings = starting_model(args, encoder, settings.seed)
    least = encoder.minimum_side(settings.style_layers)
    pictures = _style_pictures(args, least)
    names = list(pictures)
    start = dict(model.styles)
    frozen: tuple[str, ...] = ()
    if args.add_style:
        if not set(start) - {IDENTITY}:
            raise OptionError(f"{args.add_style} has no styles of its own: --start with it.")
        if taken := sorted(set(names) & set(start)):
            raise OptionError(f"The model has a style {taken[0]} already: rename the picture.")
        model.network.requires_grad_(False).eval()
        frozen = tuple(start)
        settings = replace(settings, own_style=0.0)
        mean = torch.stack([start[name] for name in start if name != IDENTITY]).mean(0)
        start |= dict.fromkeys(names, mean)
    elif model.predictor is not None:
        start = _predicted(model.predictor, encoder, pictures)
    else:
        start = {name: vector for name, vector in start.items() if name in (*names, IDENTITY)}
    task = FixedStylesTraining(
        model.network, encoder, args.encoder, contents, pictures, settings,
        start=start, frozen=frozen, workers=workers, judges=judges,
    )  # fmt: skip
    looked_at, is_unseen = _looked_at(args.content, args)
    photographs = read_evenly_spaced(looked_at, len(names), _VALIDATION_SIDE)
    pairs = [
        Pair(photograph, images.Picture(pictures[name]), name)
        for name, photograph in zip(names, photographs, strict=True)
    ]
    checkpoint_settings = {
        **start_settings,
        "style": f"{', '.join(names)} ({digest_of(pictures.values())})",
        "styles": ", ".join(task.table.names),
    }
    return _Training(task, pairs, _about({"photographs": is_unseen}), checkpoint_settings)


def _style_pictures(args: argparse.Namespace, least: int) -> dict[str, Tensor]:
    """Name → style picture (1, 3, H, W), ``least`` pixels each way or more."""
    given: Sequence[str] = [args.style] if isinstance(args.style, str) else args.style
    pictures: dict[str, Tensor] = {}
    for place in given:
        paths = picture_paths(place)
        if args.what == "per-style" and len(paths) > 1:
            raise OptionError(
                f"{place} holds {len(paths)} pictures and per-style is of one: name the picture, "
                "or train multi-style."
            )
        skipped, before = [], len(pictures)
        for path in paths:
            try:
                picture = _style_picture(path, args.style_size, least)
            except ImageError:
                if path == Path(place):  # named by the user
                    raise
                skipped.append(path)
                continue
            if path.stem in (IDENTITY, *pictures):
                raise OptionError(
                    "Each style picture needs a file name of its own, and not "
                    f"{IDENTITY!r}: rename {path}."
                )
            pictures[path.stem] = picture
        if len(pictures) == before:
            raise InputDataError(
                f"None of {counted_noun(len(paths), 'picture')} in {place} can be a style."
            )
        report_skipped(place, skipped, args)
    return pictures


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
    predictor: StyleReader, encoder: Encoder, pictures: Mapping[str, Tensor]
) -> dict[str, Tensor]:
    """The vectors that a model for any style predicts: a good start."""
    return {
        name: predictor(summaries_of(encoder, picture, predictor.layers))[0]
        for name, picture in pictures.items()
    }


def _looked_at(folder: str, args: argparse.Namespace) -> tuple[list[Path], bool]:
    """The validation pictures of a folder, and whether they are not trained on.

    They are all pictures if none are held back.
    """
    paths = picture_paths(folder)
    unseen = [] if paths == [Path(folder)] else held_out(paths, args.hold_back)
    return unseen or paths, bool(unseen)


def _about(unseen: Mapping[str, bool]) -> str:
    """What the validation pictures are: kind → whether they are not trained on."""
    kinds = {
        is_unseen: " and ".join(kind for kind, known in unseen.items() if known == is_unseen)
        for is_unseen in (True, False)
    }
    words = {True: "not trained on", False: "trained on, since none are held back"}
    return ", ".join(f"{kinds[known]} {words[known]}" for known in words if kinds[known])
