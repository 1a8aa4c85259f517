"""How well one-pass models paint: the figures of their model cards.

    python benchmarks/one_pass_quality.py --teacher TEACHER.safetensors --content DIR --style DIR
    python benchmarks/one_pass_quality.py --teacher … --content DIR --model multi --pictures DIR

Pictures are those that ``impasto train … --hold-back`` leaves out, at a long side of 512 px. For a
model of fixed styles, each style is painted on photographs of its own, and ``--pictures`` is the
folder of the style pictures, called as the styles are. Evaluated by the teacher: style = mean over
relu1_1 … relu5_1 of ‖G − G_s‖² / ‖G_s‖², content = ‖F − F_c‖² / ‖F_c‖² at relu4_1. ``--paint``
judges what ``impasto paint`` makes of the same pairs, too, by its default or another recipe, and
tells the seconds that it takes.
"""

from __future__ import annotations

import argparse
import statistics
import time
from pathlib import Path

from impasto import images
from impasto.images.contact_sheet import CaptionedImage, contact_sheet
from impasto.images.picture import list_pictures
from impasto.networks.catalogue import open_network
from impasto.networks.model import IDENTITY
from impasto.onepass.stylist import Stylist
from impasto.painting.objective_builder import as_styles
from impasto.painting.painter import Painter
from impasto.recipes.presets import get_recipe
from impasto.runtime.memory import keep_freed_memory
from impasto.training.crops import is_held_out
from impasto.training.validation import Pair, judge, read_pairs
from impasto.weights.open import open_encoder


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--teacher", required=True, help="name or file of the judging encoder")
    parser.add_argument("--model", default="any", help="name or file [any]")
    parser.add_argument("--content", required=True, help="folder of photographs")
    parser.add_argument("--style", help="folder of paintings, for a model of any style")
    parser.add_argument(
        "--pictures", help="folder of the style pictures of a model of fixed styles"
    )
    parser.add_argument("--pairs", type=int, default=24, help="or photographs a style [24]")
    parser.add_argument("--size", type=int, default=512, help="long side [512]")
    parser.add_argument(
        "--paint",
        nargs="?",
        const="default",
        metavar="RECIPE",
        help="paint the pairs by optimization too",
    )
    parser.add_argument("--sheet", type=Path, help="write the pictures as a contact sheet")
    args = parser.parse_args()

    teacher, model = open_encoder(args.teacher), open_network(args.model)
    stylist = Stylist(model)
    scores, painted_scores, seconds, cells = [], [], [], []
    keep_freed_memory(0.0)  # as the commands do
    for pair in pairs_of(args, model):
        content, style = pair.content.tensor, pair.style.tensor
        vector = stylist.named_style(pair.name) if pair.name else stylist.read_style(style)
        painted = stylist.paint(content, stylist.spatial_style([vector], content))
        scores.append(judge(teacher, painted, content, style))
        told = f"{scores[-1].style:.3f} {scores[-1].content:.3f}"
        cells.append([CaptionedImage(images.to_pil(p), told) for p in (content, style, painted)])
        name = pair.style.path.stem if pair.style.path else pair.name
        if args.paint:
            started = time.perf_counter()
            painted = optimized(pair, get_recipe(args.paint).replace(size=args.size))
            seconds.append(time.perf_counter() - started)
            painted_scores.append(judge(teacher, painted, content, style))
            told += (
                f"  by optimization {painted_scores[-1].style:.3f} {painted_scores[-1].content:.3f}"
            )
            cells[-1].append(CaptionedImage(images.to_pil(painted), "by optimization"))
        print(f"{told}  {pair.content.path.name} × {name}", flush=True)
    tell(args.model, scores)
    if args.paint:
        tell("by optimization", painted_scores)
        print(f"by optimization, seconds: median {statistics.median(seconds):.2f}")
    if args.sheet:
        half = (len(cells) + 1) // 2
        rows = [cells[i] + (cells[i + half] if i + half < len(cells) else []) for i in range(half)]
        contact_sheet(rows, height=256).save(args.sheet)


def tell(name, scores):
    for what in ("style", "content"):
        values = [getattr(score, what) for score in scores]
        print(f"{name}, {what}: mean {statistics.mean(values):.4f}, "
              f"median {statistics.median(values):.4f}")  # fmt: skip


def optimized(pair, recipe):
    """What a recipe makes of a pair."""
    painter = Painter(pair.content, as_styles([pair.style]), recipe)
    for _ in painter:
        pass
    return painter.picture


def pairs_of(args, model) -> list[Pair]:
    contents = [p for p in list_pictures(args.content) if is_held_out(p)]
    if model.predictor is not None:
        styles = [p for p in list_pictures(args.style) if is_held_out(p)]
        return read_pairs(contents, styles, args.pairs, args.size)
    pairs = []
    for index, name in enumerate(name for name in model.styles if name != IDENTITY):
        (path,) = (p for p in list_pictures(args.pictures) if p.stem == name)
        # Photographs of its own for each style, so that more are seen.
        own = contents[index :: len(model.styles)]
        pairs += [Pair(p.content, p.style, name)
                  for p in read_pairs(own, [path], args.pairs, args.size)]  # fmt: skip
    return pairs


if __name__ == "__main__":
    main()
