"""How right the estimates of time are: before the start, while it runs, and in the next run.

    python benchmarks/estimates.py                       # leave the machine alone
    python benchmarks/estimates.py --only default adam
    python benchmarks/estimates.py --json steps.json     # and keep the time of every step
    OMP_NUM_THREADS=1 python benchmarks/estimates.py --cpu   # CPU seconds, beside other work

Speeds are kept in an empty folder, so that the first estimate is that of a first run.

  seconds   of all steps
  first     estimate before the first run, over the seconds
  quarter   error of the time left after a quarter of the seconds, relative to the time left
  worst     the same, the largest from a quarter to three quarters
  next      estimate after that run, over the seconds
"""

from __future__ import annotations

import argparse
import json
import os
import tempfile
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from impasto import images
from impasto.images.samples import PAIRS
from impasto.painting.estimate import estimate, keep_speed, known_forecast
from impasto.painting.pace import Pace
from impasto.painting.painter import Painter
from impasto.recipes.presets import get_recipe

CASES: Mapping[str, tuple[str, Mapping[str, Any]]] = {
    "default": ("default", {}),
    "default at 384 px": ("default", {"size": 384}),
    "one size": ("default", {"scales": 1}),
    "adam": ("default", {"optimizer": "adam"}),
    "photo": ("photo", {"size": 384}),
    "texture": ("texture", {"size": 384}),
    "sliced": ("default", {"size": 320, "style_loss": "sliced"}),
    "1024 px": ("default", {"size": 1024}),
}
"""Name → recipe and changes."""


def run_case(name: str) -> tuple[dict[str, float], dict[str, Any]]:
    """Paint a case; its figures, and stages, forecast and milliseconds of every step."""
    base, changes = CASES[name]
    recipe, pair = get_recipe(base).replace(**changes), PAIRS["tuebingen-starry-night"]
    content, style = (
        images.read(path, long_side=recipe.size) for path in (pair.content_path, pair.style_path)
    )
    painter = Painter(content, [style], recipe)
    told = estimate(painter)
    pace, seen = Pace(painter.stages, told.forecast), []
    milliseconds: list[list[int]] = [[] for _ in painter.stages]
    last = 0.0
    for step in painter:
        pace.add(step.stage, step.step, step.seconds)
        seen.append((step.seconds, pace.seconds_left or 0.0))
        milliseconds[step.stage].append(round(1000 * (step.seconds - last)))
        last = step.seconds
    keep_speed(painter, pace, last)
    errors = {s / last: abs(left - (last - s)) / (last - s) for s, left in seen if s < last}
    figures = {
        "seconds": last,
        "first": told.seconds / last,
        "quarter": next(error for share, error in errors.items() if share >= 0.25),
        "worst": max(error for share, error in errors.items() if 0.25 <= share <= 0.75),
        "next": known_forecast(painter).seconds(painter.stages) / last,
    }
    record = {
        "stages": [[*stage.size, stage.steps] for stage in painter.stages],
        "forecast": [
            [round(t, 4) for t in row] for row in (told.forecast.steps, told.forecast.starts)
        ],
        "milliseconds": milliseconds,
    }
    return figures, record


def main() -> None:
    """Run the cases and print a table."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--only", nargs="+", choices=CASES, default=list(CASES), metavar="CASE")
    parser.add_argument("--cpu", action="store_true", help="count the CPU seconds of the process")
    parser.add_argument("--json", type=Path, help="keep the time of every step")
    args = parser.parse_args()
    if args.cpu:
        time.perf_counter = time.process_time
    records = {}
    with tempfile.TemporaryDirectory() as folder:
        os.environ["IMPASTO_CACHE"] = folder
        print(f"{'case':20} seconds  first quarter  worst   next", flush=True)
        for name in args.only:
            figures, records[name] = run_case(name)
            values = [figures[key] for key in ("first", "quarter", "worst", "next")]
            print(
                f"{name:20} {figures['seconds']:7.1f}", *(f"{v:6.2f}" for v in values), flush=True
            )
    if args.json:
        args.json.write_text(json.dumps(records) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
