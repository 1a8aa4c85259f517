"""Style vectors read, mixed and painted with, the same way for every kind of network.

Whatever its source, a style is a vector here, so that a mixture, a strength and a mask are
arithmetic on vectors.
"""

from __future__ import annotations

import copy
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

from impasto.encoders.vgg import Encoder
from impasto.errors import OptionError, counted_noun, option, unknown_name
from impasto.images.picture import as_float, fit_size, resize
from impasto.losses.moments import Summary, mean_and_gram
from impasto.losses.statistics import STATISTICS
from impasto.networks.base import StyledNetwork
from impasto.networks.colour_map import with_palette
from impasto.networks.model import IDENTITY, OnePassModel
from impasto.networks.normalization import MomentFilter, own_moments
from impasto.networks.styles import COLOURS
from impasto.networks.styles import STYLE_SIDE as STYLE_SIDE
from impasto.objective.tiles import plan_tiles, tiled_summaries
from impasto.onepass.style_maps import StyleMaps, pooled_shares
from impasto.onepass.tiling import (
    SMALLEST,
    MemoryModel,
    TileStyle,
    choose_schedule,
    paint_tiled,
)
from impasto.regions.masks import resize_masks
from impasto.runtime.device_memory import base_bytes, memory_budget, release_memory
from impasto.runtime.devices import DeviceLike, find_device
from impasto.runtime.memory import is_out_of_memory
from impasto.runtime.precision import compute_dtype, moved
from impasto.weights.open import on_device, open_encoder

_TILE = 1024


@dataclass(frozen=True)
class SpatialStyle:
    """The style of a picture: one vector everywhere, or one for each region.

    Attributes:
        vectors: (R, style_size).
        masks: (1, R, H, W) ≥ 0 of the picture's size, scaled to sum to one over R; uint8 counts in
            255ths. None if R is 1.
    """

    vectors: Tensor
    masks: Tensor | None = None


class Stylist:
    """Reads styles and paints pictures with a one-pass model.

    Args:
        model: The network and its styles.
        encoder: Reads styles from pictures; by default the model's own, opened when first needed.
        precision: See :func:`impasto.runtime.precision.compute_dtype`.
        memory: Bytes that may be taken of the device's memory; by default two thirds of what is
            free.
        device: Where to read styles and paint; by default where the network is.
    """

    def __init__(
        self,
        model: OnePassModel,
        *,
        encoder: Encoder | None = None,
        precision: str = "auto",
        memory: float | None = None,
        device: DeviceLike | None = None,
    ) -> None:
        self.model = model
        self._memory = memory
        own = next(model.network.parameters()).device
        self.device = own if device is None else find_device(device)
        self._encoder = None if encoder is None else on_device(encoder, self.device)
        dtype = compute_dtype(precision, self.device)
        self._network, self._predictor = model.network, model.predictor
        # Copies: the caller's model keeps its precision and its place.
        if dtype != model.network.dtype or own != self.device:
            self._network = moved(copy.deepcopy(model.network), self.device, dtype)
        if model.predictor is not None and own != self.device:
            self._predictor = copy.deepcopy(model.predictor).to(self.device)

    @property
    def network(self) -> StyledNetwork:
        """The network that paints, on the device and in the type chosen there."""
        return self._network

    @property
    def encoder(self) -> Encoder:
        """The encoder that styles are read with."""
        if self._encoder is None:
            self._encoder = moved(open_encoder(self.model.encoder), self.device)
        return self._encoder

    # --- Style vectors ------------------------------------------------------------------------

    @property
    def names(self) -> list[str]:
        """The styles that the model knows by name."""
        return self.model.style_names

    def named_style(self, name: str) -> Tensor:
        """The vector (style_size,) of a style that the model knows by name.

        Raises:
            OptionError: For an unknown name.
        """
        if name not in self.names:
            raise unknown_name("style of this model", name, [*self.names, "a picture's path"])
        return self.model.styles[name].to(self.device)

    @torch.no_grad()
    def read_style(self, picture: Tensor, *, mask: Tensor | None = None) -> Tensor:
        """The vector (style_size,) of a style picture (1, 3, H, W) in [0, 1].

        Args:
            picture: The style.
            mask: Weights of its parts, (1, 1, H', W') in [0, 1], of any size.

        Raises:
            OptionError: If the model has fixed styles only.
        """
        predictor = self._predictor
        if predictor is None:
            raise OptionError(
                f"This model paints in its own styles only ({', '.join(self.names)}): choose one "
                f"of them, or a model for any style, such as {option('model')} any."
            )
        picture = picture.to(self.device)
        mask = None if mask is None else mask.to(self.device)
        layers = [name for name in predictor.layers if name != COLOURS]
        least = self.encoder.minimum_side(layers)
        if min(picture.shape[-2:]) < least:
            factor = least / min(picture.shape[-2:])
            size = (round(factor * picture.shape[-2]), round(factor * picture.shape[-1]))
            size = (max(least, size[0]), max(least, size[1]))
            picture = resize(picture, size)
        summaries = self._summaries(picture, layers, mask)
        if COLOURS in predictor.layers:
            size = (picture.shape[-2], picture.shape[-1])
            weights = None if mask is None else resize_masks(mask, size)
            summaries[COLOURS] = mean_and_gram(picture, weights)
        vector: Tensor = predictor(summaries)
        return vector[0]

    def _summaries(
        self, picture: Tensor, layers: Sequence[str], mask: Tensor | None
    ) -> dict[str, Summary]:
        encoder = self.encoder
        size = (picture.shape[-2], picture.shape[-1])
        stride = max(encoder.stride(name) for name in layers)
        tiles = plan_tiles(size, _TILE, stride=stride, halo=encoder.halo(layers))
        maps = {}
        if mask is not None:
            for name in layers:
                step = encoder.stride(name)
                maps[name] = resize_masks(mask, (size[0] // step, size[1] // step))
        return tiled_summaries(encoder, picture, layers, STATISTICS["gaussian-ot"], tiles, maps)

    def identity_style(self, content: Tensor) -> Tensor:
        """The vector (style_size,) that leaves the content (nearly) as it is: strength 0.

        Raises:
            OptionError: If the model has fixed styles and none for that.
        """
        if self._predictor is None:
            if IDENTITY not in self.model.styles:
                raise OptionError(
                    f"This model does not know strengths: leave out {option('strength')}."
                )
            vector = self.model.styles[IDENTITY].to(self.device)
            few = as_float(content[..., ::4, ::4])  # as many as the network measures
            return with_palette(vector[None], few, self.model.network.palette_size)[0]
        size = (content.shape[-2], content.shape[-1])
        content = content if content.is_floating_point() else content.float() / 255
        return self.read_style(resize(content, fit_size(size, STYLE_SIDE, max_enlarge=1.0)))

    def spatial_style(
        self, vectors: Sequence[Tensor], content: Tensor, *, strength: float = 1.0,
        masks: Tensor | None = None,
    ) -> SpatialStyle:  # fmt: skip
        """Style vectors and their regions, weakened towards the content's own style.

        Args:
            vectors: One, or one for each region.
            content: (1, 3, H, W).
            strength: 0 (the photograph, or nearly) to 1.
            masks: (1, R, H, W) of the content's size.

        Raises:
            OptionError: For another strength, or a number of vectors that is not R.
        """
        regions = 1 if masks is None else masks.shape[1]
        if len(vectors) != regions:
            needed = f"{counted_noun(regions, 'region', 'need')} as many style vectors"
            raise OptionError(f"{needed}, not {len(vectors)}.")
        check_strength(strength)
        content = content.to(self.device)
        masks = None if masks is None else masks.to(self.device)
        stacked = torch.stack([vector.to(self.device) for vector in vectors])
        if strength < 1:
            stacked = torch.lerp(self.identity_style(content), stacked, strength)
        return SpatialStyle(stacked, masks)

    # --- Painting -----------------------------------------------------------------------------

    def planned_bytes(
        self,
        size: tuple[int, int],
        itemsize: int = 4,
        *,
        pictures: int = 1,
        regions: int = 0,
        other_bytes: float = 0.0,
    ) -> tuple[float, float]:
        """Bytes of the process while it paints, and the least that would do.

        Args:
            size: Height and width of the picture.
            itemsize: Bytes of one value of it: 4, or 1 for uint8.
            pictures: Number of pictures that are held, the painted one not counted.
            regions: Number of masks, held in the same type.
            other_bytes: Of other pictures that are held meanwhile.
        """
        pixels = size[0] * size[1]
        taken = base_bytes(self.device) + itemsize * (3 * pictures + regions) * pixels
        taken += other_bytes
        model = MemoryModel(self._network, size, itemsize, regions, itemsize)
        memory = memory_budget(self.device) if self._memory is None else self._memory - taken
        schedule, side = choose_schedule(model, memory)
        least = model.bytes(*SMALLEST)
        return taken + model.bytes(schedule, side), taken + min(least, model.bytes(schedule, side))

    @torch.no_grad()
    def paint(
        self,
        content: Tensor,
        style: SpatialStyle,
        *,
        other_bytes: int = 0,
        filter_moments: MomentFilter = own_moments,
        progress: Callable[[float], None] = lambda share: None,
    ) -> Tensor:
        """Paint a picture (1, 3, H, W), float in [0, 1] or uint8; the result has the same type.

        A picture that would take too much memory is painted in tiles, with the same result; so is
        one for which the memory did not suffice after all.

        Args:
            content: The picture.
            style: Its style.
            other_bytes: Bytes of other pictures that are held meanwhile.
            filter_moments: See :func:`impasto.onepass.tiling.paint_tiled`.
            progress: Called with the share of the work that is done.

        Raises:
            ImageError: For a picture too small for the network.
        """
        network = self._network
        network.check_size(content)
        content = content.to(self.device)
        height, width = content.shape[-2:]
        image = network.padded(content)
        size = (image.shape[-2], image.shape[-1])
        # The process, the picture and what else is held are part of the budget.
        taken = base_bytes(self.device) + content.nbytes + other_bytes
        if image is not content:
            taken += image.nbytes
        if style.masks is not None:
            taken += style.masks.nbytes
        memory = memory_budget(self.device) if self._memory is None else self._memory - taken
        regions, mask_type = 0, torch.float32
        if style.masks is not None:
            regions, mask_type = style.masks.shape[1], style.masks.dtype
        model = MemoryModel(network, size, image.dtype.itemsize, regions, mask_type.itemsize)
        tile_style = self._tile_style(style, size)
        while True:
            schedule, side = choose_schedule(model, memory)
            try:
                painted = paint_tiled(
                    network, image, tile_style,
                    schedule=schedule, side=side, filter_moments=filter_moments, progress=progress,
                )  # fmt: skip
            except (RuntimeError, MemoryError) as error:
                if not is_out_of_memory(error) or (schedule, side) == SMALLEST:
                    raise
            else:
                return painted[..., :height, :width]
            # Retried outside the handler: the error keeps references to the tensors.
            memory = min(memory, model.bytes(schedule, side)) / 2
            release_memory(self.device)

    def _tile_style(self, style: SpatialStyle, size: tuple[int, int]) -> TileStyle:
        """γ and β of a tile: those of the vector, or of the regions' vectors, mixed by position."""
        network, masks = self._network, style.masks
        parts = network.split(style.vectors)
        if masks is None:
            return lambda tile: parts

        pooled = pooled_shares(masks, network.share_strides, size)
        return lambda tile: StyleMaps(parts, network, pooled, tile)


def check_strength(strength: float) -> None:
    """Raise an OptionError for a strength outside 0 to 1."""
    if not 0 <= strength <= 1:
        raise OptionError(f"{option('strength')} is 0 to 1, not {strength:g}.")


def mixture(vectors: Sequence[Tensor], shares: Sequence[float]) -> Tensor:
    """A convex mixture of style vectors (Dumoulin et al. 2017, section 3.2).

    Args:
        vectors: (style_size,) each.
        shares: One each, above 0; scaled to sum to one.

    Raises:
        OptionError: For other shares.
    """
    if len(shares) != len(vectors) or not all(0 < share < float("inf") for share in shares):
        raise OptionError(f"Each style of a mixture needs a weight above 0, not {list(shares)}.")
    weights = torch.tensor(list(shares), device=vectors[0].device) / sum(shares)
    return (torch.stack(list(vectors)) * weights[:, None]).sum(0)
