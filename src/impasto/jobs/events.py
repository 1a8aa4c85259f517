"""Events: what happens while a request is run."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, TypeAlias

from torch import Tensor

from impasto.errors import ImpastoError, render

if TYPE_CHECKING:
    from PIL import Image

    from impasto.jobs.results import Result


@dataclass(frozen=True)
class Planned:
    """The work ahead, before anything long begins.

    Attributes:
        sizes: Height and width of every stage, the last one the result's.
        steps: Optimization steps of every stage; 1 for one pass.
        seconds: Estimate of what is left to do; None if no estimate was asked for.
        bytes: Estimate of the peak memory of the process.
        tile_side: Side of the tiles in pixels, if the largest size is painted in tiles.
        longest_side: Long side of the largest picture of this shape that the memory allows; None
            if that is not known.
        device: Where the work is done, such as ``"cpu"`` or ``"cuda:0"``.
    """

    sizes: tuple[tuple[int, int], ...]
    steps: tuple[int, ...]
    seconds: float | None = None
    bytes: float | None = None
    tile_side: int | None = None
    longest_side: int | None = None
    device: str = "cpu"


@dataclass(frozen=True)
class Progress:
    """A step was made.

    Attributes:
        share: Of the whole work, 0 to 1.
        seconds: Since the work began, earlier runs that are resumed counted.
        seconds_left: Estimate from the pace so far; None if there is none yet.
        size: Height and width of the picture now.
        step: Steps made at this size, from 1.
        of: Steps to make at this size.
        number: Steps made at all sizes.
        losses: Term → weighted loss.
        label: The current part, if a request has several.
    """

    share: float
    seconds: float
    seconds_left: float | None = None
    size: tuple[int, int] = (0, 0)
    step: int = 1
    of: int = 1
    number: int = 1
    losses: Mapping[str, float] = field(default_factory=dict)
    label: str = ""

    @property
    def loss(self) -> float:
        """The sum of all terms."""
        return sum(self.losses.values())


@dataclass(frozen=True)
class Preview:
    """The picture so far, (1, 3, H, W) in [0, 1], as it would be saved."""

    image: Tensor = field(repr=False)

    def to_pil(self) -> Image.Image:
        """The same as a Pillow image."""
        from impasto import images

        return images.to_pil(self.image)


@dataclass(frozen=True)
class Note:
    """Something that a person should know.

    Attributes:
        message: One or two sentences, naming options by :func:`impasto.errors.option`.
        error: The problem, if something other than the picture failed.
    """

    message: str
    error: ImpastoError | None = None

    @property
    def text(self) -> str:
        """The message in one line, with options named as Python does."""
        return render(self.message)

    def render(self, name: Callable[[str], str]) -> str:
        """The message in one line, with every option named in the way of an interface."""
        return render(self.message, name)


@dataclass(frozen=True)
class Finished:
    """The end: of the whole work, or of as much as was done before it was stopped.

    Attributes:
        result: The picture.
        is_resumable: Whether a checkpoint was kept, for work that was stopped.
    """

    result: Result
    is_resumable: bool = False


Event: TypeAlias = Planned | Progress | Preview | Note | Finished
