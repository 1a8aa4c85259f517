"""How well a distilled encoder sees: the figures of its model card.

    python benchmarks/encoder.py --teacher TEACHER.safetensors --content DIR --style DIR

The pictures are those that ``impasto train encoder --hold-back`` leaves out. Two things are told:

* per layer, the relative error ‖P f − t‖² / ‖t‖² of the teacher's features t from the encoder's f,
  P being the best linear map, fitted on one half of the pictures and measured on the other; and the
  same with P an isometry up to a unit, which is what relative Gram distances rest on. A teacher of
  the first layers only is compared at those (``--pairs 0``);
* pictures painted by one recipe through the encoder and through the teacher, with equal steps, both
  measured by the teacher: style = mean over relu1_1 … relu5_1 of ‖G − G_s‖² / ‖G_s‖², content =
  ‖F − F_c‖² / ‖F_c‖² at relu4_1.
"""

from __future__ import annotations

import argparse
import json
import time
from pathlib import Path

import torch

from impasto import images
from impasto.images.picture import list_pictures
from impasto.losses.content import content_loss
from impasto.losses.moments import gram_matrix
from impasto.losses.statistics import STATISTICS, style_loss
from impasto.painting.painter import Painter
from impasto.recipes.presets import get_recipe
from impasto.training.crops import is_held_out
from impasto.training.image_pool import STYLE_LAYERS
from impasto.weights.open import open_encoder


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--teacher", required=True, help="name or file of the teacher")
    parser.add_argument("--encoder", default="compact", help="name or file [compact]")
    parser.add_argument("--content", required=True, help="folder of photographs")
    parser.add_argument("--style", required=True, help="folder of paintings")
    parser.add_argument("--pictures", type=int, default=24, help="for the feature errors [24]")
    parser.add_argument("--pairs", type=int, default=8, help="painted through both; 0: none [8]")
    parser.add_argument("--size", type=int, default=384, help="long side of the pictures [384]")
    parser.add_argument("--recipe", default="default", help="recipe of the paintings [default]")
    parser.add_argument("--sheet", type=Path, help="write the pictures as a contact sheet")
    parser.add_argument("--json", type=Path, help="write the figures")
    args = parser.parse_args()

    contents = _spread([p for p in list_pictures(args.content) if is_held_out(p)], args)
    styles = _spread([p for p in list_pictures(args.style) if is_held_out(p)], args)
    figures = {"features": feature_errors(args, contents, styles)}
    print(f"{'layer':8} {'linear':>8} {'isometry':>8}")
    for layer, (linear, isometry) in figures["features"].items():
        print(f"{layer:8} {linear:8.4f} {isometry:8.4f}")
    if args.pairs:
        figures["paintings"] = paintings(args, contents[: args.pairs], styles[: args.pairs])
    if args.json:
        args.json.write_text(json.dumps(figures, indent=2))


def feature_errors(args, contents, styles):
    """Layer → relative error of the best linear map and of the best isometry."""
    teacher, encoder = open_encoder(args.teacher), open_encoder(args.encoder)
    layers = [layer for layer in STYLE_LAYERS if layer in teacher.layers]
    half = args.pictures // 2
    paths = [path for pair in zip(contents[:half], styles[:half], strict=True) for path in pair]
    sums = [{}, {}]
    for index, path in enumerate(paths):
        image = images.read(path, long_side=args.size).tensor
        with torch.no_grad():
            targets, features = teacher(image, layers), encoder(image, layers)
        for layer in layers:
            t = targets[layer][0].flatten(1).double()
            f = features[layer][0].flatten(1).double()
            new = (f @ f.T, t @ f.T, t.square().sum())
            old = sums[index // 2 % 2].get(layer)
            sums[index // 2 % 2][layer] = new if old is None else tuple(map(torch.add, old, new))
    return {
        layer: tuple(
            _error(fit(*sums[0][layer][:2]), *sums[1][layer]) for fit in (_linear, _isometry)
        )
        for layer in layers
    }


def _linear(ff, tf):
    ridge = 1e-6 * ff.diagonal().mean() * torch.eye(len(ff), dtype=ff.dtype)
    return torch.linalg.solve(ff + ridge, tf.T).T


def _isometry(ff, tf):
    """The best rotation times a number: features in another unit have the same relative losses."""
    left, values, right = torch.linalg.svd(tf, full_matrices=False)
    return left @ right * values.sum() / ff.diagonal().sum()


def _error(p, ff, tf, energy):
    """‖P f − t‖² / ‖t‖² from the second moments."""
    return float((energy - 2 * (p * tf).sum() + ((p @ ff) * p).sum()) / energy)


def paintings(args, contents, styles):
    """Both encoders' pictures, pair by pair, as the teacher measures them."""
    teacher = open_encoder(args.teacher)
    recipe = get_recipe(args.recipe).replace(size=args.size)
    rows = []
    cells = []
    print(f"{'pair':58} {'':>10} {'style':>7} {'content':>8} {'seconds':>8}")
    for content_path, style_path in zip(contents, styles, strict=True):
        content = images.read(content_path, long_side=args.size)
        style = images.read(style_path, long_side=args.size)
        cells.append([content.tensor, style.tensor])
        for name in (args.encoder, args.teacher):
            painter = Painter(content, [style], recipe.replace(encoder=name))
            started = time.perf_counter()
            for _ in painter:
                pass
            seconds = time.perf_counter() - started
            measured = judge(teacher, painter.image, content.tensor, style.tensor)
            cells[-1].append(painter.image)
            rows.append((content_path.name, style_path.name, Path(name).stem, *measured, seconds))
            pair = f"{content_path.stem[:26]} × {style_path.stem[:28]}"
            print(f"{pair:58} {rows[-1][2][:10]:>10} {measured[0]:7.4f} {measured[1]:8.3f} "
                  f"{seconds:8.1f}", flush=True)  # fmt: skip
    for name in dict.fromkeys(row[2] for row in rows):
        mine = [row for row in rows if row[2] == name]
        style, content, seconds = (sum(r[i] for r in mine) / len(mine) for i in (3, 4, 5))
        print(f"{'mean':58} {name[:10]:>10} {style:7.4f} {content:8.3f} {seconds:8.1f}")
    if args.sheet:
        _write_sheet(args, cells)
    return rows


@torch.no_grad()
def judge(teacher, image, content, style):
    """Style and content distance of a picture, by the teacher."""
    gram = STATISTICS["gram"]
    made, wanted = teacher(image, STYLE_LAYERS), teacher(style, STYLE_LAYERS)
    losses = [
        style_loss(
            gram, {"gram": gram_matrix(made[n], None)}, {"gram": gram_matrix(wanted[n], None)}
        )
        for n in STYLE_LAYERS
    ]
    kept = content_loss(made["relu4_1"], teacher(content, ["relu4_1"])["relu4_1"])
    return float(torch.stack(losses).mean()), float(kept)


def _write_sheet(args, cells):
    from impasto.images.contact_sheet import CaptionedImage, contact_sheet

    names = ("content", "style", Path(args.encoder).stem, Path(args.teacher).stem)
    sheet = [
        [CaptionedImage(images.to_pil(x), name) for x, name in zip(row, names, strict=True)]
        for row in cells
    ]
    contact_sheet(sheet, height=288).save(args.sheet, quality=92)


def _spread(paths, args):
    """As many pictures as are needed, spread evenly over the folder."""
    count = max(args.pictures // 2, args.pairs)
    if len(paths) < count:
        raise SystemExit(f"{len(paths)} held-back pictures are too few: {count} are needed.")
    return [paths[index * len(paths) // count] for index in range(count)]


if __name__ == "__main__":
    main()
