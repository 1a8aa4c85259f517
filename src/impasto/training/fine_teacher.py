"""A second teacher of a distilled encoder, for its first layers; what all teachers must fit."""

from __future__ import annotations

from collections.abc import Sequence

from torch import Tensor

from impasto.encoders.vgg import Architecture, Encoder
from impasto.errors import OptionError
from impasto.training.image_pool import STYLE_LAYERS
from impasto.training.settings import DistillSettings


class FineTeacher:
    """The teacher of the first style layers.

    Args:
        encoder: Frozen.
        settings: How to distil.

    Raises:
        OptionError: If it has none of the style layers, or is narrower than the student at one.
    """

    def __init__(self, encoder: Encoder, settings: DistillSettings) -> None:
        order = list(student_architecture(settings).convolutions)
        available = encoder.architecture.convolutions
        self.layers = [x for x in STYLE_LAYERS if x.replace("relu", "conv") in available]
        if not self.layers:
            raise OptionError("The fine teacher has none of the layers relu1_1 … relu5_1.")
        check_widths(encoder, settings, self.layers)
        self.encoder, self._trunk = encoder, encoder.without_readouts()
        until = order.index(self.layers[-1].replace("relu", "conv")) + 1
        self.inner = {*order[:until], *(x.replace("conv", "relu") for x in order[:until])}
        """Convolutions up to its last layer, before and after ReLU."""

    def features(self, batch: Tensor) -> dict[str, Tensor]:
        """Its layers, before readouts."""
        features: dict[str, Tensor] = self._trunk(batch, self.layers)
        return features


def student_architecture(settings: DistillSettings) -> Architecture:
    """The architecture of the student."""
    return Architecture(
        widths=settings.widths,
        depths=(2, 2, 4, 4, 1),
        pooling=settings.pooling,
        padding="reflect",
        readouts=dict(zip(STYLE_LAYERS, settings.widths, strict=True)),
    )


def check_widths(teacher: Encoder, settings: DistillSettings, layers: Sequence[str]) -> None:
    """Raise an OptionError for a teacher that is narrower than the student at one of the layers."""
    widths = dict(zip(STYLE_LAYERS, settings.widths, strict=True))
    for name in layers:
        if teacher.channels(name) < widths[name]:
            raise OptionError(
                f"The teacher has {teacher.channels(name)} channels at {name}, where the student "
                f"has {widths[name]}: name a larger teacher."
            )
