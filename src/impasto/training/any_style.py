"""Training for any style: network and style predictor learn together (Ghiasi et al. 2017)."""

from __future__ import annotations

import copy
from collections.abc import Sequence

import torch
from torch import Tensor

from impasto.encoders.vgg import Encoder
from impasto.losses.moments import Summary
from impasto.networks.adain import MomentsReader
from impasto.networks.base import StyledNetwork
from impasto.networks.files import OnePassModel
from impasto.networks.style_predictor import STYLE_LAYERS, StylePredictor
from impasto.training.crops import Crops, step_generator
from impasto.training.distributed import Workers
from impasto.training.network import OnePassSettings, OnePassTraining, Sample, Styles, summaries_of
from impasto.training.terms import PaletteTerm


class AnyStyleTraining(OnePassTraining):
    """The task of training a network and the predictor of its style vectors.

    Args:
        network: To train.
        encoder: The loss network, frozen; styles are read off the same.
        encoder_name: For the model's file.
        contents: Crops of photographs.
        styles: Crops of style pictures.
        settings: How.
        predictor: To go on with; a new one by default.
        workers: Who trains.
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
        predictor: StylePredictor | MomentsReader | None = None,
        workers: Workers | None = None,
    ) -> None:
        self._styles, self._encoder_name = styles, encoder_name
        if predictor is None:
            predictor = self._new_predictor(encoder, network, settings)
        self.predictor = predictor
        learnt = {"network": network, "predictor": predictor}
        super().__init__(network, encoder, contents, settings, learnt, workers)
        self._layers = tuple(dict.fromkeys([*predictor.layers, *settings.style_layers]))

    def _new_predictor(
        self, encoder: Encoder, network: StyledNetwork, settings: OnePassSettings
    ) -> StylePredictor:
        channels = {name: encoder.channels(name) for name in STYLE_LAYERS}
        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(settings.seed)
            predictor = StylePredictor(channels, network.style_size)
        random = step_generator(settings.seed, -1)
        pictures = [self._styles.draw(8, random) for _ in range(16)]
        predictor.standardize([summaries_of(encoder, p, STYLE_LAYERS) for p in pictures])
        return predictor

    def draw_picture(self, random: torch.Generator, size: int) -> Tensor:
        """A random crop of a random style picture."""
        return self._styles.draw(1, random, size)

    def draw_styles(self, samples: Sequence[Sample], size: int) -> Styles:
        """A random crop of a random style picture each, or of the photograph itself."""
        pictures = [s.content if s.own or s.style is None else s.style for s in samples]
        together = torch.cat(pictures)
        summaries = self._summaries(together)
        return Styles(self.predictor(summaries), summaries, PaletteTerm.summary(together))

    def model(self) -> OnePassModel:
        """The averaged model as it is now, a copy on the processor."""
        network = copy.deepcopy(self.network).cpu()
        predictor = copy.deepcopy(self.predictor).cpu()
        network.load_state_dict(self.averaged("network"))
        predictor.load_state_dict(self.averaged("predictor"))
        return OnePassModel(network, self._encoder_name, predictor).frozen()

    def _summaries(self, pictures: Tensor) -> dict[str, Summary]:
        return summaries_of(self.encoder, pictures, self._layers)
