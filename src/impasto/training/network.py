"""Training one-pass networks: what all kinds share.

The loss is that of the optimizer, asked of the network's picture instead of free pixels: content
features, style summaries and total variation, through the same :class:`impasto.Objective`
(Johnson et al. 2016, arXiv:1603.08155). Where the style vectors come from is what tells the kinds
of training apart: see :mod:`impasto.training.any_style` and :mod:`impasto.training.fixed_styles`.

A step's batch depends on seed and step alone. Several processes share it: each paints its share
and the gradients are averaged, so that two processes make the step that one would.
"""

from __future__ import annotations

import copy
from abc import ABC, abstractmethod
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any, NamedTuple

import torch
from torch import Tensor, nn

from impasto.encoders.vgg import Encoder
from impasto.errors import unknown_name
from impasto.losses.moments import Summary
from impasto.losses.statistics import STATISTICS, get_statistic
from impasto.networks.base import StyledNetwork
from impasto.networks.files import OnePassModel
from impasto.networks.normalization import moments_of, normalize
from impasto.networks.style_predictor import STYLE_LAYERS
from impasto.objective.objective import Objective
from impasto.objective.readouts import reading, readouts_of
from impasto.objective.terms import ContentTerm, SummaryTerm, Term, TotalVariation, by_kind
from impasto.runtime.precision import autocast, compute_dtype
from impasto.training.crops import Crops, step_generator
from impasto.training.distributed import Workers
from impasto.training.loop import Average, cosine_rate
from impasto.training.prefetch import Prefetcher
from impasto.training.terms import EvennessTerm, GridTerm, PaletteTerm


@dataclass(frozen=True)
class OnePassSettings:
    """How a one-pass network is trained.

    Attributes:
        batch: Pictures a step, over all processes.
        crop: Side of the training crops in pixels.
        first_crop: The same in the first ``first_share`` of the steps, which cost half as much.
        first_share: Of the steps.
        content_layers: Layer → weight of the content loss.
        style_layers: Layer → weight of the style loss.
        palette_weight: Of the distance between the colours of picture and style, see
            :class:`impasto.training.terms.PaletteTerm`.
        even_weight: Of what keeps an even sky even, see :class:`impasto.training.terms.EvennessTerm`.
        grid_weight: Of what keeps grids out of it, see :class:`impasto.training.terms.GridTerm`.
        tv_weight: Of the mean squared total variation.
        statistic: Of the style loss; one that follows from mean and Gram matrix.
        adain_target: Whether the content loss asks for the content's features with the style's
            means and deviations, which an AdaIN decoder is given, not for the content's own.
        normalization: Of the style loss, see :func:`impasto.losses.statistics.style_unit`.
        content_normalization: See :func:`impasto.losses.content.content_loss`.
        soft: Whether a style loss x counts as log(1 + x), picture by picture.
        learning_rate: Peak of the cosine schedule (Adam, β = 0.9 and 0.99). Muon, which distils
            encoders so well, was 15 % slower than this in the first 300 steps.
        constant_rate: Whether the rate stays at its peak instead, as in the papers.
        gradient_norm: Gradients are cut to this norm.
        own_style: Share of the pictures whose style is their own, for which the right answer is
            the picture itself: it gives the far end of ``--strength`` a meaning.
        average: Decay of the moving average of the weights, which is what is kept.
        precision: Of the convolutions, see :func:`impasto.runtime.precision.compute_dtype`.
        seed: Of everything random.
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


_PLAIN = OnePassSettings(
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


def _of_magenta(style_weight: float, **settings: Any) -> OnePassSettings:
    """The losses of Dumoulin et al. and Ghiasi et al., as Magenta's code of both has them.

    mean (F − F')² at relu3_3 and ``style_weight`` · mean (G − G')² with G = FᵀF / (H W) at
    relu1_2 … relu4_3 of VGG-16 (with average pooling, which is the encoder's matter here).
    """
    # Their VGG sees 0 … 255 less the mean, ours that divided by deviations of 0.226: features are
    # about so much larger there, and Gram matrices the square of it.
    size = (255 * 0.226) ** 2
    layers = ("relu1_2", "relu2_2", "relu3_3", "relu4_3")
    return replace(
        _PLAIN,
        content_layers={"relu3_3": size},
        style_layers=dict.fromkeys(layers, style_weight * size**2),
        learning_rate=1e-3,
        **settings,
    )


PRESETS: Mapping[str, OnePassSettings] = {
    "default": OnePassSettings(),
    # Johnson et al. 2016: relu2_2 and relu1_2 … relu4_3 of VGG-16, Adam at 1e-3, batches of four.
    # Losses as in PyTorch's own example of the paper: 1e5 · mean (F − F')² and
    # 1e10 · mean (G − G')² with G = FᵀF / (C H W), whence C² here.
    "johnson": replace(
        _PLAIN,
        content_layers={"relu2_2": 1e5},
        style_layers={
            f"relu{name}": 1e10 / width**2
            for name, width in (("1_2", 64), ("2_2", 128), ("3_3", 256), ("4_3", 512))
        },
        learning_rate=1e-3,
    ),
    # Dumoulin et al. 2017 (arXiv:1610.07629), for multi-style: batches of 16, Adam at 1e-3.
    "dumoulin": _of_magenta(1e-4, batch=16),
    # Ghiasi et al. 2017 (arXiv:1705.06830), for any-style: batches of 8; Magenta halves the sum of
    # squares that 1e4 times is total variation. Its rate, 1e-5, is for eight million steps; this
    # one is that of Dumoulin et al.
    "ghiasi": _of_magenta(5e-4, batch=8, tv_weight=5e3),
    # Huang & Belongie 2017, section 5: mean squared errors, style ten times the content; moments
    # are averaged over 2 C numbers here, so twenty.
    "adain": replace(
        _PLAIN,
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


class Styles(NamedTuple):
    """The styles of the pictures of a batch.

    Attributes:
        vectors: (B, style_size), with gradients in whatever they come from.
        targets: Layer → the summaries of the styles.
        palette: The summary of their colours.
    """

    vectors: Tensor
    targets: dict[str, Summary]
    palette: Summary


class Sample(NamedTuple):
    """One picture of a batch.

    Attributes:
        content: (1, 3, size, size).
        style: Likewise, a picture after which it is to be painted, if it is not a known one.
        random: Random numbers of its own, so that it is the same in whatever process.
        own: Whether its style is to be its own.
    """

    content: Tensor
    style: Tensor | None
    random: torch.Generator
    own: bool

    def to(self, device: torch.device) -> Sample:
        """The same with its pictures on a device."""
        style = None if self.style is None else self.style.to(device)
        return self._replace(content=self.content.to(device), style=style)


class OnePassTraining(ABC):
    """The task of training a network (see :class:`impasto.training.loop.Task`).

    Args:
        network: To train.
        encoder: The loss network, frozen; copied to the device and type of training.
        contents: Crops of photographs.
        settings: How.
        learnt: All that is trained, by name: the network and what its vectors come from.
        workers: Who trains; this process alone by default.

    Raises:
        OptionError: For layers that the encoder has not, or an unknown precision.
    """

    def __init__(
        self,
        network: StyledNetwork,
        encoder: Encoder,
        contents: Crops,
        settings: OnePassSettings,
        learnt: Mapping[str, nn.Module],
        workers: Workers | None = None,
    ) -> None:
        self.network, self.settings = network, settings
        encoder.check_layers([*settings.content_layers, *settings.style_layers])
        self._contents = contents
        self._workers = workers or Workers()
        self._device = self._workers.device
        # A copy in the fast type, not autocast: so its filters count as fixed.
        dtype = compute_dtype(settings.precision, self._device.type)
        self.encoder = copy.deepcopy(encoder).to(self._device, dtype)
        self._learnt = nn.ModuleDict(learnt).to(self._device)
        self._average = Average(self._learnt, settings.average)
        moving = [p for p in self._learnt.parameters() if p.requires_grad]
        self._optimizer = torch.optim.Adam(moving, settings.learning_rate, betas=(0.9, 0.99))
        self._ahead = Prefetcher(self._samples, ahead=self._device.type != "cpu")

    @abstractmethod
    def draw_styles(self, samples: Sequence[Sample], size: int) -> Styles:
        """The styles of a batch, drawn by the samples' own random numbers."""

    def draw_picture(self, random: torch.Generator, size: int) -> Tensor | None:
        """A style picture for one sample, if they are drawn from many."""
        return None

    @abstractmethod
    def model(self) -> OnePassModel:
        """The averaged model as it is now, a copy on the processor."""

    def step(self, index: int, of: int) -> tuple[dict[str, float], float]:
        """One step on a fresh batch."""
        settings = self.settings
        rate = settings.learning_rate
        if not settings.constant_rate:
            rate = cosine_rate(rate, index, of)
        for group in self._optimizer.param_groups:
            group["lr"] = rate
        early = index < settings.first_share * of
        losses = self.losses(index, settings.first_crop if early else settings.crop)
        self._learnt.zero_grad(set_to_none=True)
        total = torch.stack(list(losses.values())).sum()
        total.backward()  # type: ignore[no-untyped-call]
        told = torch.stack([value.detach() for value in losses.values()])
        moving = [p for p in self._learnt.parameters() if p.requires_grad]
        self._average_over_workers(moving, told)
        nn.utils.clip_grad_norm_(moving, settings.gradient_norm)
        self._optimizer.step()
        self._average.update()
        return dict(zip(losses, told.tolist(), strict=True)), rate

    def _average_over_workers(self, moving: Sequence[nn.Parameter], told: Tensor) -> None:
        """Gradients, losses and moments; what no process has a gradient of is left without one.

        A style's vector has none where no picture of the share was to be painted in that style.
        """
        there = told.new_tensor([float(p.grad is not None) for p in moving])
        gradients = [torch.zeros_like(p) if p.grad is None else p.grad for p in moving]
        self._workers.average([*gradients, told, there, *self.network.running_moments])
        for parameter, gradient, share in zip(moving, gradients, there.tolist(), strict=True):
            parameter.grad = gradient if share else None

    def losses(self, index: int, size: int) -> dict[str, Tensor]:
        """The losses of this process's share of the batch of step ``index``, averaged over it.

        Args:
            index: Of the step.
            size: Side of the crops.
        """
        samples = [sample.to(self._device) for sample in self._ahead.take(index, size)]
        contents = torch.cat([sample.content for sample in samples])
        styles = self.draw_styles(samples, size)
        with torch.no_grad():
            kept = self.encoder(contents, self.settings.content_layers)
        if self.settings.adain_target:
            wanted = self.network.split(styles.vectors.detach())
            kept = {
                name: normalize(feature.float(), moments_of(feature.float()), *wanted[name])
                for name, feature in kept.items()
            }
        with autocast(self.settings.precision, self._device.type):
            painted = self.network(contents, styles.vectors)
        return by_kind(self._objective(kept, styles, contents)(painted))

    def _objective(self, kept: Mapping[str, Tensor], styles: Styles, contents: Tensor) -> Objective:
        settings = self.settings
        targets = {
            name: _told_as(settings.statistic, styles.targets[name])
            for name in settings.style_layers
        }
        terms: list[Term] = [
            ContentTerm(
                kept,
                layer_weights=settings.content_layers,
                normalization=settings.content_normalization,
            ),
            SummaryTerm(
                targets,
                statistic=settings.statistic,
                layer_weights=settings.style_layers,
                normalization=settings.normalization,
                soft=settings.soft,
                readouts=readouts_of(self.encoder),
            ),
            TotalVariation(settings.tv_weight),
        ]
        if settings.palette_weight:
            terms.append(PaletteTerm(styles.palette, settings.palette_weight))
        if settings.even_weight:
            terms.append(EvennessTerm(contents, settings.even_weight))
        if settings.grid_weight:
            terms.append(GridTerm(contents, settings.grid_weight))
        return Objective(terms, self.encoder)

    def _samples(self, index: int, size: int) -> list[Sample]:
        """The share of this process in the batch of step ``index``, not yet on the device."""
        first = index * self.settings.batch
        share = range(self._workers.rank, self.settings.batch, self._workers.count)
        return [self._sample(first + number, size) for number in share]

    def _sample(self, number: int, size: int) -> Sample:
        random = step_generator(self.settings.seed, number)
        content = self._contents.draw(1, random, size)
        own = float(torch.rand((), generator=random)) < self.settings.own_style
        return Sample(content, self.draw_picture(random, size), random, own)

    def state_dict(self) -> dict[str, Any]:
        """All that the next step depends on."""
        return {
            "trained": self._learnt.state_dict(),
            "average": self._average.state_dict(),
            "optimizer": self._optimizer.state_dict(),
        }

    def load_state_dict(self, state: dict[str, Any]) -> None:
        """Be as when ``state`` was taken."""
        self._learnt.load_state_dict(state["trained"])
        self._average.load_state_dict(state["average"])
        self._optimizer.load_state_dict(state["optimizer"])

    def averaged(self, name: str) -> dict[str, Tensor]:
        """The averaged weights of one of what is learnt, on the processor."""
        weights = {k: v.cpu() for k, v in self._average.weights().items() if k.startswith(name)}
        return {k.removeprefix(f"{name}."): v for k, v in weights.items()}


@torch.no_grad()
def summaries_of(encoder: Encoder, pictures: Tensor, layers: Iterable[str]) -> dict[str, Summary]:
    """Layer → mean and Gram matrix: what a style vector is read off, and the style targets too."""
    statistic, readouts = get_statistic("gaussian-ot"), readouts_of(encoder)
    readings = {name: reading(name, statistic, readouts.get(name)) for name in layers}
    features = encoder(pictures, [own.source for own in readings.values()])
    return {
        name: own.finish(own.summarize(features[own.source], None))
        for name, own in readings.items()
    }


def _told_as(statistic: str, summary: Summary) -> Summary:
    """A summary of mean and Gram matrix as one of another statistic that follows from it."""
    from_moments = get_statistic(statistic).from_moments
    if from_moments is None:
        known = [name for name, statistic in STATISTICS.items() if statistic.from_moments]
        raise unknown_name("style statistic of training", statistic, known)
    return from_moments(summary)
