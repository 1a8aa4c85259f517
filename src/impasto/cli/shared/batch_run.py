"""The pictures of a batch painted one after another, by whatever paints one."""

from __future__ import annotations

import argparse
from collections.abc import Callable, Sequence
from pathlib import Path

from impasto.cli.shared.batch import BatchItem
from impasto.cli.shared.batch_outcome import Outcome
from impasto.cli.shared.messages import sentence
from impasto.cli.shared.outputs import is_made
from impasto.cli.shared.save_options import existing_options
from impasto.errors import ImpastoError, OptionError
from impasto.jobs.requests import PaintRequest, StylizeRequest
from impasto.runtime.interrupts import StepAbandoned, StopRequest


def unmade(
    items: Sequence[BatchItem],
    request: PaintRequest | StylizeRequest,
    args: argparse.Namespace,
    *,
    is_wanted: Callable[[BatchItem], bool] = lambda item: False,
) -> tuple[list[BatchItem], list[tuple[Path, str]]]:
    """The pictures that are not made yet, and those whose output is something else.

    Args:
        items: All pictures.
        request: Of the first.
        args: Options of files that exist (:func:`existing_options`).
        is_wanted: Whether a picture is to be painted although it is there.
    """
    todo: list[BatchItem] = []
    refused: list[tuple[Path, str]] = []
    for item in items:
        its_request = item.request(request)
        try:
            made = is_made(item.output, its_request, **existing_options(args))
            if not made or is_wanted(item):
                todo.append(item)
        except OptionError as error:
            refused.append((item.source, sentence(error)))
    return todo, refused


def paint_in_turn(
    items: Sequence[BatchItem],
    paint: Callable[[int, BatchItem], None],
    outcome: Outcome,
    interrupt: StopRequest | None = None,
) -> None:
    """Paint each picture; one that cannot be painted does not end the others.

    Args:
        items: The pictures.
        paint: Paints one, given its number from 0. It raises :class:`StepAbandoned` to end all.
        outcome: Is told what failed, and whether all was stopped.
        interrupt: Ends all after the current picture.
    """
    for number, item in enumerate(items):
        try:
            paint(number, item)
        except StepAbandoned:
            outcome.is_stopped = True
            return
        except ImpastoError as error:
            outcome.add_failure(item, error)
        if interrupt is not None and interrupt.made:
            outcome.is_stopped = True
            return
