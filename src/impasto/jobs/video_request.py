"""The request for a clip: how its frames are painted, which of them, and what changes over time."""

from __future__ import annotations

import dataclasses
import math
import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, ClassVar, TypeAlias

from impasto.errors import OptionError, option
from impasto.jobs.requests import (
    Request,
    Source,
    StyleInput,
    StylizeRequest,
    model_files,
    parse_styles,
    split_styles,
)
from impasto.recipes.recipe import FIELDS, INITS, OPTIMIZATION, Recipe
from impasto.runtime.fields import check_entries, entries, entry, typed_changes

CLIP = "clip"
"""Heading of the options about which frames are painted."""

FILE = "file"
"""Heading of the options about how a clip is written."""

METADATA = ("keep", "keep-location", "strip")

COMMON = tuple(name for name in entries(StylizeRequest) if name in FIELDS and name != "size")
"""Entries that frames have both in one pass and in a recipe."""

EASES = ("linear", "smooth", "hold")
"""Ways between two keyframes: at a constant rate, slow at both ends, or a jump at the second."""

_TIME = re.compile(r"(?:(?:(\d+):)?(\d+):)?(\d+(?:\.\d*)?|\.\d+)s?")
_MOST_SECONDS = 1e6
_LEAST_FPS = 0.001


@dataclass(frozen=True)
class Keyframe:
    """What a clip looks like at a time; as text ``TIME=STYLE[:WEIGHT],…[@STRENGTH]``.

    Attributes:
        seconds: The time, from the beginning of what is painted.
        styles: The styles then, mixed by their weights; none: those of the keyframe before.
        strength: The strength then, 0 to 1; None: as between the keyframes around it that have one.

    What no keyframe sets at 0 s is then as the request's picture says.
    """

    seconds: float
    styles: tuple[StyleInput, ...] = ()
    strength: float | None = None

    def __post_init__(self) -> None:
        if not 0 <= self.seconds <= _MOST_SECONDS:
            raise OptionError(f"A keyframe's time is 0 seconds or more, not {self.seconds:g}.")
        if self.strength is not None and not 0 <= self.strength <= 1:
            raise OptionError(f"A keyframe's strength is 0 to 1, not {self.strength:g}.")
        if not self.styles and self.strength is None:
            raise OptionError("A keyframe has styles, a strength or both.")

    def __str__(self) -> str:
        strength = "" if self.strength is None else f"@{self.strength:g}"
        return f"{self.seconds:g}s={','.join(map(str, self.styles))}{strength}"


@dataclass(frozen=True)
class VideoRequest:
    """Paint a clip, or a folder of frames, in one pass a frame or by optimization.

    Attributes:
        picture: How each frame is painted; its content is the clip, its size that of the frames.
        start: Seconds into the clip at which the painting begins.
        end: Seconds into the clip at which it ends; 0: with the clip.
        fps: Frames a second to paint; 0: those of the clip, at its own times.
        steady: How far a painting is held from frame to frame, against flicker: 0 (every frame is
            painted by itself) to 1 (see :mod:`impasto.video.steady`).
        ease: How styles and strengths change between keyframes.
        keyframes: Styles and strengths over time; none: the picture's all the time.
        recipe: Paint by optimization with it; None: in one pass. What the picture has too, such as
            its strength and its size, is as the picture says.
        frame_steps: Optimization steps of a frame that goes on from the one before; a frame that
            does not has those of the recipe.
        paint_every: Frames from one painted by optimization to the next; to those between, the
            painting is moved along the optical flow.
    """

    kind: ClassVar[str] = "video"

    picture: StylizeRequest
    start: float = entry(0.0, "seconds into the clip to begin at", group=CLIP, range=(0.0, 1e6))
    end: float = entry(
        0.0, "seconds into the clip to end at; 0: its end", group=CLIP, range=(0.0, 1e6)
    )
    fps: float = entry(
        0.0, "frames a second; 0: the clip's own, at its own times", group=CLIP, range=(0.0, 1000.0)
    )
    steady: float = entry(
        1.0,
        "how far a painting is held from frame to frame, against flicker: 0 (each by itself) to 1",
        group="style",
        range=(0.0, 1.0),
    )
    ease: str = entry("linear", "way between two keyframes", group="style", choices=EASES)
    keyframes: tuple[Keyframe, ...] = ()
    recipe: Recipe | None = None
    frame_steps: int = entry(
        10,
        "steps of a frame that goes on from the one before",
        group=OPTIMIZATION,
        range=(1, 10**6),
    )
    paint_every: int = entry(
        1,
        "paint every so many frames, and move the paintings to those between along the optical "
        "flow",
        group=OPTIMIZATION,
        range=(1, 10**6),
    )

    def __post_init__(self) -> None:
        check_entries(self)
        if 0 < self.fps < _LEAST_FPS:
            raise OptionError(
                f"{option('fps')} must be 0 or at least {_LEAST_FPS}, not {self.fps:g}."
            )
        if self.end and self.end <= self.start:
            raise OptionError(
                f"{option('end')} must be after {option('start')}: {self.end:g} is not after "
                f"{self.start:g}."
            )
        if self.recipe is not None and self.keyframes:
            raise OptionError(
                f"Styles change over time in one pass only: leave out {option('at')} or "
                f"{option('paint')}."
            )
        for name in ("frame_steps", "paint_every"):
            if self.recipe is None and getattr(self, name) != getattr(VideoRequest, name):
                raise OptionError(
                    f"{option(name)} is of paintings by optimization: give a {option('recipe')}."
                )
        times = [keyframe.seconds for keyframe in self.keyframes]
        if len(set(times)) < len(times):
            raise OptionError(f"Two keyframes of {option('at')} have the same time.")
        ordered = tuple(sorted(self.keyframes, key=lambda keyframe: keyframe.seconds))
        object.__setattr__(self, "keyframes", ordered)

    @property
    def content(self) -> Source:
        """The clip."""
        return self.picture.content

    @property
    def styles(self) -> tuple[StyleInput, ...]:
        """The styles of the picture, then those of the keyframes."""
        later = [style for keyframe in self.keyframes for style in keyframe.styles]
        return tuple(dict.fromkeys([*self.picture.styles, *later]))

    @property
    def files(self) -> list[str]:
        """Every file that the request reads, or would if it exists: styles may be names."""
        names = [*self.picture.files, *(style.name for style in self.styles)]
        if self.recipe is not None:
            names += [] if self.recipe.init in INITS else [self.recipe.init]
            names += model_files(self.recipe.encoder)
        return list(dict.fromkeys(names))

    def replace(self, /, **changes: Any) -> VideoRequest:
        """The request with some numbers and names of its own changed.

        Raises:
            OptionError: For an unknown entry, or a value that is not allowed.
        """
        return dataclasses.replace(self, **typed_changes(VideoRequest, changes, "option"))

    def resized(self, long_side: int) -> VideoRequest:
        """The same clip at another size."""
        return dataclasses.replace(self, picture=self.picture.resized(long_side))


AnyRequest: TypeAlias = Request | VideoRequest
"""A request for a picture or for a clip."""


@dataclass(frozen=True)
class ClipLimits:
    """How long a clip may be that somebody else has sent; longer ones are refused.

    Attributes:
        seconds: Of what is painted.
        frames: That are read, or painted.
        pixels: Of all painted frames together.
    """

    seconds: float = math.inf
    frames: float = math.inf
    pixels: float = math.inf


@dataclass(frozen=True)
class Encoding:
    """How a painted clip is written; nothing here changes its pictures.

    Attributes:
        codec: Name of a codec, or of an encoder of FFmpeg; empty: the usual one of the file's kind.
        crf: Constant rate factor, lower is better and larger; -1: the codec's usual one.
        pixel_format: FFmpeg's name; empty: the codec's usual one.
        metadata: Whether title, author and the like are kept, and with ``keep-location`` also where
            the clip was taken.
    """

    codec: str = entry(
        "", "h264, hevc, av1, vp9, prores, ffv1, or an encoder of FFmpeg", group=FILE
    )
    crf: int = entry(-1, "quality of the video, lower is better", group=FILE, range=(-1, 63))
    pixel_format: str = entry("", "such as yuv420p, yuv444p, yuv420p10le", group=FILE)
    metadata: str = entry(
        "keep", "title, author and the like, and where it was taken", group=FILE, choices=METADATA
    )

    def __post_init__(self) -> None:
        check_entries(self)


def parse_time(text: str, name: str) -> float:
    """Seconds of a time: ``4``, ``4s``, ``2.5``, ``1:02.5``, ``1:00:00``.

    Args:
        text: The time.
        name: The option that it was given for.

    Raises:
        OptionError: For any other text.
    """
    found = _TIME.fullmatch(text.strip())
    if found is None:
        raise OptionError(
            f"{option(name)} takes a time, such as 4s, 2.5 or 1:02, not '{text}'.", got=text
        )
    hours, minutes, seconds = found.groups(default="0")
    value = 3600 * int(hours) + 60 * int(minutes) + float(seconds)
    if not math.isfinite(value) or value > _MOST_SECONDS:
        raise OptionError(f"{option(name)}: {text} is longer than any clip.", got=text)
    return value


def parse_keyframes(texts: Sequence[str]) -> tuple[Keyframe, ...]:
    """Keyframes: ``0s=wave``, ``4s=scream:0.5,wave:0.5@0.8``, ``6s=@0.3``.

    Raises:
        OptionError: For any other text.
    """
    return tuple(map(_parse_keyframe, texts))


def _parse_keyframe(text: str) -> Keyframe:
    time, equals, rest = text.partition("=")
    words, at, number = rest.rpartition("@")
    strength: float | None = None
    try:
        words, strength = (words, float(number)) if at else (rest, None)
    except ValueError:  # an @ in the name of a file
        words = rest
    if not equals or not (words or at):
        raise OptionError(
            f"{option('at')} takes TIME=STYLE, such as 4s=great-wave, 4s=great-wave@0.5 with a "
            f"strength, or 4s=@0.5 with nothing but a strength, not '{text}'.",
            got=text,
        )
    styles = parse_styles(split_styles(words)) if words else ()
    return Keyframe(parse_time(time, "at"), styles, strength)
