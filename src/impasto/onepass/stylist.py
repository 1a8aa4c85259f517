"""A one-pass model at work: styles become vectors, vectors are mixed, pictures are painted.

Whatever a style came from, it is a vector here, so that a mixture, a strength and a mask are the
same three lines for every kind of network.
"""

from __future__ import annotations

import copy
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass

import torch
import torch.nn.functional as F
from torch import Tensor

from impasto.encoders.vgg import Encoder, minimum_side
from impasto.errors import OptionError, option, unknown_name
from impasto.images.picture import fit_size, resize
from impasto.losses.moments import Summary
from impasto.losses.statistics import STATISTICS
from impasto.networks.base import Affine
from impasto.networks.files import OWN, OnePassModel
from impasto.objective.tiles import halo_of, plan_tiles, tiled_summaries
from impasto.onepass.tiling import Job, Plan, StyleOf, choose, paint_tiled
from impasto.regions.masks import resize_masks
from impasto.runtime.memory import BASE_BYTES, free_memory
from impasto.runtime.precision import compute_dtype
from impasto.weights.open import open_encoder

STYLE_SIDE = 512
"""Long side in pixels at which style pictures are read off."""

_TILE = 1024


@dataclass(frozen=True)
class SpatialStyle:
    """What a picture is painted with: one style vector everywhere, or one a region.

    Attributes:
        vectors: (R, style_size).
        where: (1, R, H, W) ≥ 0 of the picture's size, summing to one over R; None if R is 1.
    """

    vectors: Tensor
    where: Tensor | None = None


class Stylist:
    """Paints pictures with a one-pass model.

    Args:
        model: The network and its styles.
        encoder: Reads styles off pictures; the model's own by default, opened when it is needed.
        precision: See :func:`impasto.runtime.precision.compute_dtype`.
        memory: Bytes that the process may take; two thirds of what is free by default.
    """

    def __init__(
        self,
        model: OnePassModel,
        *,
        encoder: Encoder | None = None,
        precision: str = "auto",
        memory: float | None = None,
    ) -> None:
        self.model = model
        self._memory = memory
        self._encoder = encoder
        dtype = compute_dtype(precision)
        self._network = model.network
        if dtype != model.network.dtype:  # in a copy: the model is not ours to round
            self._network = copy.deepcopy(model.network).to(dtype)

    @property
    def encoder(self) -> Encoder:
        """What styles are read off with."""
        if self._encoder is None:
            self._encoder = open_encoder(self.model.encoder)
        return self._encoder

    @property
    def names(self) -> list[str]:
        """The model's own styles."""
        return [style for style in self.model.styles if style != OWN]

    def named(self, name: str) -> Tensor:
        """The vector (style_size,) of one of the model's own styles.

        Raises:
            OptionError: For a name that it has not.
        """
        if name not in self.names:
            raise unknown_name("style of this model", name, [*self.names, "a picture's path"])
        return self.model.styles[name]

    @torch.no_grad()
    def read(self, picture: Tensor, *, where: Tensor | None = None) -> Tensor:
        """The vector (style_size,) of a style picture (1, 3, H, W) in [0, 1].

        Args:
            picture: The style.
            where: The part of it that counts, (1, 1, H', W') in [0, 1], of any size.

        Raises:
            OptionError: If the model has fixed styles only.
        """
        predictor = self.model.predictor
        if predictor is None:
            raise OptionError(
                "This model paints in its own styles only "
                f"({', '.join(n for n in self.model.styles if n != OWN)}): choose one of them, or "
                f"a model for any style, such as {option('model')} any."
            )
        layers = predictor.layers
        least = minimum_side(layers, self.encoder)
        if min(picture.shape[-2:]) < least:
            factor = least / min(picture.shape[-2:])
            size = (round(factor * picture.shape[-2]), round(factor * picture.shape[-1]))
            size = (max(least, size[0]), max(least, size[1]))
            picture = resize(picture, size)
        vector: Tensor = predictor(self._summaries(picture, layers, where))
        return vector[0]

    def _summaries(
        self, picture: Tensor, layers: Sequence[str], where: Tensor | None
    ) -> Mapping[str, Summary]:
        encoder = self.encoder
        size = (picture.shape[-2], picture.shape[-1])
        stride = max(encoder.stride(name) for name in layers)
        tiles = plan_tiles(size, _TILE, stride=stride, halo=halo_of(layers, encoder))
        maps = {}
        if where is not None:
            for name in layers:
                side = encoder.stride(name)
                maps[name] = resize_masks(where, (size[0] // side, size[1] // side))
        return tiled_summaries(encoder, picture, layers, STATISTICS["gaussian-ot"], tiles, maps)

    def own(self, content: Tensor) -> Tensor:
        """The vector with which the content stays as it is, or nearly: strength 0."""
        if self.model.predictor is None:
            if OWN not in self.model.styles:
                raise OptionError(
                    f"This model does not know strengths: leave out {option('strength')}."
                )
            return self.model.styles[OWN]
        size = (content.shape[-2], content.shape[-1])
        content = content if content.is_floating_point() else content.float() / 255
        return self.read(resize(content, fit_size(size, STYLE_SIDE, max_enlarge=1.0)))

    def brush(
        self, vectors: Sequence[Tensor], content: Tensor, *, strength: float = 1.0,
        where: Tensor | None = None,
    ) -> SpatialStyle:  # fmt: skip
        """Vectors of one style a region, moved towards the content's own below full strength.

        Args:
            vectors: One, or one a region.
            content: (1, 3, H, W).
            strength: 0 (the photograph, or nearly) to 1.
            where: (1, R, H, W) of the content's size.

        Raises:
            OptionError: For another strength, or more or fewer vectors than regions.
        """
        regions = 1 if where is None else where.shape[1]
        if len(vectors) != regions:
            raise OptionError(f"{regions} regions need as many style vectors, not {len(vectors)}.")
        check_strength(strength)
        stacked = torch.stack(list(vectors))
        if strength < 1:
            stacked = torch.lerp(self.own(content), stacked, strength)
        return SpatialStyle(stacked, where)

    def bytes_needed(self, size: tuple[int, int]) -> float:
        """What painting a picture of that height and width takes where it need not be cut."""
        return Job(self._network, size).memory(Plan.WHOLE, max(size))

    @torch.no_grad()
    def paint(
        self,
        content: Tensor,
        brush: SpatialStyle,
        *,
        beside: int = 0,
        done: Callable[[float], None] = lambda share: None,
    ) -> Tensor:
        """Paint a picture (1, 3, H, W), float in [0, 1] or uint8, to one like it.

        A picture that would take too much memory is painted in tiles, to the same picture.

        Args:
            content: The picture.
            brush: Paints.
            beside: Bytes of other pictures that are held meanwhile.
            done: Called with the share of the work that is done.

        Raises:
            ImageError: For a picture too small for the network.
        """
        network = self._network
        network.check_size(content)
        height, width = content.shape[-2:]
        image = network.padded(content)
        size = (image.shape[-2], image.shape[-1])
        # Of what the process may take, torch and the picture that was read are there already.
        taken = BASE_BYTES + content.nbytes + beside
        if image is not content:
            taken += image.nbytes
        if brush.where is not None:
            taken += 3 * brush.where.nbytes  # as given, to the network's size, as shares
        memory = free_memory() if self._memory is None else self._memory - taken
        job = Job(network, size, image.dtype.itemsize, by_place=brush.where is not None)
        plan, side = choose(job, memory)
        style_of = self._everywhere(brush) if brush.where is None else self._by_region(brush, size)
        painted = paint_tiled(network, image, style_of, plan=plan, side=side, done=done)
        return painted[..., :height, :width]

    def _everywhere(self, brush: SpatialStyle) -> StyleOf:
        parts = self._network.split(brush.vectors)
        return lambda tile: parts

    def _by_region(self, brush: SpatialStyle, size: tuple[int, int]) -> StyleOf:
        """γ and β of each place: those of its regions, by their shares."""
        network, where = self._network, brush.where
        assert where is not None
        down, right = size[0] - where.shape[-2], size[1] - where.shape[-1]
        planes = F.pad(where, (0, right, 0, down), mode="replicate")
        planes = planes / planes.sum(1, keepdim=True).clamp_min(1e-6)
        parts = network.split(brush.vectors)

        return lambda tile: _Regions(parts, network.strides, tile.cut(planes))


class _Regions(Mapping[str, tuple[Tensor, Tensor]]):
    """γ and β as maps: of the vectors of some regions, by the regions' shares of each place.

    Made when asked for: together they are larger than all else that a walk holds.
    """

    def __init__(self, parts: Affine, strides: Mapping[str, int], planes: Tensor) -> None:
        self._parts, self._strides, self._planes = parts, strides, planes

    def __getitem__(self, name: str) -> tuple[Tensor, Tensor]:
        shares = F.avg_pool2d(self._planes, self._strides[name])
        scale, shift = (torch.einsum("brhw,rc->bchw", shares, p) for p in self._parts[name])
        return scale, shift

    def __iter__(self) -> Iterator[str]:
        return iter(self._parts)

    def __len__(self) -> int:
        return len(self._parts)


def check_strength(strength: float) -> None:
    """Refuse a strength that is not 0 to 1 (OptionError)."""
    if not 0 <= strength <= 1:
        raise OptionError(f"{option('strength')} is 0 to 1, not {strength:g}.")


def mixture(vectors: Sequence[Tensor], shares: Sequence[float]) -> Tensor:
    """The vector between some vectors (Dumoulin et al. 2017, section 3.2).

    Args:
        vectors: (style_size,) each.
        shares: One each, above 0; scaled to sum to one.

    Raises:
        OptionError: For other shares.
    """
    if len(shares) != len(vectors) or not all(0 < share < float("inf") for share in shares):
        raise OptionError(f"Each style of a mixture needs a weight above 0, not {list(shares)}.")
    weights = torch.tensor(list(shares)) / sum(shares)
    return (torch.stack(list(vectors)) * weights[:, None]).sum(0)
