"""How well Impasto shares the cores: paintings at once, beside other work, and many in one command.

    python benchmarks/sharing.py                    # all of it; leave the machine alone
    python benchmarks/sharing.py --json figures.json
    python benchmarks/sharing.py --policies         # also other ways to wait, some minutes
    python benchmarks/sharing.py --quick            # does it run? (its figures mean nothing)

PAINTINGS. Each is a program of its own, ``impasto paint`` of the first bundled pair with the
default recipe. Seconds are those of the painting, without the start of the program.

  alone             one; the least of --repeats
  alone, libgomp    one whose threads wait as libgomp has it (GOMP_SPINCOUNT=300000), in turns with
                    ``alone``: what a lone painting took before the waits were changed
  two, three        as many started at the same time; the seconds of the slowest
  beside a loop     one, while another program keeps a core busy for ever

  × alone           seconds over those of ``alone``
  at most           what is to be reached on two cores

MANY IN ONE COMMAND. Whole seconds of the command, with its start.

  compare           --cells cells that differ in their seed: one at a time with one thread, one at a
                    time with all, and as many at a time as cores
  folder            --photos pictures of 1024 px in one pass: on one core, on all

  × first           throughput over that of the first row

WAYS TO WAIT (--policies). Seconds alone, two at once and beside a loop, for each.
"""

from __future__ import annotations

import argparse
import contextlib
import json
import os
import platform
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import torch

from impasto import images
from impasto.images.samples import PAIRS

PAIR = next(iter(PAIRS.values()))

WAITING = ("OMP_WAIT_POLICY", "GOMP_SPINCOUNT", "KMP_BLOCKTIME", "KMP_LIBRARY", "OMP_NUM_THREADS")

ADAPTIVE: Mapping[str, str] = {}
LIBGOMP = {"GOMP_SPINCOUNT": "300000"}

POLICIES = {
    "adaptive (the program's)": ADAPTIVE,
    "libgomp's default": LIBGOMP,
    "spins 100000": {"GOMP_SPINCOUNT": "100000"},
    "spins 10000": {"GOMP_SPINCOUNT": "10000"},
    "spins 3000": {"GOMP_SPINCOUNT": "3000"},
    "passive": {"OMP_WAIT_POLICY": "passive"},
    "one thread": {"OMP_NUM_THREADS": "1"},
}


def main() -> None:
    options = parser().parse_args()
    if options.quick:
        options.size, options.cells, options.photos, options.repeats = 64, 2, 2, 1
    with tempfile.TemporaryDirectory() as folder:
        bench = Sharing(Path(folder), options)
        environment = {
            "cpu": platform.processor() or platform.machine(),
            "cores": len(os.sched_getaffinity(0)) if sys.platform == "linux" else os.cpu_count(),
            "threads": torch.get_num_threads(),
            "torch": torch.__version__,
            "size": options.size,
        }
        print(", ".join(f"{name} {value}" for name, value in environment.items()))
        figures = {"environment": environment, "paintings": bench.paintings()}
        figures["many"] = bench.many()
        if options.policies:
            figures["policies"] = bench.policies()
    if options.json:
        options.json.write_text(json.dumps(figures, indent=2) + "\n", encoding="utf-8")


def parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    add = parser.add_argument
    add("--size", type=int, default=512, help="long side of a painting [512]")
    add("--repeats", type=int, default=3, help="of each painting [3]")
    add("--cells", type=int, default=12, help="of compare [12]")
    add("--photos", type=int, default=24, help="in the folder [24]")
    add("--policies", action="store_true", help="also other ways to wait")
    add("--quick", action="store_true", help="only whether it runs")
    add("--json", type=Path, metavar="FILE", help="write all figures")
    return parser


class Sharing:
    """The measurements.

    Args:
        folder: For everything that is painted.
        options: Of the command line.
    """

    def __init__(self, folder: Path, options: argparse.Namespace) -> None:
        self._folder, self._options = folder, options
        self._few = ["--steps", "1", "--final-steps", "1"] if options.quick else []
        self._number = 0

    def paintings(self) -> list[dict[str, Any]]:
        print("\n| paintings | seconds | × alone | at most |\n|---|---|---|---|")
        repeats = self._options.repeats
        alone, before = [], []
        for _ in range(repeats):
            alone.append(self._paint(1))
            before.append(self._paint(1, LIBGOMP))
        rows = [self._row("alone", min(alone), min(alone), None)]
        rows.append(self._row("alone, libgomp", min(before), min(alone), None))
        for name, count, most in (("two", 2, 2.1), ("three", 3, 3.15)):
            seconds = statistics.median(self._paint(count) for _ in range(repeats))
            rows.append(self._row(name, seconds, min(alone), most))
        with busy_loop():
            seconds = statistics.median(self._paint(1) for _ in range(repeats))
        rows.append(self._row("beside a loop", seconds, min(alone), 2.1))
        return rows

    def many(self) -> list[dict[str, Any]]:
        print("\n| many in one command | seconds | × first | at least |\n|---|---|---|---|")
        one = {"OMP_NUM_THREADS": "1"}
        cores = str(torch.get_num_threads())
        rows = []
        ways: Sequence[tuple[str, list[str], Mapping[str, str], float | None]] = (
            ("compare, one at a time, one thread", ["--workers", "1"], one, None),
            ("compare, one at a time, all threads", ["--workers", "1"], {}, None),
            (f"compare, {cores} at a time", ["--workers", cores], {}, 1.7),
        )
        first = 0.0
        for name, words, environment, least in ways:
            seconds = self._compare(words, environment)
            first = first or seconds
            rows.append(self._throughput(name, seconds, first, least))
        photos = self._photos()
        first = 0.0
        for name, environment in (("folder, one core", one), ("folder, all cores", {})):
            words = [str(photos), "--style", str(PAIR.style_path), "-o", self._new("")]
            seconds = timed(["stylize", *words], environment)
            first = first or seconds
            rows.append(self._throughput(name, seconds, first, None))
        return rows

    def policies(self) -> list[dict[str, Any]]:
        print("\n| ways to wait | alone | two | beside a loop |\n|---|---|---|---|")
        rows = []
        for name, environment in POLICIES.items():
            alone = min(self._paint(1, environment) for _ in range(self._options.repeats))
            two = self._paint(2, environment)
            with busy_loop():
                beside = self._paint(1, environment)
            rows.append({"policy": name, "alone": alone, "two": two, "beside": beside})
            print(f"| {name} | {alone:.2f} | {two:.2f} | {beside:.2f} |", flush=True)
        return rows

    def _paint(self, count: int, environment: Mapping[str, str] = ADAPTIVE) -> float:
        """Seconds of the slowest of some paintings that are made at once."""
        words = ["paint", str(PAIR.content_path), str(PAIR.style_path), "--json", *self._few]
        words += ["--size", str(self._options.size)]
        running = [start([*words, "-o", self._new(".png")], environment) for _ in range(count)]
        printed = [process.communicate()[0] for process in running]
        return max(float(json.loads(text)["seconds"]) for text in printed)

    def _compare(self, words: list[str], environment: Mapping[str, str]) -> float:
        seeds = ",".join(map(str, range(1, self._options.cells + 1)))
        size = ["--size", str(max(64, self._options.size // 2)), *self._few]
        pair = [str(PAIR.content_path), str(PAIR.style_path)]
        output = ["--sweep", f"seed={seeds}", "-o", self._new(".png"), "--quiet"]
        return timed(["compare", *pair, *size, *output, *words], environment)

    def _photos(self) -> Path:
        folder = self._folder / "photos"
        folder.mkdir()
        side = 128 if self._options.quick else 1024
        photo = images.read(PAIR.content_path, long_side=side)
        for number in range(self._options.photos):
            images.write(folder / f"{number}.jpg", photo.tensor)
        return folder

    def _new(self, suffix: str) -> str:
        self._number += 1
        return str(self._folder / f"{self._number}{suffix}")

    def _row(self, name: str, seconds: float, alone: float, most: float | None) -> dict[str, Any]:
        ratio = seconds / alone
        print(f"| {name} | {seconds:.2f} | {ratio:.2f} | {most or ''} |", flush=True)
        return {"name": name, "seconds": seconds, "ratio": ratio, "at_most": most}

    def _throughput(
        self, name: str, seconds: float, first: float, least: float | None
    ) -> dict[str, Any]:
        ratio = first / seconds
        print(f"| {name} | {seconds:.2f} | {ratio:.2f} | {least or ''} |", flush=True)
        return {"name": name, "seconds": seconds, "ratio": ratio, "at_least": least}


def start(words: Sequence[str], environment: Mapping[str, str]) -> subprocess.Popen[str]:
    """The program, with nothing about waiting in its environment but what is given."""
    own = {name: value for name, value in os.environ.items() if name not in WAITING}
    command = [sys.executable, "-m", "impasto", *words]
    return subprocess.Popen(
        command, env={**own, **environment}, stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL, text=True,
    )  # fmt: skip


def timed(words: Sequence[str], environment: Mapping[str, str]) -> float:
    """Whole seconds of a command."""
    started = time.perf_counter()
    process = start(words, environment)
    process.communicate()
    if process.returncode:
        raise SystemExit(f"impasto {' '.join(words)} failed")
    return time.perf_counter() - started


@contextlib.contextmanager
def busy_loop() -> Iterator[None]:
    """Another program that keeps a core busy."""
    process = subprocess.Popen([sys.executable, "-c", "while True: pass"])
    try:
        yield
    finally:
        process.kill()
        process.wait()


if __name__ == "__main__":
    main()
