"""``impasto features``: the statistics of a picture's features, or two pictures compared."""

from __future__ import annotations

import argparse
import json
import math

import torch
from torch import Tensor

from impasto import images
from impasto.cli.shared.limits import add_max_pixels
from impasto.errors import OptionError
from impasto.losses.statistics import style_error
from impasto.networks.style_predictor import STYLE_LAYERS
from impasto.weights.open import open_encoder

EXAMPLES = """\
examples:
  impasto features photo.jpg
  impasto features painted.png painting.jpg
"""

_COMPARED = ("gram", "moments", "gaussian-ot")


def configure(parser: argparse.ArgumentParser) -> None:
    """Add the options of ``features``."""
    add = parser.add_argument
    add("pictures", nargs="+", metavar="PICTURE", help="one, or two to be compared")
    add("--size", type=int, default=512, metavar="N", help="long side in pixels [512]")
    add_max_pixels(parser)
    add("--encoder", default="compact", metavar="NAME|FILE", help="[compact]")
    add("--layers", metavar="LAYER,…", default=",".join(STYLE_LAYERS),
        help=f"[{STYLE_LAYERS[0]} … {STYLE_LAYERS[-1]}]")  # fmt: skip
    add("--json", action="store_true", help="print JSON, with every channel's mean and deviation")


def run(args: argparse.Namespace) -> int:
    """Print the table and return the exit code."""
    if len(args.pictures) > 2:
        raise OptionError(f"Name one picture or two, not {len(args.pictures)}.")
    encoder = open_encoder(args.encoder)
    layers = [name.strip() for name in args.layers.split(",")]
    encoder.check_layers(layers)
    features = []
    for path in args.pictures:
        picture = images.read(path, long_side=args.size, max_pixels=args.max_pixels)
        with torch.no_grad():
            features.append(encoder(picture.tensor, layers))
    rows = [_row(name, *(found[name] for found in features)) for name in features[0]]
    if args.json:
        print(json.dumps(rows, indent=2))
    else:
        _print(rows)
    return 0


def _row(layer: str, *features: Tensor) -> dict[str, object]:
    row: dict[str, object] = {"layer": layer, "channels": features[0].shape[1]}
    for feature, which in zip(features, ("first", "second"), strict=False):
        deviation, mean = torch.std_mean(feature[0].flatten(1), dim=1, correction=0)
        row[which] = {"mean": mean.tolist(), "deviation": deviation.tolist()}
    if len(features) == 2:
        for name in _COMPARED:
            row[name] = float(style_error(name, *features))
    return row


def _print(rows: list[dict[str, object]]) -> None:
    from rich import box
    from rich.console import Console
    from rich.table import Table

    compared = [name for name in _COMPARED if name in rows[0]]
    pictures = [which for which in ("first", "second") if which in rows[0]]
    headings = [f"{which}: mean, deviation" for which in pictures]
    table = Table("layer", "channels", *headings, *compared, box=box.SIMPLE_HEAD)
    for row in rows:
        told = []
        for which in pictures:
            found = row[which]
            assert isinstance(found, dict)
            told.append(f"{_rms(found['mean']):.3g}, {_rms(found['deviation']):.3g}")
        distances = [f"{row[name]:.4f}" for name in compared]
        table.add_row(str(row["layer"]), str(row["channels"]), *told, *distances)
    console = Console()
    console.print(table)
    console.print("Means and deviations are root mean squares over the channels.", highlight=False)
    if compared:
        console.print(
            "Distances are relative to the second picture's own size: 0 is the same style, about 1 "
            "an unrelated one.",
            highlight=False,
        )


def _rms(values: list[float]) -> float:
    return math.sqrt(sum(value * value for value in values) / len(values))
