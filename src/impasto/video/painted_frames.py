"""Frames painted by optimization, each going on from the painting before.

The first frame of a scene is painted as a picture is. Each later one starts from the painting
before, moved along the optical flow, and is held to it where the scene is the same
(:mod:`impasto.painting.following`). Where the flow does not hold, behind what moves away, it starts
from the one-pass network's picture. Frames between painted ones are that start, as it is.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field

import torch
from torch import Tensor

from impasto.colour.modes import get_colour_mode
from impasto.encoders.protocol import FeatureExtractor
from impasto.errors import OptionError, option
from impasto.images.picture import Picture
from impasto.jobs.initial_image import open_initial_image
from impasto.jobs.run import Run
from impasto.jobs.sources import read_styles
from impasto.jobs.video_request import COMMON, VideoRequest
from impasto.onepass.stylizer import StyleSource
from impasto.painting.cost_model import check_canvas
from impasto.painting.following import Before, FollowingPainter
from impasto.painting.objective_builder import Style
from impasto.painting.painter import InitialImage, Painter
from impasto.recipes.recipe import Recipe
from impasto.regions.region_colours import have_colours, in_colours
from impasto.regions.regions import Region
from impasto.runtime.device_memory import base_bytes, free_bytes, memory_budget
from impasto.runtime.devices import CPU
from impasto.runtime.optional import require
from impasto.video.correspondence import find_correspondence, reduced
from impasto.video.cuts import CutDetector
from impasto.video.frame import Frame
from impasto.video.painters import FramePainter
from impasto.video.steady import moved_along

SEGMENT_FRAMES = 6
"""Frames after which the work is saved: each takes seconds."""

_TEMPORAL_WEIGHT = 100.0
"""Of the temporal term where paintings are steadiest, in a recipe whose style has weight 1."""


@dataclass(frozen=True)
class Settings:
    """How frames are painted.

    Attributes:
        recipe: Of the size of the frames.
        styles: The style pictures; none if only regions have styles.
        encoder: Of the recipe, on the device.
        initial_image: See :class:`impasto.painting.painter.Painter`.
        device: Where to paint.
        memory: Bytes that the process may use; None: what is free when the first frame is painted.
        steady: 0 (each by itself) to 1 (held to the one before).
        steps: Of a frame that goes on from the one before.
        every: Frames from one that is painted to the next.
    """

    recipe: Recipe
    styles: Sequence[Style] = field(repr=False)
    encoder: FeatureExtractor = field(repr=False)
    initial_image: InitialImage | None = field(repr=False, default=None)
    device: torch.device = CPU
    memory: float | None = None
    steady: float = 1.0
    steps: int = 10
    every: int = 1


@dataclass(frozen=True)
class _Last:
    """The frame before, its painting before the colour mode, and the frames since one was painted.

    Attributes:
        image: The frame.
        painted: Its painting.
        since: 0 if it was painted itself.
    """

    image: Tensor = field(repr=False)
    painted: Tensor = field(repr=False)
    since: int


class PaintedFrames:
    """Paints frames by optimization; see :class:`impasto.video.painters.FramePainter`.

    Args:
        inner: Paints single frames in one pass, for what was not seen in the frame before.
        settings: How frames are painted.
        regions: Frame → its regions; none by default.
        segment_frames: See :class:`impasto.video.painters.FramePainter`.

    Raises:
        OptionError: If OpenCV is missing and needed.
    """

    def __init__(
        self,
        inner: FramePainter,
        settings: Settings,
        *,
        regions: Callable[[Frame], Sequence[Region]] = lambda frame: (),
        segment_frames: int = SEGMENT_FRAMES,
    ) -> None:
        if settings.steady or settings.every > 1:
            hint = f"{option('steady')} 0 with {option('paint_every')} 1 needs none"
            require("cv2", by=option("paint"), hint=hint)
        self._inner, self._settings, self._regions = inner, settings, regions
        self.segment_frames = segment_frames
        self._memory = settings.memory
        self._mode = get_colour_mode(settings.recipe.colour)
        self._cuts = CutDetector()
        self._last: _Last | None = None

    def __call__(self, frame: Frame) -> Tensor:
        """The painted frame, (1, 3, H, W) in [0, 1]."""
        # A run paints without gradients, and tensors made so cannot have any.
        with torch.inference_mode(False), torch.no_grad():
            frame = dataclasses.replace(frame, image=frame.image.clone())
            last = self._last = self._next(frame)
            colour, space = self._settings.recipe.colour, self._settings.recipe.colour_space
            regions = [region.to(last.painted.device) for region in self._regions(frame)]
            if colour == "style" and not have_colours(regions, colour):
                return last.painted.clone()
            image = frame.image.to(last.painted)
            return in_colours(last.painted, image, colour, space, regions)

    def _next(self, frame: Frame) -> _Last:
        last, image = self._last, frame.image
        if last is not None and torch.equal(last.image, image):
            return last
        small = reduced(image)
        is_cut = self._cuts(small)
        if last is None or is_cut or last.image.shape != image.shape:
            return _Last(image, self._paint(frame, None), 0)
        is_due = last.since + 1 >= self._settings.every
        if is_due and not self._settings.steady:
            return _Last(image, self._paint(frame, None), 0)
        before = self._moved(last, frame, small)
        if is_due:
            return _Last(image, self._paint(frame, before), 0)
        return _Last(image, before.start, last.since + 1)

    def _moved(self, last: _Last, frame: Frame, small: Tensor) -> Before:
        """The painting before at the places of this frame, and the network's where it is none."""
        found = find_correspondence(reduced(last.image), small, frame.size)
        painted = last.painted.to(self._settings.device)
        moved, trust = moved_along(painted, found.flow.to(painted)), found.trust.to(painted)
        fresh = self._inner(frame).to(painted).clone()
        fresh = self._mode.content(fresh, self._settings.recipe.colour_space)
        weight = _TEMPORAL_WEIGHT * self._settings.steady * self._settings.recipe.style_weight
        return Before(torch.lerp(fresh, moved, trust).clamp(0, 1), trust, weight)

    def _paint(self, frame: Frame, before: Before | None) -> Tensor:
        """The painting of a frame, before the colour mode."""
        settings = self._settings
        if self._memory is None:  # measured once: other tiles would round sums in another way
            self._memory = memory_budget(settings.device)
        # The mask of a region that moves may be black in some frames.
        regions = [region for region in self._regions(frame) if bool(region.mask.any())]
        if not settings.styles and all(region.style is None for region in regions):
            return self._inner(frame).to(settings.device).clone()
        painter = painter_of(settings, Picture(frame.image), regions, before, self._memory)
        with torch.enable_grad():
            for _ in painter:
                pass
        return painter.image.detach().clone()

    def reset(self) -> None:
        """See :class:`impasto.video.painters.FramePainter`."""
        self._last = None
        self._cuts.reset()
        self._inner.reset()

    def state(self) -> dict[str, Tensor]:
        """See :class:`impasto.video.painters.FramePainter`."""
        state = {f"inner.{name}": value for name, value in self._inner.state().items()}
        state |= self._cuts.state()
        if self._memory is not None:
            state["memory"] = torch.tensor(self._memory, dtype=torch.float64)
        if self._last is not None:
            last = self._last
            since = torch.tensor(last.since)
            state |= {"image": last.image, "painted": last.painted, "since": since}
        return state

    def load_state(self, state: Mapping[str, Tensor]) -> None:
        """See :class:`impasto.video.painters.FramePainter`."""
        inner = {k.removeprefix("inner."): v for k, v in state.items() if k.startswith("inner.")}
        self._inner.load_state(inner)
        self._cuts.load_state(state)
        self._memory = float(state["memory"]) if "memory" in state else self._settings.memory
        self._last = None
        if "image" in state:
            self._last = _Last(state["image"], state["painted"], int(state["since"]))


def painter_of(
    settings: Settings,
    frame: Picture,
    regions: Sequence[Region] = (),
    before: Before | None = None,
    memory: float | None = None,
) -> Painter:
    """The painter of a frame.

    Args:
        settings: How frames are painted.
        frame: The frame.
        regions: Of the frame.
        before: What is held of the painting before; None: the frame is painted by itself.
        memory: Bytes that the process may use.
    """
    recipe, styles = settings.recipe, settings.styles
    encoder, device = settings.encoder, settings.device
    if before is not None:
        return FollowingPainter(
            frame, styles, recipe, before, settings.steps,
            regions=regions, encoder=encoder, memory=memory, device=device,
        )  # fmt: skip
    return Painter(
        frame, styles, recipe, regions=regions, encoder=encoder, memory=memory,
        initial_image=settings.initial_image, device=device,
    )  # fmt: skip


def settings_of(run: Run, request: VideoRequest, size: tuple[int, int]) -> Settings:
    """How the frames of a request are painted, its styles read.

    Args:
        run: Whose request this is.
        request: Has a recipe.
        size: Height and width of the frames.

    Raises:
        ImpastoError: For styles that are no pictures, frames that are too small or too large.
    """
    picture, options = request.picture, run.options
    assert request.recipe is not None
    common = {name: getattr(picture, name) for name in COMMON}
    recipe = request.recipe.replace(size=max(size), **common)
    for style in picture.styles:
        if StyleSource(style.source).is_name:
            raise OptionError(
                f"{style.name} is the name of a style, and {option('paint')} takes pictures: give "
                f"{option('style')} the path of one."
            )
    budget = free_bytes(run.device) if options.memory is None else options.memory
    check_canvas(size, recipe.optimizer, budget, base=base_bytes(run.device))
    pictures = read_styles(
        [style.source for style in picture.styles], recipe, max(size), max_pixels=options.max_pixels
    )
    styles = [
        Style(read, style.weight or 1.0, style.level)
        for read, style in zip(pictures, picture.styles, strict=True)
    ]
    return Settings(
        recipe,
        styles,
        run.resources.encoder(recipe, run.device),
        open_initial_image(recipe, max_pixels=options.max_pixels),
        run.device,
        options.memory,
        request.steady,
        request.frame_steps,
        request.paint_every,
    )


def bytes_needed(settings: Settings, size: tuple[int, int]) -> float | None:
    """Peak bytes of the process while it paints; None if only regions have styles.

    Raises:
        ImpastoError: If frames of that size cannot be painted so.
    """
    if not settings.styles:
        return None
    blank = Picture(torch.full((1, 3, *size), 0.5))
    painter = painter_of(settings, blank, memory=settings.memory)
    return painter.objective_builder.peak_bytes(size)
