"""``impasto train``: train encoders and one-pass networks."""

from __future__ import annotations

import argparse
import contextlib
from dataclasses import asdict
from functools import partial

import torch

from impasto.cli.commands import train_networks
from impasto.cli.shared.exit_codes import INTERRUPTED
from impasto.cli.shared.messages import say
from impasto.cli.shared.problems import Problems
from impasto.cli.shared.training_progress import (
    check_training_options,
    read_crops,
    run_folder,
    save_model,
    training_progress,
)
from impasto.encoders.files import save_encoder
from impasto.errors import OptionError
from impasto.runtime.devices import find_training_device
from impasto.runtime.files import absolute, shown
from impasto.training.crops import digest_of
from impasto.training.distillation import Distillation, DistillSettings
from impasto.training.loop import run as run_training
from impasto.training.tensorboard import TensorBoardLog
from impasto.weights.open import open_encoder


def run(args: argparse.Namespace) -> int:
    """Run the chosen ``train`` command and return the exit code."""
    return _encoder(args) if args.what == "encoder" else train_networks.run(args)


def _encoder(args: argparse.Namespace) -> int:
    """Train, write the encoder, and return the exit code."""
    settings = DistillSettings(
        pooling=args.pooling,
        painted=args.painted,
        crop=args.crop,
        learning_rate=args.learning_rate,
        bias_rate=args.learning_rate / 2,
        precision=args.precision or DistillSettings.precision,
        seed=args.seed,
    )
    check_training_options(args, kind="an encoder file")
    if not 0 <= args.painted <= DistillSettings.pool:
        raise OptionError(f"--painted must be 0 to {DistillSettings.pool}, not {args.painted}.")
    device = find_training_device(args.device)
    teacher = open_encoder(args.teacher)
    start = open_encoder(args.start) if args.start else None
    fine = open_encoder(args.fine_teacher) if args.fine_teacher else None
    photographs = read_crops(args.content, settings.crop, args)
    paintings = read_crops(args.style, settings.crop, args)
    checkpoint_settings = {
        "teacher": digest_of(teacher.state_dict().values()),
        "start": digest_of(start.state_dict().values()) if start else None,
        **({"fine teacher": digest_of(fine.state_dict().values())} if fine else {}),
        "content": photographs.name,
        "style": paintings.name,
        **asdict(settings),
    }
    task = Distillation(
        teacher, photographs, paintings, settings, start=start, fine=fine, device=device
    )
    output = absolute(args.output)  # the working folder may be removed during the training
    folder = absolute(run_folder(args))
    tensorboard, problems = TensorBoardLog(folder) if args.tensorboard else None, Problems()
    stopped = False
    steps = run_training(task, folder, steps=args.steps, settings=checkpoint_settings)
    with (
        training_progress(
            args.steps, quiet=args.quiet, tensorboard=tensorboard, problems=problems
        ) as (stop, show),
        contextlib.closing(steps),  # type: ignore[type-var]
    ):
        for step in steps:
            show(step)
            if stop.made and step.step < args.steps:
                stopped = True
                break
    if stopped or stop.abandoned:
        say(f"stopped; the same command continues from {shown(folder)}")
        return INTERRUPTED
    card = {"licence": "MIT", "teacher": str(args.teacher), "steps": str(args.steps)}
    encoder = task.encoder()
    save = partial(save_encoder, encoder=encoder, dtype=torch.float16, card=card)
    save_model(output, save, args.steps)
    return 0
