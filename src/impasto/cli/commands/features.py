"""``impasto features``: feature statistics of one picture, or of two with their distances."""

from __future__ import annotations

import argparse
import math

import torch
from torch import Tensor

from impasto import images
from impasto.cli.shared.messages import print_json, print_result
from impasto.errors import OptionError
from impasto.losses.statistics import style_error
from impasto.runtime.devices import find_device
from impasto.runtime.precision import moved
from impasto.weights.open import open_encoder

_DISTANCES = ("gram", "moments", "gaussian-ot")


def run(args: argparse.Namespace) -> int:
    """Print the table and return the exit code."""
    if len(args.pictures) > 2:
        raise OptionError(f"Name one picture or two, not {len(args.pictures)}.")
    encoder = moved(open_encoder(args.encoder), find_device(args.device))
    layers = [name.strip() for name in args.layers.split(",")]
    encoder.check_layers(layers)
    features = []
    for path in args.pictures:
        picture = images.read(path, long_side=args.size, max_pixels=args.max_pixels)
        with torch.no_grad():
            features.append(encoder(picture.tensor.to(encoder.mean.device), layers))
    rows = [_row(name, *(by_layer[name] for by_layer in features)) for name in features[0]]
    if args.json:
        print_json(rows)
    else:
        _print(rows)
    return 0


def _row(layer: str, *features: Tensor) -> dict[str, object]:
    row: dict[str, object] = {"layer": layer, "channels": features[0].shape[1]}
    for feature, picture in zip(features, ("first", "second"), strict=False):
        deviation, mean = torch.std_mean(feature[0].flatten(1), dim=1, correction=0)
        row[picture] = {"mean": mean.tolist(), "deviation": deviation.tolist()}
    if len(features) == 2:
        for name in _DISTANCES:
            row[name] = float(style_error(name, *features))
    return row


def _print(rows: list[dict[str, object]]) -> None:
    from rich import box
    from rich.table import Table
    from rich.text import Text

    distances = [name for name in _DISTANCES if name in rows[0]]
    pictures = [name for name in ("first", "second") if name in rows[0]]
    headings = [f"{name}: mean, deviation" for name in pictures]
    table = Table("layer", "channels", *headings, *distances, box=box.SIMPLE_HEAD)
    for row in rows:
        moments = []
        for name in pictures:
            values = row[name]
            assert isinstance(values, dict)
            moments.append(f"{_rms(values['mean']):.3g}, {_rms(values['deviation']):.3g}")
        numbers = [f"{row[name]:.4f}" for name in distances]
        table.add_row(str(row["layer"]), str(row["channels"]), *moments, *numbers)
    print_result(table)
    print_result(Text("Means and deviations are root mean squares over the channels."))
    if distances:
        text = "Distances are relative to the second picture: 0 is the same style, about 1 an "
        print_result(Text(f"{text}unrelated one."))


def _rms(values: list[float]) -> float:
    return math.sqrt(sum(value * value for value in values) / len(values))
