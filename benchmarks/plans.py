"""What Impasto tells of a painting before it begins, for several sizes: time, memory, tiles.

    python benchmarks/plans.py                                # 256 to 4096 px
    python benchmarks/plans.py --sizes 512 1024 --memory 1GB  # with a limit of memory
    python benchmarks/plans.py --sizes 512 --recipes default quick 'style_loss = "sliced"'
    OMP_NUM_THREADS=1 python benchmarks/plans.py --cpu        # CPU seconds, beside other work

Nothing is painted: each plan is that of ``impasto paint`` with a preset, or with the default recipe
and some entries in TOML. Its run is closed before the first step. Speeds are kept in an empty
folder, and measured by a few trials, so the time is the estimate of a first run on this machine.
Pictures are a bundled pair, enlarged where the size asks for it.

  time      estimate, in seconds or as minutes:seconds
  memory    bound of what the process takes
  tiles     side of the tiles in pixels; a dash where the picture is painted whole
"""

from __future__ import annotations

import argparse
import os
import tempfile
import time
from pathlib import Path

from PIL import Image

from impasto.errors import ImpastoError
from impasto.images.samples import PAIRS
from impasto.jobs.display import clock
from impasto.jobs.events import Planned
from impasto.jobs.requests import PaintRequest, StyleInput
from impasto.jobs.run import RunOptions, run
from impasto.recipes.presets import get_recipe
from impasto.recipes.recipe import Recipe, from_toml
from impasto.runtime.memory import parse_bytes

PAIR = PAIRS["tuebingen-starry-night"]


def plan(recipe: Recipe, device: str, memory: float | None, folder: Path) -> Planned:
    """The plan of a recipe, at the long side that it says."""
    with Image.open(PAIR.content_path) as image:
        factor = recipe.size / max(image.size)
        photo = image.convert("RGB").resize(tuple(round(n * factor) for n in image.size))
    path = folder / f"{recipe.size}.jpg"
    photo.save(path)
    request = PaintRequest(str(path), (StyleInput(str(PAIR.style_path)),), recipe)
    with run(request, RunOptions(device=device, memory=memory, estimate=True)) as running:
        return next(event for event in running if isinstance(event, Planned))


def main() -> None:
    """Print a row for each size."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--sizes", nargs="+", type=int, default=[256, 512, 1024, 2048, 4096])
    parser.add_argument("--recipes", nargs="+", default=["default"], metavar="NAME|TOML")
    parser.add_argument("--device", default="auto")
    parser.add_argument("--memory", type=parse_bytes, help="limit, such as 1GB [2/3 of the free]")
    parser.add_argument("--cpu", action="store_true", help="count the CPU seconds of the process")
    args = parser.parse_args()
    if args.cpu:
        time.perf_counter = time.process_time
    with tempfile.TemporaryDirectory() as folder:
        os.environ["IMPASTO_CACHE"] = folder
        print("| recipe | long side | time | memory | tiles |\n|---|---|---|---|---|", flush=True)
        for text in args.recipes:
            recipe = from_toml(text) if "=" in text else get_recipe(text)
            for size in args.sizes:
                row = f"| {text} | {size} px | "
                try:
                    told = plan(recipe.replace(size=size), args.device, args.memory, Path(folder))
                except ImpastoError as error:
                    print(f"{row}refused: {error} | | |", flush=True)
                    continue
                side = f"{told.tile_side} px" if told.tile_side else "–"
                cost = f"{clock(told.seconds or 0)} | {(told.bytes or 0) / 1e9:.2f} GB"
                print(f"{row}{cost} | {side} |", flush=True)


if __name__ == "__main__":
    main()
