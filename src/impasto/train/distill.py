"""Distilling an encoder: a small net learns to see as a large one sees.

Feature matching through learnt 1×1 projections follows Wang et al. 2020 ("Collaborative
Distillation", arXiv:2003.08436). Two things are added. The Gram matrices are matched too, since
they are what style is told by. And a share of every batch is *painted by the student itself* (a
pool of pictures under optimisation): an optimiser looks for exactly those pictures where the
student is wrong, so the student must be taught there.

Style layers are compared in the teacher's own metric: its features are rotated once into their
principal axes, as many as the student has channels (98 to 99.9 % of their energy), and the student
learns a 1×1 readout to them. A rotation keeps inner products, so Gram distances between the
student's read-out features approximate those of the teacher.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from impasto.encoders import Architecture, Encoder
from impasto.errors import OptionError
from impasto.losses.statistics import STATISTICS, Statistic, gram_matrix, style_loss
from impasto.precision import autocast
from impasto.train.muon import Muon
from impasto.train.pictures import Crops, step_generator
from impasto.train.runs import Average, cosine_rate

STYLE_LAYERS = ("relu1_1", "relu2_1", "relu3_1", "relu4_1", "relu5_1")
CONTENT_LAYER = "relu4_2"


@dataclass(frozen=True)
class DistillSettings:
    """How an encoder is distilled.

    Attributes:
        widths: Channels of the student's blocks.
        pooling: Of the student. Average pooling has a smooth gradient: no dust in the pictures.
        photographs: Photographs in a batch.
        paintings: Style pictures in a batch.
        painted: Pictures in a batch that are being optimised through the student.
        pool: Pictures under optimisation in all.
        pool_life: Optimisation steps after which such a picture is replaced by a new one.
        crop: Side of the training crops in pixels.
        learning_rate: Peak of the cosine schedule of the convolutions (Muon).
        bias_rate: Peak of the cosine schedule of the biases (Adam).
        gram_weight: Weight of the Gram matrices' relative error beside the features'.
        inner_weight: Weight of the layers between the style layers.
        average: Decay of the moving average of the weights, which is what is kept.
        seed: Of everything random.
    """

    widths: tuple[int, ...] = (16, 32, 64, 128, 128)
    pooling: str = "average"
    photographs: int = 3
    paintings: int = 2
    painted: int = 3
    pool: int = 48
    pool_life: int = 80
    crop: int = 160
    learning_rate: float = 0.02
    bias_rate: float = 2e-3
    gram_weight: float = 0.5
    inner_weight: float = 0.2
    average: float = 0.998
    seed: int = 0


class Distillation:
    """The task of distilling a teacher encoder (see :class:`impasto.train.runs.Task`).

    Args:
        teacher: Frozen; must have relu1_1 … relu5_1 and relu4_2.
        photographs: Crops of content pictures.
        paintings: Crops of style pictures.
        settings: How.
    """

    def __init__(
        self, teacher: Encoder, photographs: Crops, paintings: Crops, settings: DistillSettings
    ) -> None:
        self.teacher = teacher
        self.settings = settings
        self._photographs, self._paintings = photographs, paintings
        self.layers = shared_layers(teacher)
        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(settings.seed)
            self.student = Encoder(_student_architecture(settings))
            _initialise(self.student)
            self.projections = nn.ModuleDict(
                {
                    name: nn.Conv2d(
                        self.student.channels(name), teacher.channels(name), 1, bias=False
                    )
                    for name in self.layers
                    if name not in STYLE_LAYERS
                }
            )
        self._axes = self._principal_axes()
        self._trained = nn.ModuleDict({"student": self.student, "projections": self.projections})
        self._trained.to(memory_format=torch.channels_last)  # type: ignore[call-overload]
        self._average = Average(self._trained, settings.average)
        self._optimisers = _optimisers(self._trained, settings)
        self._pool = _Pool(settings)

    def step(self, index: int, of: int) -> tuple[dict[str, float], float]:
        """One step of Adam on photographs, paintings and pictures the student is painting."""
        random = step_generator(self.settings.seed, index)
        rate = cosine_rate(1.0, index, of)
        for optimiser in self._optimisers:
            for group in optimiser.param_groups:
                group["lr"] = rate * group["peak"]
        photographs = self._photographs.draw(self.settings.photographs, random)
        paintings = self._paintings.draw(self.settings.paintings, random)
        self._pool.fill(self._photographs, self._paintings, random)
        chosen = self._pool.choose(random)
        batch = torch.cat([augment(torch.cat([photographs, paintings]), random), chosen.images])
        losses = self._losses(batch)
        self._trained.zero_grad(set_to_none=True)
        total = sum(losses.values(), torch.zeros(()))
        total.backward()  # type: ignore[no-untyped-call]
        for optimiser in self._optimisers:
            optimiser.step()
        self._average.update()
        # Both kinds of objective that the student will be used with find its weak spots.
        statistic = STATISTICS[("gram", "gaussian-ot")[index % 2]]
        self._pool.paint(chosen, self.student, statistic)
        return {name: float(value.detach()) for name, value in losses.items()}, rate

    def encoder(self) -> Encoder:
        """The averaged student, frozen."""
        encoder = Encoder(self.student.architecture)
        weights = self._average.weights()
        state = {k.removeprefix("student."): v for k, v in weights.items() if "student." in k}
        encoder.load_state_dict(state)
        return encoder.frozen()

    def state_dict(self) -> dict[str, Any]:
        """All that the next step depends on."""
        return {
            "trained": self._trained.state_dict(),
            "average": self._average.state_dict(),
            "optimisers": [optimiser.state_dict() for optimiser in self._optimisers],
            "pool": self._pool.state_dict(),
            "axes": self._axes,
        }

    def load_state_dict(self, state: dict[str, Any]) -> None:
        """Be as when ``state`` was taken."""
        self._trained.load_state_dict(state["trained"])
        self._average.load_state_dict(state["average"])
        for optimiser, saved in zip(self._optimisers, state["optimisers"], strict=True):
            optimiser.load_state_dict(saved)
        self._pool.load_state_dict(state["pool"])
        # Worked out anew they might have other signs, with another number of threads.
        self._axes = {name: axes.clone() for name, axes in state["axes"].items()}

    @torch.no_grad()
    def _principal_axes(self) -> dict[str, Tensor]:
        """Style layer → (teacher's channels, student's channels), orthonormal columns."""
        random = step_generator(self.settings.seed, -1)
        sums: dict[str, Tensor] = {}
        for _ in range(8):
            batch = torch.cat([self._photographs.draw(4, random), self._paintings.draw(4, random)])
            for name, feature in self.teacher(batch, STYLE_LAYERS).items():
                sums[name] = sums.get(name, 0) + gram_matrix(feature, None).mean(0).double()
        widths = {name: self.student.channels(name) for name in STYLE_LAYERS}
        return {
            name: torch.linalg.eigh(total)[1][:, -widths[name] :].float()
            for name, total in sums.items()
        }

    def _targets(self, batch: Tensor) -> dict[str, Tensor]:
        with torch.no_grad(), autocast():
            targets: dict[str, Tensor] = self.teacher(batch, self.layers)
            for name, axes in self._axes.items():
                weight = axes.T[:, :, None, None].contiguous(memory_format=torch.channels_last)
                targets[name] = F.conv2d(targets[name], weight)
        return targets

    def _losses(self, batch: Tensor) -> dict[str, Tensor]:
        targets = self._targets(batch)
        with autocast():
            features = self.student(batch, self.layers)
            for name, projection in self.projections.items():
                features[name] = projection(features[name])
        outer: list[Tensor] = []
        inner: list[Tensor] = []
        gram: list[Tensor] = []
        for name, target in targets.items():
            error = relative_error(features[name], target)
            (outer if name in STYLE_LAYERS or name == CONTENT_LAYER else inner).append(error)
            if name in STYLE_LAYERS:
                grams = gram_matrix(features[name], None), gram_matrix(target, None)
                gram.append(relative_error(*grams))
        return {
            "features": torch.stack(outer).mean(),
            "gram": self.settings.gram_weight * torch.stack(gram).mean(),
            "inner": self.settings.inner_weight * torch.stack(inner).mean(),
        }


@dataclass
class _Chosen:
    """Pool members taken for one step."""

    indices: Tensor
    images: Tensor


class _Pool:
    """Pictures that are being optimised through the student, each towards a style of its own."""

    def __init__(self, settings: DistillSettings) -> None:
        self._settings = settings
        shape = (settings.pool, 3, settings.crop, settings.crop)
        self._tensors = {
            "images": torch.zeros(shape),
            "contents": torch.zeros(shape),
            "styles": torch.zeros(shape),
            "first": torch.zeros(shape),
            "second": torch.zeros(shape),
            # Born old, so that all are drawn anew at the first step; of all ages from then on.
            "ages": torch.full((settings.pool,), settings.pool_life),
        }

    def fill(self, photographs: Crops, paintings: Crops, random: torch.Generator) -> None:
        """Replace the pictures that have reached their age."""
        pool = self._tensors
        for index in torch.nonzero(pool["ages"] >= self._settings.pool_life).flatten().tolist():
            pool["contents"][index] = photographs.draw(1, random)[0]
            pool["styles"][index] = paintings.draw(1, random)[0]
            noise = torch.rand(pool["images"][index].shape, generator=random)
            mix = float(torch.rand((), generator=random)) ** 2
            pool["images"][index] = torch.lerp(pool["contents"][index], noise, mix)
            pool["first"][index] = 0
            pool["second"][index] = 0
            pool["ages"][index] = int(torch.randint(8, (), generator=random))

    def choose(self, random: torch.Generator) -> _Chosen:
        """Some members, at random."""
        indices = torch.randperm(self._settings.pool, generator=random)[: self._settings.painted]
        return _Chosen(indices, self._tensors["images"][indices])

    def paint(self, chosen: _Chosen, student: Encoder, statistic: Statistic) -> None:
        """Two steps of Adam on the chosen pictures, towards their styles, as the student sees."""
        pool, at = self._tensors, chosen.indices
        with torch.no_grad(), autocast():
            styles = student(pool["styles"][at], STYLE_LAYERS)
            content = student(pool["contents"][at], [CONTENT_LAYER])[CONTENT_LAYER]
        targets = {name: statistic.summary(feature, None) for name, feature in styles.items()}
        for _ in range(2):
            images = pool["images"][at].requires_grad_(True)
            with autocast():
                features = student(images, [*STYLE_LAYERS, CONTENT_LAYER])
            loss = 0.1 * relative_error(features[CONTENT_LAYER], content)
            for name, target in targets.items():
                summary = statistic.summary(features[name], None)
                loss = loss + style_loss(statistic, summary, target).mean() / len(targets)
            (gradient,) = torch.autograd.grad(loss, images)
            self._adam(at, gradient)

    @torch.no_grad()
    def _adam(self, at: Tensor, gradient: Tensor) -> None:
        pool = self._tensors
        pool["ages"][at] += 1
        age = pool["ages"][at].view(-1, 1, 1, 1).float()
        first = pool["first"][at].lerp_(gradient, 0.1)
        second = pool["second"][at].lerp_(gradient.square(), 0.01)
        step = (first / (1 - 0.9**age)) / ((second / (1 - 0.99**age)).sqrt() + 1e-12)
        pool["first"][at], pool["second"][at] = first, second
        pool["images"][at] = (pool["images"][at] - 0.03 * step).clamp_(0, 1)

    def state_dict(self) -> dict[str, Tensor]:
        """For the checkpoint."""
        return self._tensors

    def load_state_dict(self, state: dict[str, Tensor]) -> None:
        """From the checkpoint."""
        if state["images"].shape != self._tensors["images"].shape:
            raise OptionError("the pool of painted pictures has another size")
        self._tensors = {key: state[key].clone() for key in self._tensors}


def shared_layers(teacher: Encoder) -> tuple[str, ...]:
    """The rectified layers that student and teacher are compared at, conv1_1 to conv5_1.

    Raises:
        OptionError: If the teacher lacks one of the style layers or relu4_2.
    """
    teacher.check_layers([*STYLE_LAYERS, CONTENT_LAYER])
    until = teacher.layers.index(STYLE_LAYERS[-1])
    return tuple(name for name in teacher.layers[: until + 1] if name.startswith("relu"))


def relative_error(got: Tensor, target: Tensor) -> Tensor:
    """‖got − target‖² / ‖target‖², each picture of the batch by itself, averaged."""
    target = target.float()
    dims = tuple(range(1, got.ndim))
    return ((got.float() - target).square().sum(dims) / (target.square().sum(dims) + 1e-8)).mean()


def augment(batch: Tensor, random: torch.Generator) -> Tensor:
    """Pictures off the beaten track: other exposure and colour, blends, noise, blur.

    An optimiser passes through pictures that are no photographs; the student must know them too.
    """
    count = len(batch)

    def chance(probability: float) -> Tensor:
        return (torch.rand(count, generator=random) < probability).view(-1, 1, 1, 1)

    def uniform(low: float, high: float, *shape: int) -> Tensor:
        return low + (high - low) * torch.rand(count, *shape, generator=random)

    toned = (batch - 0.5) * uniform(0.4, 1.4, 1, 1, 1) + 0.5 + uniform(-0.2, 0.2, 3, 1, 1)
    batch = torch.where(chance(0.3), toned, batch)
    blend = torch.lerp(batch, batch.roll(1, 0), uniform(0.2, 0.8, 1, 1, 1))
    batch = torch.where(chance(0.15), blend, batch)
    soft = F.interpolate(F.avg_pool2d(batch, 4), batch.shape[-2:], mode="bilinear")
    batch = torch.where(chance(0.1), soft, batch)
    noise = torch.randn(batch.shape, generator=random) * uniform(0, 0.3, 1, 1, 1)
    batch = torch.where(chance(0.25), batch + noise, batch)
    return batch.clamp(0, 1)


def _student_architecture(settings: DistillSettings) -> Architecture:
    return Architecture(
        widths=settings.widths,
        depths=(2, 2, 4, 4, 1),
        pooling=settings.pooling,
        padding="reflect",
        readouts=dict(zip(STYLE_LAYERS, settings.widths, strict=True)),
    )


def _optimisers(module: nn.Module, settings: DistillSettings) -> list[torch.optim.Optimizer]:
    """Muon for the weights of convolutions, Adam for the biases."""
    weights = [p for p in module.parameters() if p.ndim > 1]
    biases = [p for p in module.parameters() if p.ndim == 1]
    muon = Muon(weights, settings.learning_rate)
    adam = torch.optim.Adam(biases, settings.bias_rate, betas=(0.9, 0.99))
    for optimiser, peak in ((muon, settings.learning_rate), (adam, settings.bias_rate)):
        for group in optimiser.param_groups:
            group["peak"] = peak
    return [muon, adam]


def _initialise(encoder: Encoder) -> None:
    for module in encoder.convolutions.values():
        assert isinstance(module, nn.Conv2d)
        nn.init.kaiming_normal_(module.weight, nonlinearity="relu")
        assert module.bias is not None
        nn.init.zeros_(module.bias)
    for module in encoder.readouts.values():
        assert isinstance(module, nn.Conv2d)
        assert module.bias is not None
        nn.init.zeros_(module.bias)
