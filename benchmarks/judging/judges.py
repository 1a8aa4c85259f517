"""What is measured of a painted picture, by judges named in each figure.

| figure | better | by | what it is |
|---|---|---|---|
| vgg_gram, vgg_moments | lower | VGG-19, relu1_1, relu2_1, relu3_1 | relative error of Gram matrices; of means and deviations |
| teacher_gram, teacher_moments | lower | the teacher, relu1_1 … relu5_1 | the same |
| unseen_gram, unseen_moments | lower | three stages of the unseen encoder | the same |
| unseen_embed | lower | its embedding | 1 − cosine between result and style |
| content | lower | the teacher, relu4_1 | ‖F − F_c‖² / ‖F_c‖² |
| palette | lower | pixels | sliced Wasserstein distance in OKLab |
| structure | higher | pixels | structural similarity of the edge maps of result and photograph |
| pattern | lower | pixels | patterns of up to five pixels where the photograph is even, × 1000 |
| lattice8, lattice16 | lower | pixels | energy that repeats every 8 or 16 pixels, × 100 |
| uneven | lower | pixels | shading of what is even in the photograph, × 1000 |
| chroma | near 0 | pixels | mean chroma of 255 above the style's, if that is black and white |
"""  # noqa: E501

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from impasto.errors import ImageError
from impasto.losses.content import content_loss
from impasto.losses.moments import Summary, mean_and_gram
from impasto.losses.statistics import get_statistic, style_loss
from impasto.metrics.chroma import chroma_excess
from impasto.metrics.colours import colour_distance
from impasto.metrics.patterns import PERIODS, lattice_excess
from impasto.metrics.ssim import edge_ssim
from impasto.networks.style_predictor import STYLE_LAYERS
from impasto.training.terms import CheckerboardTerm, SmoothnessTerm
from impasto.training.validation import CONTENT_LAYER, Pair
from impasto.weights.open import is_file_name, open_encoder
from impasto.weights.store import locate
from judging.digests import file_digest
from judging.pairs import pair_digest
from unseen_encoder import open_unseen

VGG_LAYERS = ("relu1_1", "relu2_1", "relu3_1")
"""Layers of the true VGG-19 that style is judged by."""

STATISTICS = ("gram", "moments")

BETTER: Mapping[str, str] = {
    **dict.fromkeys(("vgg_gram", "vgg_moments"), "lower"),
    **dict.fromkeys(("teacher_gram", "teacher_moments", "content"), "lower"),
    **dict.fromkeys(("unseen_gram", "unseen_moments", "unseen_embed"), "lower"),
    "palette": "lower",
    "structure": "higher",
    **dict.fromkeys(("pattern", "lattice8", "lattice16", "uneven"), "lower"),
    "chroma": "near 0",
}
"""Figure → which values are better."""

Figures = dict[str, float]


@dataclass(frozen=True)
class Judge:
    """Some figures of a painted picture.

    Attributes:
        name: For people.
        identity: All that the figures depend on besides the pictures: a digest of weights, and a
            version that changes with the code.
        figures: Their names.
        measure: (painted (1, 3, H, W) in [0, 1], pair) → figure by name; those without a value are
            left out.
    """

    name: str
    identity: str
    figures: tuple[str, ...]
    measure: Callable[[Tensor, Pair], Figures]


def open_judges(
    vgg: str | Path | None, teacher: str | Path | None, unseen: Path | None
) -> list[Judge]:
    """The judges of pixels, and one for each encoder that is given.

    Args:
        vgg: Name or file of VGG-19 up to relu3_1 or further.
        teacher: Name or file of an encoder up to relu5_1.
        unseen: File of the encoder that ``unseen_encoder.py`` trains.
    """
    judges = []
    if vgg is not None:
        judges.append(_vgg_shaped("vgg", vgg, VGG_LAYERS, content=False))
    if teacher is not None:
        judges.append(_vgg_shaped("teacher", teacher, STYLE_LAYERS, content=True))
    if unseen is not None:
        judges.append(_unseen(unseen))
    return [*judges, PIXELS]


def style_summaries(maps: Iterable[Tensor]) -> list[Summary]:
    """Mean and Gram matrix of each layer's maps."""
    return [mean_and_gram(each, None) for each in maps]


def style_figures(name: str, painted: Sequence[Summary], style: Sequence[Summary]) -> Figures:
    """``NAME_gram`` and ``NAME_moments``: means of the relative errors over the layers.

    Args:
        name: Of the judge.
        painted: See :func:`style_summaries`.
        style: The same of the style.
    """
    figures = {}
    for kind in STATISTICS:
        statistic = get_statistic(kind)
        convert = statistic.from_moments
        assert convert is not None
        errors = [
            float(style_loss(statistic, convert(ours), convert(theirs)).mean())
            for ours, theirs in zip(painted, style, strict=True)
        ]
        figures[f"{name}_{kind}"] = sum(errors) / len(errors)
    return figures


def _vgg_shaped(name: str, file: str | Path, layers: Sequence[str], *, content: bool) -> Judge:
    encoder = open_encoder(file)
    path = Path(file) if is_file_name(file) else locate(str(file))
    assert path is not None  # it was opened
    targets: dict[str, tuple[list[Summary], Tensor | None]] = {}  # the same for every method

    def target(pair: Pair) -> tuple[list[Summary], Tensor | None]:
        style = encoder(pair.style.tensor, layers)
        summaries = style_summaries(style[each] for each in layers)
        if not content:
            return summaries, None
        return summaries, encoder(pair.content.tensor, [CONTENT_LAYER])[CONTENT_LAYER]

    @torch.no_grad()
    def measure(painted: Tensor, pair: Pair) -> Figures:
        key = pair_digest(pair)
        if key not in targets:
            targets[key] = target(pair)
        style, kept = targets[key]
        features = encoder(painted, list(layers) if kept is None else [*layers, CONTENT_LAYER])
        row = style_figures(name, style_summaries(features[each] for each in layers), style)
        if kept is not None:
            row["content"] = float(content_loss(features[CONTENT_LAYER], kept).mean())
        return row

    figures = (*(f"{name}_{kind}" for kind in STATISTICS), *(["content"] if content else []))
    return Judge(name, f"{name} 1 {file_digest([path])}", figures, measure)


def _unseen(file: Path) -> Judge:
    encoder = open_unseen(file)
    targets: dict[str, tuple[list[Summary], Tensor]] = {}

    def read(picture: Tensor) -> tuple[list[Summary], Tensor]:
        maps = encoder.maps(picture)
        return style_summaries(maps), encoder.embed(maps)

    @torch.no_grad()
    def measure(painted: Tensor, pair: Pair) -> Figures:
        key = pair_digest(pair)
        if key not in targets:
            targets[key] = read(pair.style.tensor)
        (ours, embedding), (theirs, target) = read(painted), targets[key]
        row = style_figures("unseen", ours, theirs)
        return row | {"unseen_embed": 1 - float((embedding * target).sum())}

    figures = (*(f"unseen_{kind}" for kind in STATISTICS), "unseen_embed")
    return Judge("unseen", f"unseen 1 {file_digest([file])}", figures, measure)


@torch.no_grad()
def _measure_pixels(painted: Tensor, pair: Pair) -> Figures:
    content, style = pair.content.tensor, pair.style.tensor
    maps: Mapping[str, Any] = {"image": painted}
    row = {
        "palette": float(colour_distance(painted, style)),
        "structure": float(edge_ssim(painted, content)),
        "pattern": 1000 * float(CheckerboardTerm(content)(maps)["grid"]),
        **_lattices(painted, content),
        "uneven": 1000 * float(SmoothnessTerm(content)(maps)["even"]),
        "chroma": float(chroma_excess(painted, style)),
    }
    return {name: value for name, value in row.items() if value == value}


def _lattices(painted: Tensor, content: Tensor) -> Figures:
    found = {}
    for period in PERIODS:
        with contextlib.suppress(ImageError):  # too small to have enough cells
            found[f"lattice{period}"] = 100 * float(lattice_excess(painted, content, period))
    return found


PIXELS = Judge(
    "pixels",
    "pixels 1",
    (
        *("palette", "structure", "pattern"),
        *(f"lattice{period}" for period in PERIODS),
        *("uneven", "chroma"),
    ),
    _measure_pixels,
)
"""The judge that needs no encoder."""
