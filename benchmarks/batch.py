"""Figures of `impasto batch`: pictures a second, start-up, memory, and the planning of 10⁹ rows.

    python benchmarks/batch.py speed      # 1 and 2 workers beside `stylize` on the same folder
    python benchmarks/batch.py startup    # until the first picture
    python benchmarks/batch.py memory     # 10,000 small pictures end to end
    python benchmarks/batch.py io         # decoding and encoding of a picture
    python benchmarks/batch.py plan       # 1,000 nodes and 10⁹ rows, without pictures: simulated

On a machine that does other work, compare the seconds of processors, which are printed beside those
of the clock.
"""

from __future__ import annotations

import argparse
import json
import os
import random
import resource
import shutil
import subprocess
import sys
import tempfile
import threading
import time
from collections import deque
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

import psutil

IMPASTO = [sys.executable, "-m", "impasto"]
STYLE = "great-wave"


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parts = parser.add_subparsers(dest="part", required=True)
    speed = parts.add_parser("speed", help="pictures a second")
    speed.add_argument("--pictures", type=int, default=200)
    speed.add_argument("--side", type=int, default=512)
    speed.add_argument("--repeat", type=int, default=1)
    startup = parts.add_parser("startup", help="until the first picture")
    startup.add_argument("--side", type=int, default=64)
    memory = parts.add_parser("memory", help="memory over many small pictures")
    memory.add_argument("--pictures", type=int, default=10_000)
    memory.add_argument("--side", type=int, default=32)
    memory.add_argument("--workers", type=int, default=1)
    io = parts.add_parser("io", help="decoding and encoding")
    io.add_argument("--side", type=int, default=1024)
    io.add_argument("--repeat", type=int, default=10)
    plan = parts.add_parser("plan", help="planning of many rows")
    plan.add_argument("--rows", type=float, default=1e9)
    plan.add_argument("--nodes", type=int, default=1000)
    arguments = parser.parse_args()
    parts_by_name = {"speed": measure_speed, "startup": measure_startup, "memory": measure_memory,
                     "io": measure_io, "plan": simulate}  # fmt: skip
    parts_by_name[arguments.part](arguments)
    return 0


class Ran(NamedTuple):
    """A program that ran: seconds of the clock, and of processors in all its processes."""

    seconds: float
    processor: float


def run(*words: object, threads: int = 1, cores: set[int] | None = None) -> Ran:
    """Run a command, with so many threads, on those cores or any."""
    environment = {**os.environ, "OMP_NUM_THREADS": str(threads)}
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    started = time.perf_counter()
    subprocess.run(
        [*IMPASTO, *map(str, words), "--quiet"], env=environment, check=True,
        preexec_fn=(lambda: os.sched_setaffinity(0, cores)) if cores else None,
    )  # fmt: skip
    seconds = time.perf_counter() - started
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    used = after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime
    return Ran(seconds, used)


_DIFFERENT = 50


def make_pictures(folder: Path, count: int, side: int) -> None:
    """Pictures of one size, fifty of which differ; the others are links to them."""
    from impasto import images
    from impasto.images.samples import PAIRS
    from impasto.runtime.files import short_lived_files

    photo = images.read(PAIRS["tuebingen-starry-night"].content_path, long_side=side).tensor
    folder.mkdir(parents=True)
    with short_lived_files():
        for number in range(count):
            place = folder / f"{number // 1000:03}"
            place.mkdir(exist_ok=True)
            path = place / f"{number:06}.jpg"
            if number >= _DIFFERENT:
                os.link(folder / "000" / f"{number % _DIFFERENT:06}.jpg", path)
                continue
            images.write(path, photo.roll((number, 2 * number), (-1, -2)), quality=90)


def measure_speed(arguments: argparse.Namespace) -> None:
    with tempfile.TemporaryDirectory(prefix="impasto-bench-") as name:
        folder = Path(name)
        make_pictures(folder / "photos", arguments.pictures, arguments.side)
        make_pictures(folder / "one", 1, arguments.side)
        one_core = {min(os.sched_getaffinity(0))}
        commands = {
            "stylize, 1 thread": ("stylize", {}, 1, None),
            "batch, 1 worker": ("batch", {"--workers": 1}, 1, None),
            # Beside painting a worker decodes and encodes, on another core if it can.
            "batch, 1 worker on 1 core": ("batch", {"--workers": 1}, 1, one_core),
            "batch, 2 workers": ("batch", {"--workers": 2}, 2, None),
        }
        print("| | pictures/s | processor s/picture | start, processor s |\n|---|---|---|---|")
        rates: dict[str, list[float]] = {}
        for label, (command, options, threads, cores) in commands.items():
            extra = [word for pair in options.items() for word in pair]
            for number in range(arguments.repeat):
                out = folder / f"out-{len(rates)}-{number}"
                ran, first = (
                    run(*_words(command, folder / photos, f"{out}-{photos}"), *extra,
                        threads=threads, cores=cores)
                    for photos in ("photos", "one")
                )  # fmt: skip
                count = arguments.pictures
                each = (ran.processor - first.processor) / max(1, count - 1)
                pace = count / ran.seconds
                rates.setdefault(label, [pace, each])
                print(f"| {label} | {pace:.2f} | {each:.3f} | {first.processor:.1f} |", flush=True)
        one, two = rates["batch, 1 worker"], rates["batch, 2 workers"]
        plain = rates["stylize, 1 thread"]
        print(f"\nprocessor time a picture, 1 worker over stylize: {one[1] / plain[1]:.3f}")
        print(f"pictures a second, 1 worker over stylize: {one[0] / plain[0]:.2f}")
        print(f"pictures a second, 2 workers over 1: {two[0] / one[0]:.2f}")
        alone = rates["batch, 1 worker on 1 core"]
        print(f"pictures a second, 2 workers on 2 cores over 1 on 1: {two[0] / alone[0]:.2f}")


def _words(command: str, photos: Path, out: object) -> list[object]:
    if command == "stylize":
        return ["stylize", photos, "-o", out, "--style", STYLE]
    return ["batch", photos, out, "--style", STYLE]


def measure_startup(arguments: argparse.Namespace) -> None:
    with tempfile.TemporaryDirectory(prefix="impasto-bench-") as name:
        folder = Path(name)
        make_pictures(folder / "one", 1, arguments.side)
        for label, words in {
            "stylize": _words("stylize", folder / "one", folder / "a"),
            "batch, in this process": [
                *_words("batch", folder / "one", folder / "b"),
                "--workers",
                0,
            ],
            "batch, 1 worker": [*_words("batch", folder / "one", folder / "c"), "--workers", 1],
        }.items():
            ran = run(*words)
            print(f"{label}: {ran.seconds:.1f} s, {ran.processor:.1f} s of processors", flush=True)


def measure_memory(arguments: argparse.Namespace) -> None:
    with tempfile.TemporaryDirectory(prefix="impasto-bench-") as name:
        folder = Path(name)
        make_pictures(folder / "photos", arguments.pictures, arguments.side)
        words = [*_words("batch", folder / "photos", folder / "out"), "--workers",
                 arguments.workers, "--json"]  # fmt: skip
        process = subprocess.Popen(
            [*IMPASTO, *map(str, words)], stdout=subprocess.PIPE, text=True,
            env={**os.environ, "OMP_NUM_THREADS": str(arguments.workers)},
        )  # fmt: skip
        samples: list[tuple[int, float, float]] = []
        watching = threading.Thread(target=_watch, args=(process.pid, folder / "out", samples))
        watching.start()
        summary = json.loads(process.communicate()[0])
        watching.join()
        print(f"{summary['painted']} pictures, {summary['failed']} failed, {summary['seconds']} s")
        print("| pictures | the program, MB | largest worker, MB |\n|---|---|---|")
        for share in (0.1, 0.25, 0.5, 0.75, 1.0):
            wanted = share * arguments.pictures
            done, own, worker = next((s for s in samples if s[0] >= wanted), samples[-1])
            print(f"| {done} | {own / 1e6:.0f} | {worker / 1e6:.0f} |")
        shutil.rmtree(folder, ignore_errors=True)


def measure_io(arguments: argparse.Namespace) -> None:
    import torch

    from impasto import images

    torch.set_num_threads(1)
    with tempfile.TemporaryDirectory(prefix="impasto-bench-") as name:
        make_pictures(Path(name) / "photos", 1, arguments.side)
        (photo,) = (Path(name) / "photos").rglob("*.jpg")
        picture = images.read(photo)
        height, width = picture.size
        print(f"{width}×{height} px, JPEG, seconds of a core:")
        out = Path(name) / "out.jpg"
        for label, action in {
            "read": lambda: images.read(photo),
            "write": lambda: images.write(out, picture.tensor),
        }.items():
            action()
            started = time.process_time()
            for _ in range(arguments.repeat):
                action()
            print(f"{label}: {(time.process_time() - started) / arguments.repeat:.4f}")


def _watch(pid: int, out: Path, samples: list[tuple[int, float, float]]) -> None:
    """Memory of the program and of its workers, with the pictures of finished shards."""
    try:
        process = psutil.Process(pid)
        while process.is_running() and process.status() != psutil.STATUS_ZOMBIE:
            own = process.memory_info().rss
            workers = [child.memory_info().rss for child in process.children()]
            logs = (out / "_batch" / "log").rglob("*.jsonl")
            done = sum(int(log.name.split(".")[1]) for log in logs)
            if workers:
                samples.append((done, own, max(workers)))
            time.sleep(1)
    except psutil.NoSuchProcess:
        return


# --- planning, without pictures -------------------------------------------------------------------


def simulate(arguments: argparse.Namespace) -> None:
    """The schedule of a batch over simulated nodes: all, and again after half is done."""
    from impasto.batch.plan import Plan
    from impasto.batch.schedule import Schedule
    from impasto.batch.shard_log import FinishedShards

    rows, nodes = int(arguments.rows), arguments.nodes
    print(f"{rows:,} rows in shards of 1,000 on {nodes:,} nodes")
    plan = Plan("s3://in/*.parquet", "s3://out", "/", shard_size=1000, rows=rows)
    for label, done in (("from the beginning", 0), ("after half was done", rows // 2000)):
        before = resource.getrusage(resource.RUSAGE_SELF)
        source, nodes_ = _Rows(rows), _Nodes(nodes)
        finished = FinishedShards(_Logs(done))  # type: ignore[arg-type]
        tally = Schedule(plan, source, finished, nodes_).run()
        after = resource.getrusage(resource.RUSAGE_SELF)
        seconds = after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime
        assert tally.rows == rows, tally
        assert nodes_.given == set(), "shards given and not ended"
        print(
            f"{label}: {tally.shards:,} shards, {tally.crashes:,} crashes; {seconds:.0f} s of a "
            f"processor, {1e6 * seconds / max(1, nodes_.count):.0f} µs a shard given out; peak of "
            f"memory {after.ru_maxrss / 1024:.0f} MB",
            flush=True,
        )


class _Rows:
    """A source of 1,000 Parquet files, whose shards follow from the counts alone."""

    files = 1000

    def __init__(self, count: int) -> None:
        self.count = count

    def shards(self, size: int) -> Iterator[object]:
        from impasto.batch.shards import Shard

        each, number = self.count // self.files, 0
        for file in range(self.files):
            for start in range(0, each, size):
                first = file * each + start
                yield Shard(
                    number, f"s3://in/{file}.parquet", start, first, min(size, each - start)
                )
                number += 1


class _Logs:
    """An output folder in which the first shards are done."""

    def __init__(self, done: int) -> None:
        self._done = done

    def names(self, folder: str) -> Iterator[str]:
        first = 1000 * int(folder.rpartition("/")[2])
        for number in range(first, min(first + 1000, self._done)):
            yield f"{number:09}.1000.0.jsonl"


class _Nodes:
    """Nodes that finish what they are given, in any order; one of ten thousand times they crash."""

    def __init__(self, size: int) -> None:
        self.size, self.count = size, 0
        self.given: set[int] = set()
        self._random = random.Random(1)
        self._ended: deque[tuple[int, object]] = deque()
        self._working: list[tuple[int, object]] = []

    def start(self) -> None:
        from impasto.batch.tasks import WorkerEvent

        self._ended.extend((worker, WorkerEvent("ready")) for worker in range(self.size))

    def submit(self, worker: int, task: object) -> None:
        self.count += 1
        self.given.add(task.shard.number)  # type: ignore[attr-defined]
        self._working.append((worker, task))

    def events(self, timeout: float) -> list[tuple[int, object]]:
        from impasto.batch.shard_log import Done
        from impasto.batch.tasks import WorkerEvent

        found = list(self._ended)
        self._ended.clear()
        self._random.shuffle(self._working)
        half = len(self._working) // 2 + 1
        ending, self._working = self._working[:half], self._working[half:]
        for worker, task in ending:
            shard = task.shard  # type: ignore[attr-defined]
            if self._random.random() < 1e-4:
                found += [(worker, WorkerEvent("crashed", rows=(shard.first,), text="crashed")),
                          (worker, WorkerEvent("ready"))]  # fmt: skip
                continue
            self.given.discard(shard.number)
            found += [
                (worker, WorkerEvent("progress", painted=shard.count)),
                (worker, WorkerEvent("done", done=Done(shard.count, 0, "log"))),
            ]
        return found

    def stop(self) -> None:
        raise AssertionError("nothing stops it")

    def close(self) -> None:
        pass


if __name__ == "__main__":
    raise SystemExit(main())
