"""The most memory that a painting takes, against what was allowed and what was told.

    python benchmarks/memory.py                            # everything, about half an hour
    python benchmarks/memory.py --only gram sliced         # some cases
    python benchmarks/memory.py --memory 1GB               # with that limit for each
    python benchmarks/memory.py --size 768 --json peaks.json

Each case runs in a process of its own, as ``impasto --memory`` does, for a few steps at one size.
Pictures are the bundled samples, enlarged where a case says so.

  told      what the plan says before the start
  taken     most memory that the process has held
  refused   the least that the error asks for
"""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
import tempfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from PIL import Image

from impasto.images.samples import PAIRS
from impasto.losses.statistics import STATISTICS
from impasto.runtime.memory import parse_bytes

PAIR = PAIRS["tuebingen-starry-night"]

Case = Mapping[str, Any]
"""``recipe``: changes of the default; ``content``, ``style``, ``start``: megapixels to enlarge a
picture to; ``regions``: stripes with the style; ``labels``: colours of a label picture;
``verb``: paint or stylize."""

CASES: Mapping[str, Case] = {
    **{name: {"recipe": {"style_loss": name}} for name in STATISTICS},
    "adam": {"recipe": {"optimizer": "adam"}},
    "float32": {"recipe": {"precision": "float32"}},
    "4 regions": {"regions": 4},
    "16 regions": {"regions": 16},
    "216 labels": {"labels": 216},
    "sliced, style scale 3": {"recipe": {"style_loss": "sliced", "style_scale": 3.0}},
    "style scale 10": {"recipe": {"style_scale": 10.0}},
    "match, style scale 20": {"recipe": {"colour": "match", "style_scale": 20.0}},
    "luminance": {"recipe": {"colour": "luminance"}},
    "content of 50 megapixels": {"content": 50},
    "style of 50 megapixels": {"style": 50},
    "start of 50 megapixels": {"start": 50},
    "2048 px": {"recipe": {"size": 2048}},
    "stylize, 24 megapixels": {"verb": "stylize", "content": 24, "colour": "luminance"},
    "stylize, 50 megapixels": {"verb": "stylize", "content": 50},
    "stylize, three regions": {"verb": "stylize", "content": 24, "regions": 3},
}


def enlarged(path: Path, megapixels: float, folder: Path) -> Path:
    """A JPEG of a sample, enlarged to that many megapixels."""
    target = folder / f"{path.stem}-{megapixels:g}.jpg"
    if not target.exists():
        image = Image.open(path).convert("RGB")
        factor = (megapixels * 1e6 / (image.width * image.height)) ** 0.5
        image.resize((round(image.width * factor), round(image.height * factor))).save(target)
    return target


def stripes(count: int, folder: Path) -> list[str]:
    """Region texts: horizontal stripes, each a mask of its own, with the sample's style."""
    texts = []
    for index in range(count):
        mask = Image.new("L", (400, 300))
        mask.paste(255, (0, 300 * index // count, 400, 300 * (index + 1) // count))
        mask.save(folder / f"stripe{index}of{count}.png")
        texts.append(f"r{index}={folder / f'stripe{index}of{count}.png'}@{PAIR.style_path}")
    return texts


def label_picture(count: int, like: Path, folder: Path) -> str:
    """A picture of so many colours, in squares, with the aspect ratio of another."""
    side = round(count ** (1 / 3))
    levels = [255 * level // (side - 1) for level in range(side)]
    colours = [(r, g, b) for r in levels for g in levels for b in levels]
    image = Image.new("RGB", Image.open(like).size)
    columns, rows = 24, 18
    for index in range(columns * rows):
        column, row = index % columns, index // columns
        box = (image.width * column // columns, image.height * row // rows,
               image.width * (column + 1) // columns, image.height * (row + 1) // rows)  # fmt: skip
        image.paste(colours[index % len(colours)], box)
    path = folder / f"labels-{like.stem}.png"
    image.save(path)
    return str(path)


def run_case(case: Case, size: int, memory: float | None) -> dict[str, float | str]:
    """Paint in this process; what was told and taken, or the refusal."""
    from impasto.errors import ImpastoError
    from impasto.jobs.events import Planned
    from impasto.jobs.requests import PaintRequest, StyleInput, StylizeRequest, as_region_specs
    from impasto.jobs.run import RunOptions, run
    from impasto.recipes.recipe import Recipe
    from impasto.runtime.memory import peak_bytes, return_freed_memory

    return_freed_memory()
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        paths = {"content": PAIR.content_path, "style": PAIR.style_path}
        for kind in ("content", "style"):
            if kind in case:
                paths[kind] = enlarged(Path(paths[kind]), case[kind], folder)
        request: Any
        regions = as_region_specs(stripes(case["regions"], folder)) if "regions" in case else ()
        labels: dict[str, str | None] = {"content": None, "style": None}
        if "labels" in case:
            labels = {k: label_picture(case["labels"], Path(p), folder) for k, p in paths.items()}
        styles = (StyleInput(str(paths["style"])),)
        if case.get("verb") == "stylize":
            request = StylizeRequest(
                str(paths["content"]), styles, colour=case.get("colour", "style"), regions=regions
            )
        else:
            changes = {"size": size, "scales": 1, "steps": 3, **case.get("recipe", {})}
            if "start" in case:
                changes["init"] = str(enlarged(Path(PAIR.content_path), case["start"], folder))
            request = PaintRequest(
                str(paths["content"]), styles, Recipe(**changes),
                mask=labels["content"], style_mask=labels["style"], regions=regions,
            )  # fmt: skip
        told = 0.0
        try:
            for event in run(request, RunOptions(memory=memory)):
                told = event.bytes or 0.0 if isinstance(event, Planned) else told
        except ImpastoError as error:
            return {"refused": str(error)}
        return {"told": told / 1e6, "taken": peak_bytes() / 1e6}


def main() -> None:
    """Run the cases and print a table."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--only", nargs="+", choices=CASES, default=list(CASES), metavar="CASE")
    parser.add_argument("--size", type=int, default=512, help="long side in pixels [512]")
    parser.add_argument("--memory", help="limit of each process [none]")
    parser.add_argument("--json", type=Path, help="keep the figures")
    parser.add_argument("--case", help=argparse.SUPPRESS)
    args = parser.parse_args()
    memory = None if args.memory is None else parse_bytes(args.memory)
    if args.case:
        print(json.dumps(run_case(CASES[args.case], args.size, memory)))
        return
    figures = {}
    print(f"{'case':28} {'told MB':>8} {'taken MB':>8}", flush=True)
    for name in args.only:
        words = [sys.executable, __file__, "--case", name, "--size", str(args.size)]
        words += ["--memory", args.memory] if args.memory else []
        answer = subprocess.run(words, capture_output=True, text=True)
        lines = answer.stdout.splitlines()
        found = json.loads(lines[-1]) if lines else {"refused": answer.stderr.strip()[-300:]}
        figures[name] = found
        if "refused" in found:
            print(f"{name:28} refused: {found['refused']}", flush=True)
        else:
            print(f"{name:28} {found['told']:8.0f} {found['taken']:8.0f}", flush=True)
    if args.json:
        args.json.write_text(json.dumps(figures, indent=1) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
