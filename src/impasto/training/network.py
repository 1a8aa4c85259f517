"""Training one-pass networks: what any style and fixed styles have in common.

The loss is that of painting by optimization, evaluated on the network's picture instead of free
pixels: content features, style summaries and total variation, through the same
:class:`impasto.Objective` (Johnson et al. 2016, arXiv:1603.08155). The subclasses differ in where
style vectors come from: :mod:`impasto.training.any_style` and :mod:`impasto.training.fixed_styles`.

The batch of a step depends on seed and step alone. Several processes share it: each paints its
share and gradients are averaged, so that two processes make the same step as one.
"""

from __future__ import annotations

import contextlib
import copy
from abc import ABC, abstractmethod
from collections.abc import Collection, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import torch
from torch import Tensor, nn

from impasto.encoders.vgg import Encoder
from impasto.errors import unknown_name
from impasto.losses.moments import Summary
from impasto.losses.statistics import STATISTICS, get_statistic
from impasto.networks.base import StyledNetwork
from impasto.networks.model import OnePassModel
from impasto.networks.noise import PERIOD
from impasto.networks.normalization import moments_of, normalize
from impasto.networks.styles import COLOURS
from impasto.objective.objective import Objective
from impasto.objective.readouts import plan_summary
from impasto.objective.terms import ContentTerm, SummaryTerm, Term, TotalVariation, sum_by_term
from impasto.runtime.interrupts import StepAbandoned, interruptible
from impasto.runtime.precision import autocast, compute_dtype
from impasto.training.crops import Crops, random_integer, step_generator
from impasto.training.distributed import Workers
from impasto.training.finite_steps import FiniteSteps, without_blank_gradients
from impasto.training.loop import MovingAverage, cosine_rate
from impasto.training.prefetch import Prefetcher
from impasto.training.settings import OnePassSettings
from impasto.training.style_measurements import Key
from impasto.training.terms import CheckerboardTerm, PaletteTerm, SmoothnessTerm
from impasto.training.two_encoders import TwoEncoderLosses


class StyleBatch(NamedTuple):
    """The styles of a batch.

    Attributes:
        vectors: (B, style_size), differentiable in what they are computed from.
        targets: Layer → summaries of the styles (mean and Gram matrix).
        palette: Summary of their colours.
        pictures: The colours themselves, as pictures (B, 3, H, W), if the losses are those of two
            encoders.
    """

    vectors: Tensor
    targets: dict[str, Summary]
    palette: Summary
    pictures: Tensor | None = None


class Sample(NamedTuple):
    """One picture of a batch.

    Attributes:
        content: (1, 3, size, size).
        style: Style picture of that size, if styles are drawn from pictures.
        generator: Random numbers of this sample alone, the same in whichever process.
        is_own_style: Whether the content is its own style.
        style_key: What identifies the style picture, if it comes again.
    """

    content: Tensor
    style: Tensor | None
    generator: torch.Generator
    is_own_style: bool
    style_key: Key | None = None

    def to(self, device: torch.device) -> Sample:
        """The sample with its pictures on a device."""
        style = None if self.style is None else self.style.to(device)
        return self._replace(content=self.content.to(device), style=style)


class DrawnStyle(NamedTuple):
    """A style picture (1, 3, size, size), and what identifies it if it comes again."""

    picture: Tensor | None
    key: Key | None = None


class OnePassTraining(ABC):
    """The task of training a network (see :class:`impasto.training.loop.Task`).

    Args:
        network: The network to train.
        encoder: The loss network, frozen; copied to the device and type of training.
        contents: Crops of photographs.
        settings: How to train.
        modules: All that is trained, by name: the network and what computes its style vectors.
        workers: The processes that train together; this one alone by default.
        judges: The losses of two encoders, if the settings have them.

    Raises:
        OptionError: For layers that the encoder does not have, or an unknown precision.
    """

    def __init__(
        self,
        network: StyledNetwork,
        encoder: Encoder,
        contents: Crops,
        settings: OnePassSettings,
        modules: Mapping[str, nn.Module],
        workers: Workers | None = None,
        judges: TwoEncoderLosses | None = None,
    ) -> None:
        self.network, self.settings, self.judges = network, settings, judges
        encoder.check_layers([*settings.content_layers, *settings.style_layers])
        self._contents = contents
        self._workers = workers or Workers()
        self._device = self._workers.device
        # A copy in the compute type instead of autocast: so its filters count as fixed.
        dtype = compute_dtype(settings.precision, self._device.type)
        self.encoder = copy.deepcopy(encoder).to(self._device, dtype)
        self._modules = nn.ModuleDict(modules).to(self._device)
        self._average = MovingAverage(self._modules, settings.average)
        self._optimizer = torch.optim.Adam(
            self._trainable(), settings.learning_rate, betas=(0.9, 0.99)
        )
        self.finite_steps = FiniteSteps()
        self._prefetcher = Prefetcher(self._samples, enabled=self._device.type != "cpu")

    def keep_measurements(self, folder: Path) -> None:  # noqa: B027
        """Keep what is measured of style pictures in a folder that belongs to this training alone.

        It costs more than a step. So a resumed training need not measure it again, nor each of
        several processes. Does nothing if nothing is measured twice.
        """

    @abstractmethod
    def draw_styles(self, samples: Sequence[Sample], size: int) -> StyleBatch:
        """The styles of a batch, drawn with the samples' generators."""

    def draw_picture(self, generator: torch.Generator, size: int) -> DrawnStyle:
        """A style picture for one sample and its key, if styles are drawn from pictures."""
        return DrawnStyle(None)

    @abstractmethod
    def model(self) -> OnePassModel:
        """A copy of the averaged model, on the CPU."""

    def step(self, index: int, of: int) -> tuple[dict[str, float], float]:
        """One step on a new batch; returns the losses and the learning rate.

        It changes nothing if its numbers are not finite.
        """
        settings = self.settings
        rate = settings.learning_rate
        if not settings.constant_rate:
            rate = cosine_rate(rate, index, of)
        for group in self._optimizer.param_groups:
            group["lr"] = rate
        self._modules.zero_grad(set_to_none=True)
        moments = [moment.clone() for moment in self.network.running_moments]
        # Several processes stop together, after a step.
        with interruptible(enabled=self._workers.count == 1), kept_moments(self.network):
            losses = self.losses(index, settings.crop_at(index, of))
            total = torch.stack(list(losses.values())).sum()
            total.backward()  # type: ignore[no-untyped-call]
        values = torch.stack([value.detach() for value in losses.values()])
        trainable = self._trainable()
        self._average_over_workers(trainable, values)
        norm = nn.utils.clip_grad_norm_(trainable, settings.gradient_norm)
        if self.finite_steps.accepts(norm, values):
            self._optimizer.step()
            self._average.update()
        else:
            restore(self.network.running_moments, moments)
        return dict(zip(losses, values.tolist(), strict=True)), rate

    def _trainable(self) -> list[nn.Parameter]:
        return [p for p in self._modules.parameters() if p.requires_grad]

    def _average_over_workers(self, parameters: Sequence[nn.Parameter], losses: Tensor) -> None:
        """Average gradients, losses and running moments over processes, in place.

        A parameter keeps no gradient if it has none in any process: that of a style's vector, where
        no picture of the batch has that style.
        """
        has_gradient = losses.new_tensor([float(p.grad is not None) for p in parameters])
        gradients = [torch.zeros_like(p) if p.grad is None else p.grad for p in parameters]
        self._workers.average([*gradients, losses, has_gradient, *self.network.running_moments])
        for parameter, gradient, share in zip(
            parameters, gradients, has_gradient.tolist(), strict=True
        ):
            parameter.grad = gradient if share else None

    def losses(self, index: int, size: int) -> dict[str, Tensor]:
        """The losses by term, averaged over this process's share of the batch of a step."""
        samples = [sample.to(self._device) for sample in self._prefetcher.get(index, size)]
        contents = torch.cat([sample.content for sample in samples])
        styles = self.draw_styles(samples, size)
        origin = self._origin(index)
        if self.judges is not None:
            assert styles.pictures is not None
            with autocast(self.settings.precision, self._device.type):
                painted = self.network(contents, styles.vectors, origin=origin)
            painted = without_blank_gradients(painted, contents)
            generator = step_generator(self.settings.seed, -2 - index)
            return self.judges(
                painted.float(), contents, styles.pictures, styles.targets, generator
            )
        with torch.no_grad():
            targets = self.encoder(contents, self.settings.content_layers)
        if self.settings.adain_target:
            affine = self.network.split(styles.vectors.detach())
            targets = {
                name: normalize(feature.float(), moments_of(feature.float()), *affine[name])
                for name, feature in targets.items()
            }
        with autocast(self.settings.precision, self._device.type):
            painted = self.network(contents, styles.vectors, origin=origin)
        painted = without_blank_gradients(painted, contents)
        return sum_by_term(self._objective(targets, styles, contents)(painted))

    def _objective(
        self, content_targets: Mapping[str, Tensor], styles: StyleBatch, contents: Tensor
    ) -> Objective:
        settings = self.settings
        style_targets = {
            name: _summary_of_moments(settings.statistic, styles.targets[name])
            for name in settings.style_layers
        }
        terms: list[Term] = [
            ContentTerm(
                content_targets,
                layer_weights=settings.content_layers,
                normalization=settings.content_normalization,
            ),
            SummaryTerm(
                style_targets,
                statistic=settings.statistic,
                layer_weights=settings.style_layers,
                normalization=settings.normalization,
                soft=settings.soft,
                readouts=self.encoder.linear_readouts(),
            ),
            TotalVariation(settings.tv_weight),
        ]
        if settings.palette_weight:
            terms.append(PaletteTerm(styles.palette, settings.palette_weight))
        if settings.even_weight:
            terms.append(SmoothnessTerm(contents, settings.even_weight))
        if settings.grid_weight:
            terms.append(CheckerboardTerm(contents, settings.grid_weight))
        return Objective(terms, self.encoder)

    def _origin(self, index: int) -> tuple[int, int]:
        """Where a step's crops are in the plane of noise: without, all would have the same."""
        generator = step_generator(self.settings.seed, -2 - index)
        stride = self.network.stride
        row, column = (stride * random_integer(PERIOD, generator) for _ in range(2))
        return row, column

    def _samples(self, index: int, size: int) -> list[Sample]:
        """The share of this process in the batch of a step, not yet on the device."""
        first = index * self.settings.batch
        share = range(self._workers.rank, self.settings.batch, self._workers.count)
        return [self._sample(first + number, size) for number in share]

    def _sample(self, number: int, size: int) -> Sample:
        generator = step_generator(self.settings.seed, number)
        content = self._contents.draw(1, generator, size)
        is_own_style = float(torch.rand((), generator=generator)) < self.settings.own_style
        style = self.draw_picture(generator, size)
        return Sample(content, style.picture, generator, is_own_style, style.key)

    def state_dict(self) -> dict[str, Any]:
        """All that the next step depends on."""
        return {
            "trained": self._modules.state_dict(),
            "average": self._average.state_dict(),
            "optimizer": self._optimizer.state_dict(),
        }

    def load_state_dict(self, state: dict[str, Any]) -> None:
        """Restore a :meth:`state_dict`."""
        self._modules.load_state_dict(state["trained"])
        self._average.load_state_dict(state["average"])
        self._optimizer.load_state_dict(state["optimizer"])

    def averaged(self, name: str) -> dict[str, Tensor]:
        """The averaged weights of one of the trained modules, on the CPU."""
        weights = {k: v.cpu() for k, v in self._average.weights().items() if k.startswith(name)}
        return {k.removeprefix(f"{name}."): v for k, v in weights.items()}


@contextlib.contextmanager
def kept_moments(network: StyledNetwork) -> Iterator[None]:
    """If the block, a step's forward pass, is abandoned, running moments are as before it."""
    before = [moment.clone() for moment in network.running_moments]
    try:
        yield
    except StepAbandoned:
        restore(network.running_moments, before)
        raise


def restore(moments: Sequence[Tensor], values: Sequence[Tensor]) -> None:
    """Give running moments their earlier values."""
    for moment, value in zip(moments, values, strict=True):
        moment.copy_(value)


@torch.no_grad()
def summaries_of(encoder: Encoder, pictures: Tensor, layers: Collection[str]) -> dict[str, Summary]:
    """Layer → mean and Gram matrix: the input of style predictors, and the style targets."""
    statistic, readouts = get_statistic("gaussian-ot"), encoder.linear_readouts()
    names = [name for name in layers if name != COLOURS]
    plans = {name: plan_summary(name, statistic, readouts.get(name)) for name in names}
    features = encoder(pictures, [plan.source for plan in plans.values()])
    summaries = {
        name: plan.finish(plan.summarize(features[plan.source], None))
        for name, plan in plans.items()
    }
    if COLOURS in layers:
        summaries[COLOURS] = statistic.summary(pictures, None)
    return summaries


def _summary_of_moments(statistic: str, summary: Summary) -> Summary:
    """The summary of another statistic that follows from mean and Gram matrix."""
    from_moments = get_statistic(statistic).from_moments
    if from_moments is None:
        known = [name for name, statistic in STATISTICS.usable().items() if statistic.from_moments]
        raise unknown_name("style statistic of training", statistic, known)
    return from_moments(summary)
