"""Training for any style: network and style predictor learn together (Ghiasi et al. 2017)."""

from __future__ import annotations

import copy
from collections.abc import Sequence
from pathlib import Path

import torch
import torch.nn.functional as F
from torch import Tensor

from impasto.encoders.vgg import Encoder
from impasto.losses.moments import Summary
from impasto.networks.base import StyledNetwork, StyleReader
from impasto.networks.model import OnePassModel
from impasto.networks.style_predictor import STYLE_LAYERS, StylePredictor
from impasto.training.crops import Crops, step_generator
from impasto.training.distributed import Workers
from impasto.training.network import (
    DrawnStyle,
    OnePassTraining,
    Sample,
    StyleBatch,
    summaries_of,
)
from impasto.training.settings import OnePassSettings
from impasto.training.style_measurements import Measured, StyleMeasurements, concatenated
from impasto.training.terms import PaletteTerm
from impasto.training.two_encoders import TwoEncoderLosses

_READ = "read "
"""Prefix of the layers that the predictor reads."""


class AnyStyleTraining(OnePassTraining):
    """The task of training a network and what computes its style vectors.

    Args:
        network: The network to train.
        encoder: The loss network, frozen; styles are read with it, too.
        encoder_name: For the model's file.
        contents: Crops of photographs.
        styles: Crops of style pictures.
        settings: How to train.
        predictor: To train further; a new :class:`StylePredictor` by default.
        workers: The processes that train together.
        judges: The losses of two encoders, if the settings have them.
    """

    def __init__(
        self,
        network: StyledNetwork,
        encoder: Encoder,
        encoder_name: str,
        contents: Crops,
        styles: Crops,
        settings: OnePassSettings,
        *,
        predictor: StyleReader | None = None,
        workers: Workers | None = None,
        judges: TwoEncoderLosses | None = None,
    ) -> None:
        self._styles, self._encoder_name = styles, encoder_name
        if predictor is None:
            predictor = self._new_predictor(encoder, network, settings)
        self.predictor = predictor
        modules = {"network": network, "predictor": predictor}
        super().__init__(network, encoder, contents, settings, modules, workers, judges)
        self._layers = tuple(dict.fromkeys([*predictor.layers, *settings.style_layers]))
        self._measurements = StyleMeasurements(self._measure)

    def _new_predictor(
        self, encoder: Encoder, network: StyledNetwork, settings: OnePassSettings
    ) -> StylePredictor:
        channels = {name: encoder.channels(name) for name in STYLE_LAYERS}
        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(settings.seed)
            predictor = StylePredictor(channels, network.style_size, palette=network.palette_size)
        if network.initial_style is not None:
            with torch.no_grad():
                bias = predictor.last.bias
                bias.add_(network.initial_style[: len(bias)].to(bias))
        generator = step_generator(settings.seed, -1)
        pictures = [self._styles.draw(8, generator) for _ in range(16)]
        predictor.standardize([summaries_of(encoder, p, STYLE_LAYERS) for p in pictures])
        return predictor

    def keep_measurements(self, folder: Path) -> None:
        """See :class:`OnePassTraining`."""
        self._measurements = StyleMeasurements(self._measure, folder)

    def draw_picture(self, generator: torch.Generator, size: int) -> DrawnStyle:
        """A random crop of a random style picture."""
        two = self.settings.two_encoders
        if two is None:
            return DrawnStyle(self._styles.draw(1, generator, size))
        if not two.style_crops:
            return DrawnStyle(self._styles.draw(1, generator))
        key, picture = self._styles.draw_of_few(two.style_crops, generator)
        return DrawnStyle(picture, key)

    def draw_styles(self, samples: Sequence[Sample], size: int) -> StyleBatch:
        """For each sample its style picture, or the photograph itself."""
        if self.judges is not None:
            return self._measured_styles(samples)
        pictures = torch.cat(
            [s.content if s.is_own_style or s.style is None else s.style for s in samples]
        )
        summaries = self._summaries(pictures)
        return StyleBatch(self.predictor(summaries), summaries, PaletteTerm.summary(pictures))

    def _measured_styles(self, samples: Sequence[Sample]) -> StyleBatch:
        """The styles of a batch whose losses are those of two encoders."""
        pictures, measured = [], []
        for sample in samples:
            if sample.is_own_style or sample.style is None:
                picture, key = _mirrored(sample.content, self.settings.crop), None
            else:
                picture, key = sample.style, sample.style_key
            pictures.append(picture)
            measured.append(self._measurements(picture, key))
        batch, colours = concatenated(measured), torch.cat(pictures)
        read = {name: batch[_READ + name] for name in self.predictor.layers}
        return StyleBatch(self.predictor(read), batch, PaletteTerm.summary(colours), colours)

    def _measure(self, picture: Tensor) -> Measured:
        """All that is asked of a style picture: by the judges, and by the predictor."""
        assert self.judges is not None
        read = summaries_of(self.encoder, picture, self.predictor.layers)
        own = {_READ + name: summary for name, summary in read.items()}
        return {**self.judges.measure(picture), **own}

    def model(self) -> OnePassModel:
        """A copy of the averaged model, on the CPU."""
        network = copy.deepcopy(self.network).cpu()
        predictor = copy.deepcopy(self.predictor).cpu()
        network.load_state_dict(self.averaged("network"))
        predictor.load_state_dict(self.averaged("predictor"))
        return OnePassModel(network, self._encoder_name, predictor).frozen()

    def _summaries(self, pictures: Tensor) -> dict[str, Summary]:
        return summaries_of(self.encoder, pictures, self._layers)


def _mirrored(picture: Tensor, size: int) -> Tensor:
    """A square picture enlarged to ``size`` by its mirror image: the same style and scale."""
    more = size - picture.shape[-1]
    while more > 0:
        part = min(more, picture.shape[-1] - 1)
        picture = F.pad(picture, (0, part, 0, part), mode="reflect")
        more -= part
    return picture
