"""How one-pass networks are trained: the settings, and those of the papers as presets."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any

from impasto.networks.styles import STYLE_LAYERS

HOLD_BACK_FROM = 16
"""Pictures of a folder from which an eighth is held back unless that was decided otherwise."""


@dataclass(frozen=True)
class TwoEncoderSettings:
    """What :class:`impasto.training.two_encoders.TwoEncoderLosses` add to the settings.

    Attributes:
        fine_layers: Of the encoder that judges strokes.
        deep_layers: Of the encoder that judges composition; it judges the content layers, too.
        statistics: Statistic → weight.
        half_weight: Of the fine layers at half the size.
        deep_weight: Of the deep layers. They ask for large forms, which in an even sky a network
            can only paint as a plaid.
        window: Side in pixels of the window that the fine layers see at full size.
        lattice_weight: Of :class:`impasto.training.stroke_terms.LatticeTerm`.
        weave_weight: Of :class:`impasto.training.stroke_terms.WeaveTerm`.
        range_weight: Of :class:`impasto.training.stroke_terms.RangeTerm`.
        margin: Pixels of their mirror image by which painted crops are continued on all sides
            before they are judged. Encoders pad with zeros: where these begin at the border,
            networks learn to paint dark bands and rows along it.
        style_crops: Crops of each style picture in all, so that their statistics are measured once
            and kept (half a megabyte each); 0 for a new crop each time.
    """

    fine_layers: tuple[str, ...] = STYLE_LAYERS[:3]
    deep_layers: tuple[str, ...] = STYLE_LAYERS[3:]
    statistics: Mapping[str, float] = field(default_factory=lambda: {"gram": 0.5, "moments": 0.5})
    half_weight: float = 0.5
    deep_weight: float = 1.0
    window: int = 128
    lattice_weight: float = 0.35
    weave_weight: float = 0.0
    range_weight: float = 4.0
    margin: int = 0
    style_crops: int = 4


@dataclass(frozen=True)
class OnePassSettings:
    """How a one-pass network is trained.

    Attributes:
        batch: Pictures per step, over all processes.
        crop: Side of the training crops in pixels.
        first_crop: Side of the crops in the first steps, which cost half as much.
        first_share: Share of the steps with ``first_crop``.
        content_layers: Layer → weight of the content loss.
        style_layers: Layer → weight of the style loss.
        palette_weight: Of :class:`impasto.training.terms.PaletteTerm`.
        even_weight: Of :class:`impasto.training.terms.SmoothnessTerm`.
        grid_weight: Of :class:`impasto.training.terms.CheckerboardTerm`.
        tv_weight: Of the mean squared total variation.
        statistic: Of the style loss; one that follows from mean and Gram matrix.
        adain_target: Whether the content target is the content's features with the style's means
            and deviations, which an AdaIN decoder is given, instead of the content's own.
        normalization: Of the style loss, see :func:`impasto.losses.statistics.style_unit`.
        content_normalization: See :func:`impasto.losses.content.content_loss`.
        soft: Whether a style loss x counts as log(1 + x), picture by picture.
        learning_rate: Peak of the cosine schedule (Adam, β = 0.9 and 0.99). Muon, which distils
            encoders so well, was 15 % slower than this in the first 300 steps; with the stroke
            network it was faster in those, and behind on unseen pictures after 1,000.
        constant_rate: Whether the rate stays at its peak instead, as in the papers.
        gradient_norm: Gradients are clipped to this norm.
        own_style: Share of pictures whose style is their own, so that the target is the picture
            itself: it gives the lower end of ``--strength`` a meaning.
        average: Decay of the moving average of the weights, which is what is saved.
        precision: Of the convolutions, see :func:`impasto.runtime.precision.compute_dtype`.
        seed: Of all random numbers.
        two_encoders: For the losses of two encoders at two scales, which replace the style layers
            and the statistic above.
    """

    batch: int = 4
    crop: int = 256
    first_crop: int = 192
    first_share: float = 0.7
    content_layers: Mapping[str, float] = field(default_factory=lambda: {"relu4_1": 0.25})
    style_layers: Mapping[str, float] = field(
        default_factory=lambda: dict.fromkeys(STYLE_LAYERS, 0.2)
    )
    palette_weight: float = 1.0
    even_weight: float = 90.0
    grid_weight: float = 30.0
    tv_weight: float = 2.0
    statistic: str = "gram"
    adain_target: bool = False
    normalization: str = "relative"
    content_normalization: str = "relative"
    soft: bool = True
    learning_rate: float = 2e-3
    constant_rate: bool = False
    gradient_norm: float = 1.0
    own_style: float = 0.04
    average: float = 0.998
    precision: str = "auto"
    seed: int = 0
    two_encoders: TwoEncoderSettings | None = None

    def crop_at(self, step: int, of: int) -> int:
        """Side of the crops of a step (from 0) in pixels."""
        return self.first_crop if step < self.first_share * of else self.crop


_PAPERS = OnePassSettings(
    first_share=0.0,
    palette_weight=0.0,
    even_weight=0.0,
    grid_weight=0.0,
    tv_weight=0.0,
    normalization="mean",
    content_normalization="mean",
    soft=False,
    constant_rate=True,
    gradient_norm=float("inf"),
    own_style=0.0,
)
"""The losses and the constant rate of the papers, without what the default adds to them."""


def _magenta(style_weight: float, **settings: Any) -> OnePassSettings:
    """The losses of Dumoulin et al. and Ghiasi et al., as in Magenta's code of both.

    mean (F − F')² at relu3_3 and ``style_weight`` · mean (G − G')² with G = FᵀF / (H W) at
    relu1_2 … relu4_3 of VGG-16 (with average pooling, which the encoder decides here).
    """
    # The input of their VGG is 0 … 255 less the mean, of ours that divided by deviations of 0.226.
    # Their features are larger by about that factor, and their Gram matrices by its square.
    size = (255 * 0.226) ** 2
    layers = ("relu1_2", "relu2_2", "relu3_3", "relu4_3")
    return replace(
        _PAPERS,
        content_layers={"relu3_3": size},
        style_layers=dict.fromkeys(layers, style_weight * size**2),
        learning_rate=1e-3,
        **settings,
    )


_TWO_ENCODERS = OnePassSettings(
    crop=224,
    first_crop=160,
    first_share=0.6,
    content_layers={"relu4_1": 0.12},
    palette_weight=0.5,
    even_weight=60.0,
    grid_weight=60.0,
    tv_weight=1.0,
    learning_rate=1.5e-3,
    two_encoders=TwoEncoderSettings(),
)
"""With the losses of two encoders."""


PRESETS: Mapping[str, OnePassSettings] = {
    "default": OnePassSettings(),
    # For --network recolour, from a trained network of kind paint: the losses that independent
    # judges and eyes liked best. More content than for strokes, which became ropes in these.
    "recolour": replace(
        _TWO_ENCODERS,
        first_crop=208,
        first_share=0.5,
        content_layers={"relu4_1": 0.17},
        learning_rate=1e-3,
        two_encoders=TwoEncoderSettings(deep_weight=0.5, weave_weight=8.0, margin=16),
    ),
    # For --network strokes: the judges and weights that its pictures were best with.
    "strokes": _TWO_ENCODERS,
    # Johnson et al. 2016: relu2_2 and relu1_2 … relu4_3 of VGG-16, Adam at 1e-3, batches of four.
    # Losses as in PyTorch's own example of the paper: 1e5 · mean (F − F')² and
    # 1e10 · mean (G − G')² with G = FᵀF / (C H W), hence C² here.
    "johnson": replace(
        _PAPERS,
        content_layers={"relu2_2": 1e5},
        style_layers={
            f"relu{name}": 1e10 / width**2
            for name, width in (("1_2", 64), ("2_2", 128), ("3_3", 256), ("4_3", 512))
        },
        learning_rate=1e-3,
    ),
    # Dumoulin et al. 2017 (arXiv:1610.07629), for multi-style: batches of 16, Adam at 1e-3.
    "dumoulin": _magenta(1e-4, batch=16),
    # Ghiasi et al. 2017 (arXiv:1705.06830), for any-style: batches of 8. Magenta halves the sum of
    # squares that 1e4 times is total variation. Its rate, 1e-5, is for eight million steps; this
    # one is that of Dumoulin et al.
    "ghiasi": _magenta(5e-4, batch=8, tv_weight=5e3),
    # Huang & Belongie 2017, section 5: mean squared errors, style ten times the content. Moments
    # are averaged over 2 C numbers here, so twenty.
    "adain": replace(
        _PAPERS,
        batch=8,
        content_layers={"relu4_1": 1.0},
        style_layers=dict.fromkeys(STYLE_LAYERS[:4], 20.0),
        statistic="moments",
        adain_target=True,
        learning_rate=1e-4,
        constant_rate=False,
    ),
}
"""Settings by name."""

PRESET_KINDS: Mapping[str, str] = {"adain": "adain"}
"""Preset → the only kind of network that it trains; such a kind has no other preset."""


def preset_fits(preset: str, kind: str) -> bool:
    """Whether a preset trains networks of that kind."""
    return PRESET_KINDS.get(preset) == (kind if kind in PRESET_KINDS.values() else None)


@dataclass(frozen=True)
class DistillSettings:
    """How an encoder is distilled.

    Attributes:
        widths: Channels of the student's blocks.
        pooling: Of the student; the teacher's own works best. Through average pooling, the best
            linear map from a max-pooling VGG-19's own convolutions misses a fifth of relu5_1.
        photographs: Photographs in a batch.
        paintings: Style pictures in a batch.
        painted: Pictures in a batch that are optimized through the student; may be 0.
        pool: Pictures under optimization in all.
        pool_life: Optimization steps after which such a picture is replaced by a new one.
        crop: Side of the training crops in pixels.
        learning_rate: Peak of the cosine schedule of the convolutions (Muon).
        bias_rate: Peak of the cosine schedule of the biases (Adam).
        gram_weight: Weight of the Gram matrices' relative error; that of the features has 1.
        hint_weight: Weight of the error at all layers: of the teacher's channels before the ReLU,
            or, where widths differ, of its features through a learnt projection.
        alone: Share of the steps, at the beginning, in which every layer is trained by itself; none
            if a start is given.
        average: Decay of the moving average of the weights, which is what is saved.
        precision: Of the convolutions, see :func:`impasto.runtime.precision.autocast`.
        seed: Of all random numbers.
    """

    widths: tuple[int, ...] = (16, 32, 64, 128, 128)
    pooling: str = "max"
    photographs: int = 2
    paintings: int = 2
    painted: int = 2
    pool: int = 48
    pool_life: int = 80
    crop: int = 160
    learning_rate: float = 0.02
    bias_rate: float = 0.01
    gram_weight: float = 0.5
    hint_weight: float = 1.0
    alone: float = 0.9
    average: float = 0.998
    precision: str = "auto"
    seed: int = 0
