"""How much structure paintings keep: where the threshold of ``paint``'s advice comes from.

    python benchmarks/structure.py --content PHOTO … --style PAINTING … --pictures FOLDER

Paints every photograph in every style, by the default recipe and by ``photo``, and prints
:func:`impasto.painting.structure.kept_structure` of each painting: quantiles by recipe, and how
many paintings of each recipe would get the advice at several thresholds. ``--sheet`` writes the
default's paintings in the order of their scores, to choose the threshold by eye. What was painted
before is read from the folder.
"""

from __future__ import annotations

import argparse
import itertools
import logging
from pathlib import Path

import torch

import impasto
from impasto import images
from impasto.images.contact_sheet import CaptionedImage, contact_sheet
from impasto.painting.structure import kept_structure

RECIPES = ("default", "photo")
THRESHOLDS = (0.5, 0.55, 0.6, 0.65, 0.7, 0.75, 0.8, 0.85, 0.9)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--content", type=Path, nargs="+", required=True, help="photographs")
    parser.add_argument("--style", type=Path, nargs="+", required=True, help="paintings")
    parser.add_argument("--pictures", type=Path, required=True, help="folder of what is painted")
    parser.add_argument("--size", type=int, default=256, help="long side [256]")
    parser.add_argument("--sheet", type=Path, help="write the default's as a contact sheet")
    args = parser.parse_args()
    logging.getLogger("impasto").setLevel(logging.ERROR)  # the advice itself

    scores: dict[str, list[float]] = {recipe: [] for recipe in RECIPES}
    cells: list[tuple[float, Path, Path]] = []
    for content, style, recipe in itertools.product(args.content, args.style, RECIPES):
        path = args.pictures / f"{content.stem}--{style.stem}--{recipe}.png"
        if not path.is_file():
            impasto.paint(content, style, recipe=recipe, size=args.size).save(path)
        photo = images.read(content, long_side=args.size).tensor
        score = kept_structure(images.read(path).tensor, photo)
        scores[recipe].append(score)
        if recipe == RECIPES[0]:
            cells.append((score, path, content))
    report(scores)
    if args.sheet:
        write_sheet(args.sheet, cells)


def report(scores: dict[str, list[float]]) -> None:
    """Print a row of quantiles and one of advice for each recipe."""
    steps = torch.tensor([0.05, 0.25, 0.5, 0.75, 0.95], dtype=torch.float64)
    for recipe, values in scores.items():
        found = torch.tensor(values, dtype=torch.float64)
        quantiles = " ".join(f"{q:.3f}" for q in torch.quantile(found, steps).tolist())
        print(f"{recipe}: {len(values)} paintings, quantiles 5 25 50 75 95 %: {quantiles}")
    print("below  " + "  ".join(f"{threshold:.2f}" for threshold in THRESHOLDS))
    for recipe, values in scores.items():
        shares = [sum(v < t for v in values) / len(values) for t in THRESHOLDS]
        print(f"{recipe}: " + "  ".join(f"{share:4.0%}" for share in shares))


def write_sheet(path: Path, cells: list[tuple[float, Path, Path]], columns: int = 8) -> None:
    """Photographs and paintings beside each other, those that keep least first."""
    captioned = []
    for score, painting, photo in sorted(cells):
        captioned.append(CaptionedImage(images.to_pil(images.read(photo).tensor), photo.stem))
        captioned.append(
            CaptionedImage(images.to_pil(images.read(painting).tensor), f"{score:.2f}")
        )
    rows = [captioned[start : start + columns] for start in range(0, len(captioned), columns)]
    images.write(path, images.from_pil(contact_sheet(rows, height=160)).tensor)


if __name__ == "__main__":
    main()
