"""Damaged and hostile files through every door that reads one.

    python benchmarks/fuzz.py --seconds 600
    python benchmarks/fuzz.py --seconds 60 --kind pictures --seed 7
    python benchmarks/fuzz.py --replay FILE …

Seeds are small valid files, made by ``fuzz_seeds.py``, and those in ``fuzz_cases/KIND/``, each of
which once was a fault. They are mutated by ``fuzz_mutations.py``. A case passes if it is read, or
refused by an ``ImpastoError`` of one printable line, in bounded time and memory. Any other outcome
is a fault: its file is kept and named, and the exit code is 1. Cases run in processes of their own,
so that a crash is a fault, too.
"""

from __future__ import annotations

import argparse
import contextlib
import io
import multiprocessing
import random
import sys
import time
import traceback
import warnings
from collections.abc import Callable, Iterator, Mapping
from multiprocessing.connection import Connection
from pathlib import Path

import torch

from fuzz_mutations import mutated, png_chunk
from fuzz_seeds import (
    Seeds,
    checkpoint_seeds,
    gradient,
    metadata_seeds,
    model_seeds,
    picture_seeds,
    recipe_seeds,
    tiny_painter,
)
from impasto import images
from impasto.cli.commands.rerun import describe
from impasto.encoders.files import load_encoder
from impasto.errors import ImpastoError
from impasto.jobs.checkpoints import load_checkpoint
from impasto.jobs.existing import find_existing, is_own_file
from impasto.jobs.provenance import read_provenance
from impasto.jobs.request_json import from_metadata
from impasto.jobs.requests import PaintRequest, StyleInput
from impasto.networks.files import load_network, read_description
from impasto.recipes.presets import get_recipe
from impasto.regions.label_images import read_colour_masks
from impasto.regions.masks import read_grey_mask
from impasto.reports.gallery import read_card
from impasto.runtime.memory import peak_bytes

KEPT = Path(__file__).with_name("fuzz_cases")
"""Kind → files that were faults once."""

LONGEST_SECONDS = 3.0
"""Of processor time for one case."""

MOST_BYTES = 600e6
"""That the peak of the process's memory may grow by one case."""

MAX_PIXELS = 1_000_000


def read_picture(path: Path) -> None:
    """As content, and as a picture whose metadata matter."""
    _each(
        lambda: images.read(path, long_side=16, max_pixels=MAX_PIXELS),
        lambda: images.read_metadata(path),
        lambda: is_own_file(path),
    )


def read_mask(path: Path) -> None:
    """As a grey mask and as a label picture."""
    size = (20, 24)
    _each(
        lambda: read_grey_mask(path, size, max_pixels=MAX_PIXELS),
        lambda: read_colour_masks(path, path, size, size, max_pixels=MAX_PIXELS),
    )


def read_model(path: Path) -> None:
    """As an encoder, a one-pass network, and what a list of models reads of it."""
    _each(lambda: load_encoder(path), lambda: load_network(path), lambda: read_description(path))


def read_recipe(path: Path) -> None:
    """As ``--recipe``."""
    _each(lambda: get_recipe(path))


def read_metadata(path: Path) -> None:
    """As the metadata of a picture: for rerun, the gallery, evaluation and existing outputs."""
    picture = path.with_suffix(".png")
    chunk = b"impasto\0\0\0\0\0" + path.read_bytes()
    _with_text(picture, chunk)
    metadata: dict[str, str] = {}
    with contextlib.suppress(ImpastoError):
        metadata = images.read_metadata(picture)
    anything = PaintRequest("c.jpg", (StyleInput("a.jpg"),))

    def rerun() -> None:
        request = from_metadata(metadata)
        if request is not None:
            describe(request)
            assert request.files is not None

    _each(
        rerun,
        lambda: read_provenance(metadata),
        lambda: read_card(picture, folder=path.parent, page=path.with_name("page.html")),
        lambda: find_existing(picture, anything),
    )


def read_checkpoint(path: Path) -> None:
    """As ``--resume``."""
    _each(lambda: load_checkpoint(path, tiny_painter()))


def _each(*calls: Callable[[], object]) -> None:
    """Make every call; errors of Impasto must be one printable line."""
    for call in calls:
        try:
            call()
        except ImpastoError as error:  # noqa: PERF203
            text = str(error)
            assert text.isprintable() or "\u00a0" in text, f"not one printable line: {text!r}"
            assert 10 < len(text) < 12_000, f"a message of {len(text)} characters"


def _with_text(path: Path, chunk: bytes) -> None:
    """A picture with a text chunk, whatever it contains."""
    stream = io.BytesIO()
    gradient("RGB", (8, 8)).save(stream, "PNG")
    data = stream.getvalue()
    end = data.rindex(b"IEND") - 4
    path.write_bytes(data[:end] + png_chunk(b"iTXt", chunk) + data[end:])


KINDS: Mapping[str, tuple[Callable[[], Seeds], Callable[[Path], None]]] = {
    "pictures": (picture_seeds, read_picture),
    "masks": (picture_seeds, read_mask),
    "models": (model_seeds, read_model),
    "recipes": (recipe_seeds, read_recipe),
    "metadata": (metadata_seeds, read_metadata),
    "checkpoints": (checkpoint_seeds, read_checkpoint),
}
"""Kind → its seeds, and the door that reads a file of it."""


class Fuzzer:
    """Cases of one kind, each from a number.

    Args:
        kind: One of ``KINDS``.
        folder: For the file of the case.
    """

    def __init__(self, kind: str, folder: Path) -> None:
        make_seeds, self.door = KINDS[kind]
        kept = KEPT / kind
        seeds = make_seeds()
        if kept.is_dir():
            seeds |= {path.name: path.read_bytes() for path in sorted(kept.iterdir())}
        self.names, self.seeds, self._folder = list(seeds), seeds, folder

    def case(self, number: int) -> Path:
        """Write the file of a case: the seeds first, as they are, then mutated ones."""
        chance = random.Random(number)
        name = self.names[number % len(self.names)]
        data = self.seeds[name]
        if number >= len(self.names):
            data = mutated(data, self.seeds[chance.choice(self.names)], chance)
        path = self._folder / f"case-{number}{Path(name).suffix}"
        path.write_bytes(data)
        return path

    def fault(self, path: Path) -> str:
        """What is wrong with how a file is read; empty if nothing is."""
        before, started = peak_bytes(), time.process_time()
        try:
            with warnings.catch_warnings():
                warnings.simplefilter("ignore")
                self.door(path)
        except Exception:  # anything that is not a sentence
            return traceback.format_exc()
        taken, grown = time.process_time() - started, peak_bytes() - before
        if taken > LONGEST_SECONDS:
            return f"it took {taken:.1f} s"
        return f"it took {grown / 1e6:.0f} MB of memory" if grown > MOST_BYTES else ""

    def faults(self, first: int, seconds: float) -> Iterator[tuple[int, Path, str]]:
        """Run cases for a while; yields number, file and fault, which is empty if there is none."""
        until, number = time.monotonic() + seconds, first
        while time.monotonic() < until:
            path = self.case(number)
            fault = self.fault(path)
            yield number, path, fault
            if not fault:
                for made in self._folder.glob(f"case-{number}.*"):
                    made.unlink()
            number += 1


# --- processes ------------------------------------------------------------------------------------


def run(kind: str, seed: int, seconds: float, folder: Path) -> tuple[int, list[str]]:
    """Run cases of a kind in processes of their own.

    Returns:
        The number of cases, and a description of each fault; its file stays in the folder.
    """
    context = multiprocessing.get_context("spawn")
    number, faults, until = seed, [], time.monotonic() + seconds
    while (left := until - time.monotonic()) > 0:
        receiver, sender = context.Pipe(duplex=False)
        process = context.Process(target=_work, args=(kind, number, left, folder, sender))
        process.start()
        sender.close()
        with contextlib.suppress(EOFError):
            while True:
                number, path, fault = receiver.recv()
                if fault:
                    faults.append(f"{path}\n{fault}")
                number += 1
        process.join()
        if process.exitcode:  # the case after the last that was reported
            faults.append(f"{folder}/case-{number}.*\nthe process ended: {process.exitcode}")
            number += 1
    return number - seed, faults


def _work(kind: str, first: int, seconds: float, folder: Path, pipe: Connection) -> None:
    """Run cases and report each: the work of a process."""
    torch.set_num_threads(1)  # threads that wait for each other use processor time, too
    for number, path, fault in Fuzzer(kind, folder).faults(first, seconds):
        pipe.send((number, str(path), fault))


def replay(paths: list[Path]) -> list[str]:
    """Read files again whose folder is called after their kind; the faults."""
    faults = []
    for path in paths:
        fault = Fuzzer(path.resolve().parent.name, path.parent).fault(path)
        faults += [f"{path}\n{fault}"] if fault else []
    return faults


def main() -> int:
    """Run the script; the exit code is 1 if there was a fault."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seconds", type=float, default=600, help="time for all kinds [600]")
    parser.add_argument("--kind", choices=tuple(KINDS), action="append", help="[all]")
    parser.add_argument("--seed", type=int, default=0, help="number of the first case [0]")
    parser.add_argument("--keep", type=Path, default=Path("fuzz-faults"), help="for faulty files")
    parser.add_argument("--replay", type=Path, nargs="+", help="read these files instead")
    args = parser.parse_args()
    if args.replay:
        faults = replay(args.replay)
    else:
        faults, kinds = [], args.kind or list(KINDS)
        for kind in kinds:
            folder = args.keep / kind
            folder.mkdir(parents=True, exist_ok=True)
            count, found = run(kind, args.seed, args.seconds / len(kinds), folder)
            print(f"{kind}: {count} cases, {len(found)} faults", flush=True)
            faults += found
    print("\n\n".join(faults))
    return int(bool(faults))


if __name__ == "__main__":
    sys.exit(main())
