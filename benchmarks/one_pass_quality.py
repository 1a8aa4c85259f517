"""How well methods of style transfer paint: all judged on the same held-out pairs of pictures.

    python benchmarks/one_pass_quality.py any quick paint photograph microast --microast DIR \
        --content DIR --style DIR --vgg VGG19.safetensors --teacher TEACHER.safetensors \
        --unseen unseen.safetensors --json figures.json --sheets sheets/
    python benchmarks/one_pass_quality.py multi --pictures DIR --pairs 12 --content DIR --teacher …

METHODS, any number: ``photograph`` (as it is), ``recoloured`` (with the mean and covariance of the
style's colours), a recipe (``paint`` is the default one) or its TOML file, a one-pass model or its
file, a file of an exported model (``any-onnx/painter.int8.onnx``), the folder of a training (the
averaged weights of its checkpoint), ``microast`` and
``magenta``, which are run from outside the repository, or a folder of pictures painted by any other
program on the pairs that ``--write-pairs`` gives it.

PAIRS. Pictures that ``impasto train … --hold-back`` leaves out, evenly spaced in each folder:
``--set full`` is 24 pairs with a long side of 512 px, ``--set quick`` 12 of 384 px. With
``--pictures`` they are the photographs and styles of a model that knows its styles by name.

FIGURES are listed in ``judging/judges.py``. Each encoder is an option: what is not given is left
out. VGG-19 is the network that most others were trained against; the teacher is what ``compact`` is
a copy of; ``unseen_encoder.py`` trains the one that no painter has been trained against.

Pictures and figures are kept in ``--cache`` by the content that they depend on, so another method
costs only its own. Impasto's code does not count: give another folder after a change of it. Seconds
are those of painting one picture, and compare only on a machine without other work.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence
from pathlib import Path

import torch

from impasto import images
from impasto.errors import OptionError, option
from impasto.images.contact_sheet import CaptionedImage
from impasto.networks.model import IDENTITY
from impasto.runtime.files import atomic_write
from impasto.training.validation import Pair
from impasto.weights.store import cache_dir
from judging.cache import Cache
from judging.judges import open_judges
from judging.methods import Method, open_method
from judging.pairs import SETS, PairSet, held_out_pairs, named_pairs, title
from judging.peers import PEERS
from judging.programs import exit_code
from judging.report import Rows, sheet, table, write_csv, write_json


def main(arguments: Sequence[str] | None = None) -> int:
    args = parse_arguments(arguments)
    if args.threads:
        torch.set_num_threads(args.threads)
    return exit_code(lambda: run(args))


def parse_arguments(arguments: Sequence[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    add = parser.add_argument
    add("methods", nargs="*", metavar="METHOD", help="see the text at the top of this file")
    add("--content", required=True, help="folder of photographs")
    add("--style", help="folder of paintings")
    add("--pictures", help="folder of the style pictures of a model of fixed styles")
    add("--set", choices=SETS, default="full", help="[full]")
    add("--pairs", type=int, help="pairs, or photographs a style, instead of the set's")
    add("--size", type=int, help="long side in pixels, instead of the set's")
    add("--vgg", help="VGG-19 up to relu3_1: name or file")
    add("--teacher", help="encoder up to relu5_1: name or file")
    add("--unseen", type=Path, help="file that unseen_encoder.py has written")
    for name in PEERS:
        add(f"--{name}", type=Path, metavar="DIR", help=f"folder of the program {name}")
    add("--cache", type=Path, help="folder of pictures and figures [in Impasto's cache]")
    add("--json", type=Path, help="write all figures")
    add("--csv", type=Path, help="write a line for each method and pair")
    add("--sheets", type=Path, metavar="DIR", help="write a sheet at 1:1 for each pair")
    add("--write-pairs", type=Path, metavar="DIR", help="write the pairs for another program")
    add("--threads", type=int, help="of PyTorch")
    return parser.parse_args(arguments)


def run(args: argparse.Namespace) -> None:
    """Paint, judge, print, and write what is asked for."""
    peers = {name: getattr(args, name) for name in PEERS if getattr(args, name) is not None}
    methods = [open_method(name, peers) for name in args.methods]
    names = [method.name for method in methods]
    if doubled := next((name for name in names if names.count(name) > 1), None):
        raise OptionError(f"Two methods are called {doubled}: rename a file or folder.")
    pairs = read_pairs(args, methods)
    if args.write_pairs is not None:
        write_pairs(args.write_pairs, pairs)
    if not methods:
        return
    judges = open_judges(args.vgg, args.teacher, args.unseen)
    columns = [figure for judge in judges for figure in judge.figures] + ["seconds"]
    cache = Cache(args.cache or cache_dir() / "one_pass_quality")
    rows: dict[str, dict[str, dict[str, float]]] = {name: {} for name in names}
    for method in methods:
        for pair in pairs:
            painted, seconds = cache.paint(method, pair)
            row = rows[method.name][title(pair)] = {"seconds": seconds}
            for judge in judges:
                row |= cache.figures(judge, painted, pair)
        print(f"{method.name}: {len(pairs)} pairs", file=sys.stderr, flush=True)
    for average in ("mean", "median"):
        print(f"\n{table(rows, columns, average)}")
    if args.csv:
        write_csv(args.csv, rows, columns)
    if args.json:
        given = {key: str(getattr(args, key)) for key in ("set", "vgg", "teacher", "unseen")}
        write_json(args.json, rows, columns, given)
    if args.sheets:
        write_sheets(args.sheets, cache, methods, pairs, rows)


def read_pairs(args: argparse.Namespace, methods: Sequence[Method]) -> list[Pair]:
    """The pairs that all methods paint."""
    chosen = SETS[args.set]
    chosen = PairSet(args.pairs or chosen.count, args.size or chosen.size)
    if args.pictures is None:
        if args.style is None:
            raise OptionError(f"Name a folder of paintings with {option('style')}.")
        return held_out_pairs(args.content, args.style, chosen)
    fixed = next((method.styles for method in methods if method.styles), None)
    if fixed is None:
        raise OptionError(
            f"{option('pictures')} is for models of fixed styles, and none is among the methods: "
            f"name one, or give {option('style')} instead."
        )
    return named_pairs(args.content, args.pictures, fixed, chosen, skip=IDENTITY)


def write_pairs(folder: Path, pairs: Sequence[Pair]) -> None:
    """``CONTENT__STYLE.content.png`` and ``CONTENT__STYLE.style.png`` of every pair."""
    for pair in pairs:
        for kind, picture in (("content", pair.content), ("style", pair.style)):
            with atomic_write(folder / f"{title(pair)}.{kind}.png") as temporary:
                images.to_pil(picture.tensor).save(temporary, format="PNG")


def write_sheets(
    folder: Path, cache: Cache, methods: Sequence[Method], pairs: Sequence[Pair], rows: Rows
) -> None:
    """For every pair a sheet of photograph, style and all results, pixel for pixel."""
    for pair in pairs:
        cells = [
            CaptionedImage(images.to_pil(pair.content.tensor), title(pair)),
            CaptionedImage(images.to_pil(pair.style.tensor), "style"),
        ]
        for method in methods:
            row = rows[method.name][title(pair)]
            told = " ".join(
                f"{name} {row[name]:.3f}" for name in ("vgg_gram", "content") if name in row
            )
            picture = images.to_pil(cache.paint(method, pair).picture)
            cells.append(CaptionedImage(picture, f"{method.name}  {told}"))
        with atomic_write(folder / f"{title(pair)}.png") as temporary:
            sheet(cells).save(temporary, format="PNG")


if __name__ == "__main__":
    sys.exit(main())
