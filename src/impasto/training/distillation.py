"""Distilling an encoder: a small network (student) learns the features of a large one (teacher).

Feature matching through learnt 1×1 projections follows Wang et al. 2020 ("Collaborative
Distillation", arXiv:2003.08436), with three additions:

* Where student and teacher have the same width, the student learns the teacher's channels before
  every ReLU (hints: Romero et al. 2015, "FitNets", arXiv:1412.6550). Each convolution is then a
  linear regression, which converges much faster and closer than if the student must find a basis.
* The Gram matrices are matched, too, because styles are compared by them.
* A share of every batch is optimized through the student (see
  :mod:`impasto.training.image_pool`): optimization finds the pictures where the student is wrong.

Style layers are compared in the teacher's metric. Its features are rotated once into their
principal axes, as many as the student has channels (98 to 99.9 % of their energy), and the student
learns a 1×1 readout to them. A rotation keeps inner products, so Gram distances between the
student's readouts approximate those of the teacher.

A second teacher may take over the first layers (``fine``): a compressed teacher approximates deep
layers well, but strokes are judged by the first layers of the network that it is a copy of.
"""

from __future__ import annotations

import math
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from impasto.encoders.vgg import Encoder
from impasto.errors import OptionError
from impasto.losses.content import content_loss
from impasto.losses.moments import gram_matrix
from impasto.losses.statistics import STATISTICS, style_loss
from impasto.runtime.interrupts import interruptible
from impasto.runtime.precision import autocast
from impasto.training.augmentation import augment
from impasto.training.crops import Crops, step_generator
from impasto.training.fine_teacher import FineTeacher, check_widths, student_architecture
from impasto.training.finite_steps import FiniteSteps
from impasto.training.image_pool import CONTENT_LAYER, STYLE_LAYERS, ImagePool, PoolSample
from impasto.training.loop import MovingAverage, cosine_rate
from impasto.training.muon import Muon
from impasto.training.settings import DistillSettings as DistillSettings


class Distillation:
    """The task of distilling a teacher encoder (see :class:`impasto.training.loop.Task`).

    Args:
        teacher: Frozen; must have relu1_1 … relu5_1 and relu4_2.
        photographs: Crops of content pictures.
        paintings: Crops of style pictures.
        settings: How to distil.
        start: A student of this teacher to train further; new weights by default.
        fine: A second teacher, frozen: of those style layers that it has, the student learns its
            features. The convolutions before them are free to differ from the teacher's.
        device: To train on; the teachers are moved there.

    Raises:
        OptionError: For a teacher that lacks one of these layers or is narrower than the student,
            or a start of another architecture.
    """

    def __init__(
        self,
        teacher: Encoder,
        photographs: Crops,
        paintings: Crops,
        settings: DistillSettings,
        *,
        start: Encoder | None = None,
        fine: Encoder | None = None,
        device: torch.device | None = None,
    ) -> None:
        _check_teacher(teacher, settings)
        self._device = device or torch.device("cpu")
        self.teacher = teacher.to(self._device)
        self._fine = FineTeacher(fine.to(self._device), settings) if fine else None
        self.settings = settings
        self._photographs, self._paintings = photographs, paintings
        self._teacher_trunk = teacher.without_readouts()
        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(settings.seed)
            self.student = Encoder(student_architecture(settings))
            _initialize(self.student)
            if start is not None:
                _load_start(self.student, start)
            self._student_trunk = self.student.without_readouts()
            self.hints = _hints(self.student, self._teacher_trunk)
            if self._fine:
                self.hints = tuple(name for name in self.hints if name not in self._fine.inner)
            self.projections = nn.ModuleDict(
                {
                    name: nn.Conv2d(
                        self._student_trunk.channels(name),
                        self._teacher_trunk.channels(name),
                        1,
                        bias=False,
                    )
                    for name in self.hints
                    if name.startswith("relu")
                }
            )
        self.layers = (*self.hints, *STYLE_LAYERS, CONTENT_LAYER)
        # It takes the teacher's features as the input of every layer.
        self._can_train_layers_alone = start is None and not self.projections and not fine
        self._axes, self._sizes = self._measure_teacher(align=start is not None)
        self._trained = nn.ModuleDict({"student": self.student, "projections": self.projections})
        self._trained.to(self._device, memory_format=torch.channels_last)  # type: ignore[call-overload]
        self._student_trunk.to(self._device)
        self._average = MovingAverage(self._trained, settings.average)
        self._optimizers = _optimizers(self._trained, settings)
        self.finite_steps = FiniteSteps()
        self._pool = ImagePool(
            settings.pool, settings.crop, sample_size=settings.painted, life=settings.pool_life
        )

    def step(self, index: int, of: int) -> tuple[dict[str, float], float]:
        """One step on photographs, paintings and pictures of the pool."""
        generator = step_generator(self.settings.seed, index)
        rate = cosine_rate(1.0, index, of)
        for optimizer in self._optimizers:
            for group in optimizer.param_groups:
                group["lr"] = rate * group["peak"]
        self._trained.zero_grad(set_to_none=True)
        with interruptible(), self._pool.kept_if_abandoned():
            losses, pool_sample = self._batch_losses(index, of, generator)
            torch.stack(list(losses.values())).sum().backward()  # type: ignore[no-untyped-call]
        gradients = [p.grad for p in self._trained.parameters() if p.grad is not None]
        is_finite = self.finite_steps.accepts(*losses.values(), *gradients)
        if is_finite:
            for optimizer in self._optimizers:
                optimizer.step()
            self._average.update()
        if pool_sample and is_finite:
            # Both objectives that the student will be used with, in turn.
            statistic = STATISTICS[("gram", "gaussian-ot")[index % 2]]
            precision = self.settings.precision
            self._pool.optimize(pool_sample, self.student, statistic, precision=precision)
        return {name: float(value.detach()) for name, value in losses.items()}, rate

    def _batch_losses(
        self, index: int, of: int, generator: torch.Generator
    ) -> tuple[dict[str, Tensor], PoolSample | None]:
        """The losses of a step, and the pictures of the pool that it uses."""
        photographs = self._photographs.draw(self.settings.photographs, generator)
        paintings = self._paintings.draw(self.settings.paintings, generator)
        batch = augment(torch.cat([photographs, paintings]), generator).to(self._device)
        is_alone = self._can_train_layers_alone and index < self.settings.alone * of
        if is_alone or not self.settings.painted:
            return (self._layer_losses if is_alone else self._losses)(batch), None
        sample = self._pool.draw(self._photographs, self._paintings, generator)
        return self._losses(torch.cat([batch, sample.images.to(self._device)])), sample

    def encoder(self) -> Encoder:
        """The averaged student, frozen, on the CPU."""
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
            "optimizers": [optimizer.state_dict() for optimizer in self._optimizers],
            "pool": self._pool.state_dict(),
            "axes": self._axes,
            "sizes": self._sizes,
        }

    def load_state_dict(self, state: dict[str, Any]) -> None:
        """Restore a :meth:`state_dict`."""
        self._trained.load_state_dict(state["trained"])
        self._average.load_state_dict(state["average"])
        for optimizer, saved in zip(self._optimizers, state["optimizers"], strict=True):
            optimizer.load_state_dict(saved)
        self._pool.load_state_dict(state["pool"])
        # Not recomputed: with another number of threads, they might have other signs.
        self._axes = {
            name: axes.to(self._device, copy=True) for name, axes in state["axes"].items()
        }
        self._sizes = dict(state["sizes"])

    @torch.no_grad()
    def _measure_teacher(self, *, align: bool) -> tuple[dict[str, Tensor], dict[str, float]]:
        """The teacher's principal axes, and the size of its features.

        Args:
            align: Whether to rotate the axes towards the student's present readouts. Gram distances
                do not change, and models trained with these readouts remain valid.

        Returns:
            Style layer → (teacher's channels, student's channels), orthonormal columns; layer →
            root mean square of its features.
        """
        generator = step_generator(self.settings.seed, -1)
        sums: dict[str, Tensor] = {}
        squares: dict[str, list[float]] = {}
        products: dict[str, Tensor] = {}
        for _ in range(8):
            draws = [self._photographs.draw(4, generator), self._paintings.draw(4, generator)]
            batch = torch.cat(draws).to(self._device)
            features = self._teacher_features(batch)
            student = self.student(batch, STYLE_LAYERS) if align else {}
            for name, feature in features.items():
                squares.setdefault(name, []).append(float(feature.square().mean()))
            for name in STYLE_LAYERS:
                feature = self._read_out(name, features[name])
                sums[name] = sums.get(name, 0) + gram_matrix(feature, None).mean(0).double()
                if align:
                    readout = student[name].flatten(2).double()
                    product = feature.flatten(2).double() @ readout.mT
                    products[name] = products.get(name, 0) + product.mean(0)
        widths = {name: self.student.channels(name) for name in STYLE_LAYERS}
        axes = {
            name: torch.linalg.eigh(total)[1][:, -widths[name] :] for name, total in sums.items()
        }
        for name, product in products.items():
            # The orthogonal Procrustes problem (Schönemann 1966).
            left, _, right = torch.linalg.svd(axes[name].mT @ product)
            axes[name] = axes[name] @ (left @ right)
        axes = {name: value.float() for name, value in axes.items()}
        return axes, {name: math.sqrt(sum(v) / len(v)) + 1e-12 for name, v in squares.items()}

    def _teacher_features(self, batch: Tensor) -> dict[str, Tensor]:
        """Of all hints, style layers and the content layer, before readouts."""
        features: dict[str, Tensor] = self._teacher_trunk(batch, self.layers)
        return {**features, **self._fine.features(batch)} if self._fine else features

    def _read_out(self, name: str, features: Tensor) -> Tensor:
        """A teacher's own readout of a style layer."""
        source = self._fine.encoder if self._fine and name in self._fine.layers else self.teacher
        return source.read_out(name, features)

    def _targets(self, batch: Tensor) -> tuple[dict[str, Tensor], dict[str, Tensor]]:
        """The student's targets: the teacher's features at the hints, and its rotated readouts.

        Both are divided by the layer's size: a student whose features start at size one would need
        its first steps to grow to the teacher's. Relative losses are the same in any unit.
        """
        with torch.no_grad(), autocast(self.settings.precision, self._device.type):
            features = self._teacher_features(batch)
            readouts = {}
            for name, axes in self._axes.items():
                weight = axes.T[:, :, None, None].contiguous(memory_format=torch.channels_last)
                feature = F.conv2d(self._read_out(name, features[name]), weight)
                readouts[name] = feature / self._sizes[name]
            hints = {name: features[name] / self._sizes[name] for name in self.hints}
            return hints, readouts

    def _layer_losses(self, batch: Tensor) -> dict[str, Tensor]:
        """Every layer by itself: the error of its output when its input is the teacher's.

        Teacher forcing (Williams & Zipser 1989): all layers learn in parallel, and none depends on
        the errors of others.
        """
        hint_targets, readout_targets = self._targets(batch)
        hints, features = [], []
        with autocast(self.settings.precision, self._device.type):
            x = self._student_trunk.normalize(batch)
            for name in self._student_trunk.layers:
                if name in hint_targets:
                    target = hint_targets[name]
                    hints.append(_error(self._student_trunk.layer(name, x), target))
                    x = target
                else:
                    x = self._student_trunk.layer(name, x)
                if name in readout_targets:
                    readout = self.student.read_out(name, x)
                    features.append(_error(readout, readout_targets[name]))
        return {
            "features": torch.stack(features).mean(),
            "gram": batch.new_zeros(()),
            "hints": self.settings.hint_weight * torch.stack(hints).mean(),
        }

    def _losses(self, batch: Tensor) -> dict[str, Tensor]:
        """The whole student: errors of readouts, of their Gram matrices, and of the hints."""
        hint_targets, readout_targets = self._targets(batch)
        with autocast(self.settings.precision, self._device.type):
            trunk = self._student_trunk(batch, self.layers)
            readouts = {name: self.student.read_out(name, trunk[name]) for name in STYLE_LAYERS}
            for name, projection in self.projections.items():
                trunk[name] = projection(trunk[name])
        features = [_error(readouts[name], target) for name, target in readout_targets.items()]
        gram = STATISTICS["gram"]
        grams = [
            style_loss(gram, gram.summary(readouts[name], None), gram.summary(target, None)).mean()
            for name, target in readout_targets.items()
        ]
        hints = [_error(trunk[name], hint_targets[name]) for name in self.hints]
        return {
            "features": torch.stack(features).mean(),
            "gram": self.settings.gram_weight * torch.stack(grams).mean(),
            "hints": self.settings.hint_weight * torch.stack(hints).mean(),
        }


def _hints(student: Encoder, teacher: Encoder) -> tuple[str, ...]:
    """The layers at which the student learns the teacher's features, block 1 to conv5_1.

    Before the ReLU where both have the same channels, else after it.

    Raises:
        OptionError: If the teacher lacks one of them.
    """
    names = []
    for name in student.architecture.convolutions:
        relu = name.replace("conv", "relu")
        teacher.check_layers([relu])
        same = teacher.architecture.width(name) == student.architecture.width(name)
        names.append(name if same else relu)
    return tuple(names)


def _error(features: Tensor, target: Tensor) -> Tensor:
    """Relative squared error, averaged over the batch."""
    return content_loss(features, target).mean()


def _check_teacher(teacher: Encoder, settings: DistillSettings) -> None:
    teacher.check_layers([*STYLE_LAYERS, CONTENT_LAYER])
    check_widths(teacher, settings, STYLE_LAYERS)


def _load_start(student: Encoder, start: Encoder) -> None:
    """Load the weights of another student.

    Raises:
        OptionError: If it has another architecture.
    """
    if start.architecture != student.architecture:
        raise OptionError(
            f"The encoder to start from is no student of these settings: it has the shape "
            f"{start.architecture}, not {student.architecture}."
        )
    student.load_state_dict(start.state_dict())


def _optimizers(module: nn.Module, settings: DistillSettings) -> list[torch.optim.Optimizer]:
    """Muon for the weights of convolutions, Adam for the biases."""
    weights = [p for p in module.parameters() if p.ndim > 1]
    biases = [p for p in module.parameters() if p.ndim == 1]
    muon = Muon(weights, settings.learning_rate)
    adam = torch.optim.Adam(biases, settings.bias_rate, betas=(0.9, 0.99))
    for optimizer, peak in ((muon, settings.learning_rate), (adam, settings.bias_rate)):
        for group in optimizer.param_groups:
            group["peak"] = peak
    return [muon, adam]


def _initialize(encoder: Encoder) -> None:
    for module in encoder.convolutions.values():
        assert isinstance(module, nn.Conv2d)
        nn.init.kaiming_normal_(module.weight, nonlinearity="relu")
        assert module.bias is not None
        nn.init.zeros_(module.bias)
    for module in encoder.readouts.values():
        assert isinstance(module, nn.Conv2d)
        assert module.bias is not None
        nn.init.zeros_(module.bias)
