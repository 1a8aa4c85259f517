"""How much structure paintings keep, and what it costs in style: a trade-off of recipes.

    python benchmarks/structure.py --content PHOTO … --style PAINTING … --pictures FOLDER
    python benchmarks/structure.py … --vgg VGG19.safetensors --recipes default \
        'content_weight = 0.05, structure_weight = 0.0' 'laplacian_weight = 0.02'

Paints every photograph in every style by every recipe: a preset, or changes to the default. Printed
are quantiles of :func:`impasto.painting.structure.kept_structure`, how many paintings would get the
advice of ``paint`` at several thresholds, and means: of that score, of the edges' structural
similarity, and with ``--vgg`` of the style loss and of CFSD by an encoder that nothing was painted
with. ``--sheet`` writes the first recipe's paintings in the order of their scores, to choose by
eye. What was painted before is read from the folder.
"""

from __future__ import annotations

import argparse
import hashlib
import itertools
import logging
from pathlib import Path

import torch
from torch import Tensor

import impasto
from impasto import images
from impasto.encoders.vgg import Encoder
from impasto.images.contact_sheet import CaptionedImage, contact_sheet
from impasto.losses.moments import mean_and_gram
from impasto.losses.statistics import get_statistic, style_loss
from impasto.metrics.cfsd import cfsd
from impasto.metrics.ssim import edge_ssim
from impasto.painting.structure import kept_structure
from impasto.recipes.presets import get_recipe
from impasto.recipes.recipe import Recipe, from_toml
from impasto.weights.open import open_encoder

THRESHOLDS = (0.5, 0.55, 0.6, 0.65, 0.7, 0.75, 0.8, 0.85, 0.9)
LAYERS = ("relu1_1", "relu2_1", "relu3_1")
CFSD_LAYER = "relu3_1"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--content", type=Path, nargs="+", required=True, help="photographs")
    parser.add_argument("--style", type=Path, nargs="+", required=True, help="paintings")
    parser.add_argument("--pictures", type=Path, required=True, help="folder of what is painted")
    parser.add_argument("--recipes", nargs="+", default=["default", "photo"], metavar="RECIPE")
    parser.add_argument("--vgg", type=Path, help="an encoder that judges style")
    parser.add_argument("--size", type=int, default=256, help="long side [256]")
    parser.add_argument("--in-turn", action="store_true", help="one style for each photograph")
    parser.add_argument("--sheet", type=Path, help="write the first recipe's as a contact sheet")
    args = parser.parse_args()
    logging.getLogger("impasto").setLevel(logging.ERROR)  # the advice itself
    judge = None if args.vgg is None else open_encoder(args.vgg)

    figures: dict[str, list[dict[str, float]]] = {recipe: [] for recipe in args.recipes}
    cells: list[tuple[float, Path, Path]] = []
    for content, style, recipe in itertools.product(args.content, args.style, args.recipes):
        turn = args.style[args.content.index(content) % len(args.style)]
        if args.in_turn and style != turn:
            continue
        digest = hashlib.sha256(recipe.encode()).hexdigest()[:8]
        path = args.pictures / f"{content.stem}--{style.stem}--{digest}.png"
        if not path.is_file():
            impasto.paint(content, style, recipe=named(recipe), size=args.size).save(path)
        photo = images.read(content, long_side=args.size).tensor
        painting = images.read(style, long_side=args.size).tensor
        row = measured(images.read(path).tensor, photo, painting, judge)
        figures[recipe].append(row)
        if recipe == args.recipes[0]:
            cells.append((row["kept"], path, content))
    report(figures)
    if args.sheet:
        write_sheet(args.sheet, cells)


def named(text: str) -> Recipe:
    """A preset, or the default with changes: ``content_weight = 0.05, detail = 0.5``."""
    return from_toml(text.replace(",", "\n")) if "=" in text else get_recipe(text)


@torch.no_grad()
def measured(
    painted: Tensor, photo: Tensor, style: Tensor, judge: Encoder | None
) -> dict[str, float]:
    """The figures of one painting, all (1, 3, H, W) in [0, 1]."""
    row = {"kept": kept_structure(painted, photo), "edges": float(edge_ssim(painted, photo))}
    if judge is None:
        return row
    ours, theirs, kept = (judge(picture, LAYERS) for picture in (painted, style, photo))
    gram = get_statistic("gram")
    convert = gram.from_moments
    assert convert is not None
    losses = []
    for layer in LAYERS:
        found, wanted = (convert(mean_and_gram(maps[layer], None)) for maps in (ours, theirs))
        losses.append(style_loss(gram, found, wanted))
    row["style"] = float(torch.cat(losses).mean())
    row["cfsd"] = float(cfsd(ours[CFSD_LAYER], kept[CFSD_LAYER]))
    return row


def report(figures: dict[str, list[dict[str, float]]]) -> None:
    """Print quantiles, advice and means of each recipe."""
    steps = torch.tensor([0.05, 0.25, 0.5, 0.75, 0.95], dtype=torch.float64)
    scores = {recipe: [row["kept"] for row in rows] for recipe, rows in figures.items()}
    for recipe, values in scores.items():
        found = torch.tensor(values, dtype=torch.float64)
        quantiles = " ".join(f"{q:.3f}" for q in torch.quantile(found, steps).tolist())
        print(f"{recipe}: {len(values)} paintings, quantiles 5 25 50 75 95 %: {quantiles}")
    print("below  " + "  ".join(f"{threshold:.2f}" for threshold in THRESHOLDS))
    for recipe, values in scores.items():
        shares = [sum(v < t for v in values) / len(values) for t in THRESHOLDS]
        print(f"{recipe}: " + "  ".join(f"{share:4.0%}" for share in shares))
    for recipe, rows in figures.items():
        means = {name: sum(row[name] for row in rows) / len(rows) for name in rows[0]}
        print(f"{recipe}: " + "  ".join(f"{name} {mean:.4f}" for name, mean in means.items()))


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
