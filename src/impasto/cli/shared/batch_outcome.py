"""What became of the pictures of a batch: counted, printed, and turned into an exit code."""

from __future__ import annotations

import argparse
from dataclasses import dataclass, field
from pathlib import Path

from impasto.cli.shared.batch import BatchItem
from impasto.cli.shared.event_lines import prints_events
from impasto.cli.shared.exit_codes import INTERRUPTED, WRONG_INPUT
from impasto.cli.shared.messages import counted_noun, print_json, say, sentence, warn
from impasto.errors import ImpastoError, with_file_name
from impasto.jobs.display import clock


@dataclass
class Outcome:
    """What became of the pictures of a batch.

    Attributes:
        painted: Each picture with the seconds for painting it.
        failed: Each picture, or folder, with a sentence.
        is_stopped: Whether Ctrl-C ended the batch.
        seconds: In all, if several were painted at a time.
    """

    painted: list[tuple[BatchItem, float]] = field(default_factory=list)
    failed: list[tuple[Path, str]] = field(default_factory=list)
    is_stopped: bool = False
    seconds: float | None = None

    def add_failure(self, item: BatchItem, error: ImpastoError) -> None:
        """Note why there is no picture."""
        self.failed.append((item.source, sentence(with_file_name(item.source, error))))


def print_outcome(
    outcome: Outcome,
    count: int,
    skipped: int,
    args: argparse.Namespace,
    *,
    continuing: str = "the same command continues",
) -> int:
    """Print it, and return the exit code.

    Args:
        outcome: Of the pictures that were to be painted.
        count: Number of all pictures.
        skipped: Number of those that had been made before.
        args: ``json``, ``quiet`` and ``output``.
        continuing: How to paint the others after Ctrl-C.
    """
    if args.json:
        described = {
            "made": [
                {"content": str(w.source), "output": str(w.output), "seconds": round(s, 4)}
                for w, s in outcome.painted
            ],
            "failed": [{"content": str(path), "error": e} for path, e in outcome.failed],
            "skipped": skipped,
        }
        print_json(described)
    elif not (args.quiet or prints_events(args)):
        if count == 1 and outcome.painted:
            item, seconds = outcome.painted[0]
            say(f"{item.output}: painted in {seconds:.2f} s")
        elif outcome.painted:
            total = outcome.seconds or sum(seconds for _, seconds in outcome.painted)
            pictures = counted_noun(len(outcome.painted), "picture")
            say(f"{args.output}: {pictures} painted in {clock(total)}")
        if skipped:
            skipped_ones = counted_noun(skipped, "picture", "exist")
            subject = f"{args.output} exists" if count == 1 else skipped_ones
            say(f"{subject} already, made in the same way: kept (--overwrite replaces)")
        if outcome.is_stopped:
            say(f"stopped; {continuing}")
    for error in dict.fromkeys(error for _, error in outcome.failed):
        warn(error)
    if outcome.is_stopped:
        return INTERRUPTED
    return WRONG_INPUT if outcome.failed else 0
