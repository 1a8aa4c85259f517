"""How well a network in training paints some pictures, at best such that it is not trained on."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import torch
from PIL import Image

from impasto import images
from impasto.encoders.vgg import Encoder
from impasto.errors import ImageError, InputDataError, counted_noun
from impasto.images.contact_sheet import CaptionedImage, contact_sheet
from impasto.images.picture import Picture
from impasto.losses.content import content_loss
from impasto.losses.statistics import style_error
from impasto.networks.model import OnePassModel
from impasto.networks.style_predictor import STYLE_LAYERS
from impasto.onepass.stylist import Stylist

CONTENT_LAYER = "relu4_1"

_MIN_SIDE = 32
"""Smallest side of a picture that has features of relu5_1."""


@dataclass(frozen=True)
class Score:
    """Errors by an encoder, averaged over pairs of pictures.

    Attributes:
        style: Mean over relu1_1 … relu5_1 of ‖G − Gₛ‖² / ‖Gₛ‖².
        content: ‖F − F_c‖² / ‖F_c‖² at relu4_1.
    """

    style: float
    content: float


@dataclass(frozen=True)
class Pair:
    """A photograph and a style; ``name`` is that of the model's own style, if it is one."""

    content: Picture
    style: Picture
    name: str = ""


class Validation:
    """Some pairs of pictures to be painted from time to time."""

    def __init__(self, encoder: Encoder, pairs: Sequence[Pair]) -> None:
        self._encoder, self._pairs = encoder, list(pairs)

    def __call__(self, model: OnePassModel) -> tuple[Score, Image.Image]:
        """The score, and a contact sheet: content, style, painted."""
        stylist = Stylist(model, encoder=self._encoder, precision="float32")
        scores, rows = [], []
        for pair in self._pairs:
            content, style = pair.content.tensor, pair.style.tensor
            vector = stylist.named_style(pair.name) if pair.name else stylist.read_style(style)
            painted = stylist.paint(content, stylist.spatial_style([vector], content))
            score = score_painting(self._encoder, painted, content, style)
            scores.append(score)
            caption = f"style {score.style:.3f}  content {score.content:.3f}"
            rows.append(
                [
                    CaptionedImage(images.to_pil(content), _name(pair.content)),
                    CaptionedImage(images.to_pil(style), pair.name or _name(pair.style)),
                    CaptionedImage(images.to_pil(painted), caption),
                ]
            )
        count = len(rows)
        mean = Score(sum(s.style for s in scores) / count, sum(s.content for s in scores) / count)
        return mean, contact_sheet(rows)


@torch.no_grad()
def score_painting(
    encoder: Encoder, painted: torch.Tensor, content: torch.Tensor, style: torch.Tensor
) -> Score:
    """The score of one painting; pictures (1, 3, H, W) in [0, 1]."""
    features = encoder(painted, [*STYLE_LAYERS, CONTENT_LAYER])
    style_targets = encoder(style, STYLE_LAYERS)
    content_target = encoder(content, [CONTENT_LAYER])[CONTENT_LAYER]
    losses = [style_error("gram", features[name], style_targets[name]) for name in STYLE_LAYERS]
    return Score(
        float(torch.stack(losses).mean()),
        float(content_loss(features[CONTENT_LAYER], content_target).mean()),
    )


def read_pairs(
    contents: Sequence[Path], styles: Sequence[Path], count: int, size: int
) -> list[Pair]:
    """``count`` pairs from two lists of files, see :func:`read_evenly_spaced`."""
    lists = (read_evenly_spaced(paths, count, size) for paths in (contents, styles))
    return [Pair(content, style) for content, style in zip(*lists, strict=True)]


def read_evenly_spaced(paths: Sequence[Path], count: int, size: int) -> list[Picture]:
    """``count`` pictures evenly spaced in a list of files, with a long side of ``size`` pixels.

    Raises:
        InputDataError: If none of the files can be used.
    """
    starts = [(2 * index + 1) * len(paths) // (2 * count) for index in range(count)]
    return [_first_usable([*paths[start:], *paths[:start]], size) for start in starts]


def _first_usable(paths: Sequence[Path], size: int) -> Picture:
    for path in paths:
        try:
            picture = images.read(path, long_side=size)
        except ImageError:
            continue  # reported where training crops are read
        if min(picture.tensor.shape[-2:]) >= _MIN_SIDE:
            return picture
    raise InputDataError(
        f"None of {counted_noun(len(paths), 'picture')} can be painted for validation: each is "
        f"broken, or at a long side of {size} px narrower than {_MIN_SIDE}."
    )


def _name(picture: Picture) -> str:
    return picture.path.stem if picture.path else ""
