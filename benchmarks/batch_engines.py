"""`impasto batch` beside Ray Data's pool of actors: pictures a second on this machine.

    pip install '.[ray]' pandas
    python benchmarks/batch_engines.py --pictures 400

Both read, paint and write the same JPEGs, each worker with one thread. Ray Data does no more than
that: it keeps no log, and a run that is stopped begins again. Seconds are those of the program from
beginning to end, and without what one picture takes.
"""

from __future__ import annotations

import argparse
import os
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from batch import STYLE, make_pictures, run

WORKERS = 2


class Actor:
    """Paints the pictures that it is given; its style is read once."""

    def __init__(self, out: str) -> None:
        import torch

        from impasto.onepass.stylizer import Stylizer

        torch.set_num_threads(1)
        self._out, self._stylizer = Path(out), Stylizer(STYLE)

    def __call__(self, row: dict[str, str]) -> dict[str, str]:
        from impasto import images

        path = Path(row["item"])
        images.write(self._out / path.name, self._stylizer.paint(images.read(path)), quality=90)
        return row


def paint_by_ray_data(folder: Path, out: Path) -> None:
    """What a program takes that leaves everything to Ray Data."""
    import ray
    import ray.data

    ray.init(num_cpus=WORKERS, include_dashboard=False, log_to_driver=False)
    ray.data.DataContext.get_current().enable_progress_bars = False
    out.mkdir(parents=True)
    paths = ray.data.from_items(sorted(map(str, folder.rglob("*.jpg"))))
    painted = paths.map(
        Actor, fn_constructor_args=(str(out),), compute=ray.data.ActorPoolStrategy(size=WORKERS)
    )
    print(sum(1 for _ in painted.iter_rows()), "pictures")


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").split("\n", 1)[0])
    parser.add_argument("--pictures", type=int, default=400)
    parser.add_argument("--side", type=int, default=512)
    parser.add_argument("--ray-data", nargs=2, type=Path, metavar=("FOLDER", "OUT"),
                        help="only paint a folder by Ray Data")  # fmt: skip
    args = parser.parse_args()
    if args.ray_data:
        paint_by_ray_data(*args.ray_data)
        return
    with tempfile.TemporaryDirectory(prefix="impasto-bench-") as name:
        folder = Path(name)
        make_pictures(folder / "all", args.pictures, args.side)
        make_pictures(folder / "one", 1, args.side)
        print("| | pictures/s | without the start |\n|---|---|---|")
        for label, extra in {
            "batch": [],
            "batch --address local": ["--address", "local"],
            "Ray Data, pool of actors": None,
        }.items():
            seconds = {}
            for part in ("one", "all"):
                out = folder / f"{part} {label}"
                seconds[part] = _seconds(folder / part, out, extra)
            pace = args.pictures / seconds["all"]
            rest = (args.pictures - 1) / (seconds["all"] - seconds["one"])
            print(f"| {label} | {pace:.1f} | {rest:.1f} |", flush=True)


def _seconds(photos: Path, out: Path, extra: list[str] | None) -> float:
    if extra is not None:
        words = ["batch", photos, out, "--style", STYLE, "--workers", WORKERS, *extra]
        return run(*words, threads=WORKERS).seconds
    environment = {**os.environ, "OMP_NUM_THREADS": "1"}
    command = [sys.executable, __file__, "--ray-data", str(photos), str(out)]
    started = time.perf_counter()
    subprocess.run(command, env=environment, check=True, stdout=subprocess.DEVNULL)
    return time.perf_counter() - started


if __name__ == "__main__":
    main()
