"""Training for one style or several: each has a γ and a β of its own, learnt with the network.

One style is Johnson et al. 2016, several are Dumoulin et al. 2017 (arXiv:1610.07629): the network
is shared, and a new style costs its vector alone.
"""

from __future__ import annotations

import copy
from collections.abc import Mapping, Sequence

import torch
from torch import Tensor, nn

from impasto.encoders.vgg import Encoder
from impasto.errors import OptionError
from impasto.losses.moments import Summary
from impasto.networks.base import StyledNetwork
from impasto.networks.colour_map import with_palette
from impasto.networks.model import IDENTITY, OnePassModel
from impasto.training.crops import Crops, random_integer
from impasto.training.distributed import Workers
from impasto.training.network import OnePassTraining, Sample, StyleBatch, summaries_of
from impasto.training.settings import OnePassSettings
from impasto.training.style_measurements import concatenated
from impasto.training.terms import PaletteTerm
from impasto.training.two_encoders import TwoEncoderLosses


class StyleTable(nn.Module):
    """Style vectors by name.

    Args:
        vectors: Name → initial vector (style_size,).
        frozen: Names whose vectors are not trained.
    """

    def __init__(self, vectors: Mapping[str, Tensor], *, frozen: Sequence[str] = ()) -> None:
        super().__init__()
        self.names = tuple(vectors)
        self.rows = nn.ParameterList(
            [
                nn.Parameter(vector.detach().clone(), requires_grad=name not in frozen)
                for name, vector in vectors.items()
            ]
        )

    def forward(self, names: Sequence[str]) -> Tensor:
        """(len(names), style_size)."""
        return torch.stack([self.rows[self.names.index(name)] for name in names])


class FixedStylesTraining(OnePassTraining):
    """The task of training a network for some styles.

    Args:
        network: The network; not trained if its parameters require no gradient (a style is added).
        encoder: The loss network, frozen.
        encoder_name: For the model's file.
        contents: Crops of photographs.
        styles: Name → style picture (1, 3, H, W), at the size whose strokes are right for pictures
            of the training crops' scale.
        settings: How to train.
        start: Name → initial vector; the network's ``initial_style`` for the others.
        frozen: Names of ``start`` that are kept but not trained.
        workers: The processes that train together.
        judges: The losses of two encoders, if the settings have them.

    Raises:
        OptionError: If there is no style to train.
    """

    def __init__(
        self,
        network: StyledNetwork,
        encoder: Encoder,
        encoder_name: str,
        contents: Crops,
        styles: Mapping[str, Tensor],
        settings: OnePassSettings,
        *,
        start: Mapping[str, Tensor] | None = None,
        frozen: Sequence[str] = (),
        workers: Workers | None = None,
        judges: TwoEncoderLosses | None = None,
    ) -> None:
        if not styles:
            raise OptionError("There is no style to train: name at least one style picture.")
        self._encoder_name = encoder_name
        vectors = dict(start or {})
        first = network.initial_style
        initial = torch.zeros(network.style_size) if first is None else first
        for name in [*styles, IDENTITY] if settings.own_style else styles:
            vector = vectors.setdefault(name, initial)
            if name in styles and name not in frozen:  # also where it begins as another's vector
                picture = styles[name].to(vector.device)
                vectors[name] = with_palette(vector[None], picture, network.palette_size)[0]
        self.table = StyleTable(vectors, frozen=frozen)
        modules = {"network": network, "table": self.table}
        super().__init__(network, encoder, contents, settings, modules, workers, judges)
        self._names = [name for name in styles if name not in frozen]
        if not self._names:
            raise OptionError("All styles are there already: there is nothing to train.")
        pictures = {name: picture.to(self._device) for name, picture in styles.items()}
        self._targets = {name: self._summaries(picture) for name, picture in pictures.items()}
        self._palettes = {name: PaletteTerm.summary(picture) for name, picture in pictures.items()}
        self._colours = {name: _some_pixels(picture) for name, picture in pictures.items()}

    def draw_styles(self, samples: Sequence[Sample], size: int) -> StyleBatch:
        """For each sample a random one of the styles, or the photograph's own."""
        names, targets, palettes, colours = [], [], [], []
        for sample in samples:
            name = self._names[random_integer(len(self._names), sample.generator)]
            if sample.is_own_style:
                names.append(IDENTITY)
                targets.append(self._summaries(sample.content))
                palettes.append(PaletteTerm.summary(sample.content))
                colours.append(_some_pixels(sample.content))
            else:
                names.append(name)
                targets.append(self._targets[name])
                palettes.append(self._palettes[name])
                colours.append(self._colours[name])
        vectors = self.table(names)
        own = [index for index, sample in enumerate(samples) if sample.is_own_style]
        if own:  # the vector of no picture: its palette is the photograph's
            contents = torch.cat([samples[index].content for index in own])
            vectors = vectors.clone()
            vectors[own] = with_palette(vectors[own], contents, self.network.palette_size)
        palette = concatenated([{"": palette} for palette in palettes])[""]
        return StyleBatch(vectors, concatenated(targets), palette, torch.cat(colours))

    def model(self) -> OnePassModel:
        """A copy of the averaged model, on the CPU."""
        network = copy.deepcopy(self.network).cpu()
        network.load_state_dict(self.averaged("network"))
        rows = self.averaged("table")
        styles = {name: rows[f"rows.{index}"] for index, name in enumerate(self.table.names)}
        return OnePassModel(network, self._encoder_name, None, styles).frozen()

    def _summaries(self, picture: Tensor) -> dict[str, Summary]:
        if self.judges is not None:
            return self.judges.measure(picture)
        return summaries_of(self.encoder, picture, self.settings.style_layers)


def _some_pixels(picture: Tensor, count: int = 4096) -> Tensor:
    """Pixels of a picture (1, 3, H, W), as one of (1, 3, 1, count); always the same ones."""
    pixels = picture.flatten(2)
    generator = torch.Generator().manual_seed(0)
    chosen = torch.randint(pixels.shape[2], (count,), generator=generator)
    return pixels[:, :, None, chosen.to(pixels.device)]
