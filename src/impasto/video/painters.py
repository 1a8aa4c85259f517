"""What paints one frame of a clip after the other.

``PAINTERS`` is where other ways of painting are added: each entry may wrap the painter of single
frames if the request asks for it.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from fractions import Fraction
from typing import TYPE_CHECKING, Protocol, TypeAlias

import torch
from torch import Tensor

from impasto.images.picture import Picture
from impasto.networks.normalization import MomentFilter, own_moments
from impasto.onepass.stylizer import Stylizer
from impasto.regions.regions import Region, kept_mask
from impasto.video.frame import Frame

if TYPE_CHECKING:
    from impasto.jobs.video_request import VideoRequest


class FramePainter(Protocol):
    """Paints the frames of a clip in their order.

    Attributes:
        segment_frames: Frames after which the work is saved; a run that was killed goes on there.
    """

    segment_frames: int

    def __call__(self, frame: Frame) -> Tensor:
        """The painted frame, (1, 3, H, W) in [0, 1], of the frame's size."""
        ...

    def reset(self) -> None:
        """Forget earlier frames: the next one does not follow them."""
        ...

    def state(self) -> dict[str, Tensor]:
        """All that the next frames depend on, to be saved at the border of a segment."""
        ...

    def load_state(self, state: Mapping[str, Tensor]) -> None:
        """Go on from a state."""
        ...


@dataclass(frozen=True)
class Look:
    """How a frame is painted.

    Attributes:
        vector: Style vector (style_size,); None if only regions have styles.
        strength: 0 (the clip, or nearly) to 1.
    """

    vector: Tensor | None = field(repr=False)
    strength: float = 1.0


class FrameByFrame:
    """Paints every frame by itself, so that equal frames give equal pictures.

    Args:
        stylizer: Paints single pictures.
        look: Time in seconds → how the frame shown then is painted.
        regions: Frame → its regions; none by default.
        segment_frames: See :class:`FramePainter`.

    Attributes:
        filter_moments: Of the moments that the network normalizes by; none by default.
    """

    def __init__(
        self,
        stylizer: Stylizer,
        look: Callable[[Fraction], Look],
        *,
        regions: Callable[[Frame], Sequence[Region]] = lambda frame: (),
        segment_frames: int = 24,
    ) -> None:
        self.stylizer, self.look, self.regions = stylizer, look, regions
        self.filter_moments: MomentFilter = own_moments
        self.segment_frames = segment_frames
        self._vectors: dict[str, Tensor] = {}

    def __call__(self, frame: Frame) -> Tensor:
        """The painted frame, (1, 3, H, W) in [0, 1], of the frame's size."""
        look, regions = self.look(frame.pts), list(self.regions(frame))
        picture = Picture(frame.image)
        vectors: list[Tensor | None] = [self._vector_of(r, picture, look) for r in regions]
        vectors = vectors or [look.vector]
        painted = self.stylizer.paint(
            picture,
            regions=regions,
            vectors=[vector for vector in vectors if vector is not None],
            strength=look.strength,
            filter_moments=self.filter_moments,
        )
        return painted.clamp(0, 1)

    def _vector_of(self, region: Region, picture: Picture, look: Look) -> Tensor:
        """The style of a region: its own is read once, the common one changes over time."""
        has_own = region.style is not None or region.style_name or region.keep
        if not has_own and look.vector is not None and region.style_mask is None:
            return look.vector
        if region.name not in self._vectors:
            self._vectors[region.name] = self.stylizer.region_vector(region, picture)
        return self._vectors[region.name]

    def reset(self) -> None:
        """Nothing: a frame depends on no other."""

    def state(self) -> dict[str, Tensor]:
        """The styles of regions: they may have been read with the colours of the first frame."""
        return dict(self._vectors)

    def load_state(self, state: Mapping[str, Tensor]) -> None:
        """Go on from a state."""
        self._vectors = dict(state)


class KeptRegions:
    """Puts the clip back where regions keep it, after whatever another painter did there.

    Args:
        inner: Paints frames.
        regions: Frame → its regions.
    """

    def __init__(self, inner: FramePainter, regions: Callable[[Frame], Sequence[Region]]) -> None:
        self._inner, self._regions = inner, regions
        self.segment_frames = inner.segment_frames

    def __call__(self, frame: Frame) -> Tensor:
        """The painted frame, (1, 3, H, W) in [0, 1]."""
        painted = self._inner(frame)
        kept = kept_mask(self._regions(frame))
        if kept is None:
            return painted
        return torch.lerp(painted, frame.image.to(painted), kept.to(painted))

    def reset(self) -> None:
        """Forget earlier frames."""
        self._inner.reset()

    def state(self) -> dict[str, Tensor]:
        """That of the other painter."""
        return self._inner.state()

    def load_state(self, state: Mapping[str, Tensor]) -> None:
        """Go on from a state."""
        self._inner.load_state(state)


PainterFactory: TypeAlias = "Callable[[FramePainter, VideoRequest, torch.device], FramePainter]"
"""(painter so far, request, device) → the painter, wrapped if the request asks for it."""

PAINTERS: Mapping[str, str] = {"steady": "impasto.video.steady:steady_painter"}
"""Name → where its :data:`PainterFactory` is defined, in the order in which they are applied."""
