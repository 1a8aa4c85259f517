"""How well a one-pass network in training paints pictures that it is not trained on."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import torch
from PIL import Image

from impasto import images
from impasto.encoders.vgg import Encoder
from impasto.errors import ImageError, InputDataError
from impasto.images.contact_sheet import Cell, contact_sheet
from impasto.images.picture import Picture
from impasto.losses.content import content_loss
from impasto.losses.statistics import style_error
from impasto.networks.files import OnePassModel
from impasto.networks.style_predictor import STYLE_LAYERS
from impasto.onepass.stylist import Stylist

CONTENT_LAYER = "relu4_1"

_LEAST_SIDE = 32
"""Of a picture that relu5_1 can be asked of."""


@dataclass(frozen=True)
class Score:
    """Means over pairs of pictures, by an encoder.

    Attributes:
        style: Mean over relu1_1 … relu5_1 of ‖G − Gₛ‖² / ‖Gₛ‖².
        content: ‖F − F_c‖² / ‖F_c‖² at relu4_1.
    """

    style: float
    content: float


@dataclass(frozen=True)
class Pair:
    """A photograph and a style; ``name`` is that of a model's own style, if it is one of those."""

    content: Picture
    style: Picture
    name: str = ""


class Validation:
    """Some pairs of pictures to be painted now and then.

    Args:
        encoder: Judges.
        pairs: What to paint.
    """

    def __init__(self, encoder: Encoder, pairs: Sequence[Pair]) -> None:
        self._encoder, self._pairs = encoder, list(pairs)

    def __call__(self, model: OnePassModel) -> tuple[Score, Image.Image]:
        """The score, and a contact sheet: content, style, painted."""
        stylist = Stylist(model, encoder=self._encoder, precision="float32")
        styles, contents, rows = [], [], []
        for pair in self._pairs:
            content = pair.content.tensor
            vector = stylist.named(pair.name) if pair.name else stylist.read(pair.style.tensor)
            painted = stylist.paint(content, stylist.brush([vector], content))
            score = judge(self._encoder, painted, content, pair.style.tensor)
            styles.append(score.style)
            contents.append(score.content)
            told = f"style {score.style:.3f}  content {score.content:.3f}"
            rows.append(
                [
                    Cell(images.to_pil(content), _name(pair.content)),
                    Cell(images.to_pil(pair.style.tensor), pair.name or _name(pair.style)),
                    Cell(images.to_pil(painted), told),
                ]
            )
        count = len(rows)
        return Score(sum(styles) / count, sum(contents) / count), contact_sheet(rows)


@torch.no_grad()
def judge(
    encoder: Encoder, painted: torch.Tensor, content: torch.Tensor, style: torch.Tensor
) -> Score:
    """One painting's score; pictures (1, 3, H, W) in [0, 1]."""
    features = encoder(painted, [*STYLE_LAYERS, CONTENT_LAYER])
    targets = encoder(style, STYLE_LAYERS)
    kept = encoder(content, [CONTENT_LAYER])[CONTENT_LAYER]
    losses = [style_error("gram", features[name], targets[name]) for name in STYLE_LAYERS]
    return Score(
        float(torch.stack(losses).mean()), float(content_loss(features[CONTENT_LAYER], kept).mean())
    )


def read_pairs(
    contents: Sequence[Path], styles: Sequence[Path], count: int, size: int
) -> list[Pair]:
    """``count`` pairs out of two lists of files, see :func:`read_spread`."""
    lists = (read_spread(paths, count, size) for paths in (contents, styles))
    return [Pair(content, style) for content, style in zip(*lists, strict=True)]


def read_spread(paths: Sequence[Path], count: int, size: int) -> list[Picture]:
    """``count`` pictures spread over a list of files, at a long side of ``size`` pixels.

    Raises:
        InputDataError: If not one of the files can be used.
    """
    firsts = [(2 * index + 1) * len(paths) // (2 * count) for index in range(count)]
    return [_first_usable([*paths[first:], *paths[:first]], size) for first in firsts]


def _first_usable(paths: Sequence[Path], size: int) -> Picture:
    for path in paths:
        try:
            picture = images.read(path, long_side=size)
        except ImageError:
            continue  # counted where the training crops are cut
        if min(picture.tensor.shape[-2:]) >= _LEAST_SIDE:
            return picture
    raise InputDataError(
        f"None of {len(paths)} pictures can be painted for validation: each is broken, or at a "
        f"long side of {size} px narrower than {_LEAST_SIDE}."
    )


def _name(picture: Picture) -> str:
    return picture.path.stem if picture.path else ""
