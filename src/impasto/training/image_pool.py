"""Pictures that are optimized through a student encoder, to train it on.

Optimization finds exactly those pictures where the student is wrong.
"""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from dataclasses import dataclass

import torch
from torch import Tensor

from impasto.encoders.vgg import Encoder
from impasto.errors import OptionError
from impasto.losses.content import content_loss
from impasto.losses.statistics import Statistic, style_loss
from impasto.runtime.interrupts import StepAbandoned
from impasto.runtime.precision import autocast
from impasto.training.crops import Crops, random_integer

STYLE_LAYERS = ("relu1_1", "relu2_1", "relu3_1", "relu4_1", "relu5_1")
CONTENT_LAYER = "relu4_2"


@dataclass
class PoolSample:
    """Pictures of the pool drawn for one step.

    Attributes:
        indices: Their places in the pool, (N,).
        images: (N, 3, crop, crop) in [0, 1].
    """

    indices: Tensor
    images: Tensor


class ImagePool:
    """Pictures under optimization, each towards a style of its own.

    Args:
        size: Number of pictures.
        crop: Their side in pixels.
        sample_size: Number of pictures drawn for one step.
        life: Optimization steps after which a picture is replaced by a new one.
    """

    def __init__(self, size: int, crop: int, *, sample_size: int, life: int) -> None:
        self._size, self._sample_size, self._life = size, sample_size, life
        shape = (size, 3, crop, crop)
        self._tensors = {
            "images": torch.zeros(shape),
            "contents": torch.zeros(shape),
            "styles": torch.zeros(shape),
            "first": torch.zeros(shape),
            "second": torch.zeros(shape),
            # All have reached their age, and are replaced at the first step by ones of mixed ages.
            "ages": torch.full((size,), life),
        }
        self._replaced: dict[int, dict[str, Tensor]] = {}  # in this step: what was there

    def draw(self, photographs: Crops, paintings: Crops, generator: torch.Generator) -> PoolSample:
        """Some pictures at random, after those that have reached their age are replaced."""
        self._replace_old(photographs, paintings, generator)
        indices = torch.randperm(self._size, generator=generator)[: self._sample_size]
        return PoolSample(indices, self._tensors["images"][indices])

    @contextlib.contextmanager
    def kept_if_abandoned(self) -> Iterator[None]:
        """If the block, a step, is abandoned, what it has drawn replaces nothing."""
        self._replaced = {}
        try:
            yield
        except StepAbandoned:
            for index, values in self._replaced.items():
                for name, value in values.items():
                    self._tensors[name][index] = value
            raise

    def _replace_old(
        self, photographs: Crops, paintings: Crops, generator: torch.Generator
    ) -> None:
        pool = self._tensors
        for index in torch.nonzero(pool["ages"] >= self._life).flatten().tolist():
            self._replaced[index] = {name: values[index].clone() for name, values in pool.items()}
            pool["contents"][index] = photographs.draw(1, generator)[0]
            pool["styles"][index] = paintings.draw(1, generator)[0]
            noise = torch.rand(pool["images"][index].shape, generator=generator)
            mix = float(torch.rand((), generator=generator)) ** 2
            pool["images"][index] = torch.lerp(pool["contents"][index], noise, mix)
            pool["first"][index] = 0
            pool["second"][index] = 0
            pool["ages"][index] = random_integer(8, generator)

    def optimize(
        self, sample: PoolSample, student: Encoder, statistic: Statistic, *, precision: str = "auto"
    ) -> None:
        """Two steps of Adam on some pictures, towards their styles by the student's features.

        Args:
            sample: The pictures.
            student: On any device; the pool itself stays on the CPU.
            statistic: Of the style loss.
            precision: See :func:`impasto.runtime.precision.autocast`.
        """
        pool, at, device = self._tensors, sample.indices, student.mean.device
        with torch.no_grad(), autocast(precision, device.type):
            styles = student(pool["styles"][at].to(device), STYLE_LAYERS)
            content = student(pool["contents"][at].to(device), [CONTENT_LAYER])[CONTENT_LAYER]
        targets = {name: statistic.summary(feature, None) for name, feature in styles.items()}
        for _ in range(2):
            images = pool["images"][at].to(device).requires_grad_(True)
            with autocast(precision, device.type):
                features = student(images, [*STYLE_LAYERS, CONTENT_LAYER])
            loss = 0.1 * content_loss(features[CONTENT_LAYER], content).mean()
            for name, target in targets.items():
                summary = statistic.summary(features[name], None)
                loss = loss + style_loss(statistic, summary, target).mean() / len(targets)
            (gradient,) = torch.autograd.grad(loss, images)
            self._adam(at, gradient.cpu())

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
        """The pool as it is now; later steps change these tensors."""
        return self._tensors

    def load_state_dict(self, state: dict[str, Tensor]) -> None:
        """Restore a :meth:`state_dict`."""
        if state["images"].shape != self._tensors["images"].shape:
            raise OptionError("The pool of optimized pictures has another size.")
        self._tensors = {key: state[key].clone() for key in self._tensors}
