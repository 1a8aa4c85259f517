"""The sizes of one-pass networks, as their files describe them and `impasto train` takes them."""

from __future__ import annotations

from dataclasses import dataclass

from impasto.errors import OptionError, unknown_name


@dataclass(frozen=True)
class PaintShape:
    """The size of a :class:`PaintNetwork`.

    Attributes:
        widths: Channels at a quarter, an eighth and a sixteenth of the picture's size.
        blocks: Residual blocks at an eighth going down, at a sixteenth, at an eighth going up.
        detail: Channels carried from a quarter to half the size.
        head: Channels at half the size.
        noise: Maps of noise at an eighth and at a sixteenth, from which strokes can be painted into
            a uniform sky (:mod:`impasto.networks.noise`). With noise, coarse maps are enlarged
            smoothly, since bilinear enlargement of noise shows their lattice.

    Raises:
        OptionError: For a width below one or a negative number of blocks.
    """

    widths: tuple[int, int, int] = (32, 80, 128)
    blocks: tuple[int, int, int] = (1, 4, 2)
    detail: int = 12
    head: int = 16
    noise: int = 0

    def __post_init__(self) -> None:
        least = min(*self.widths, self.detail, self.head)
        if least < 1 or min(*self.blocks, self.noise) < 0:
            raise OptionError("A network needs widths of at least 1 and no fewer than 0 blocks.")


@dataclass(frozen=True)
class StrokeShape:
    """The size of a :class:`StrokeNetwork`.

    Attributes:
        widths: Channels at a quarter, an eighth and a sixteenth of the picture's size.
        blocks: Residual blocks at an eighth going down, at a sixteenth, at an eighth going up, and
            at a quarter, where strokes are a few units wide.
        detail: Channels carried from a quarter to half the size.
        head: Channels at half the size.
        filters: Learnt filters of each late convolution, which a style mixes.

    Raises:
        OptionError: For a width below one, a negative number of blocks, or no filters.
    """

    widths: tuple[int, int, int] = (32, 80, 112)
    blocks: tuple[int, int, int, int] = (1, 2, 2, 3)
    detail: int = 16
    head: int = 24
    filters: int = 4

    def __post_init__(self) -> None:
        least = min(*self.widths, self.detail, self.head, self.filters)
        if least < 1 or min(*self.blocks) < 0:
            raise OptionError(
                "A network needs widths and filters of at least 1 and no fewer than 0 blocks."
            )


NORMS = ("instance", "batch")


@dataclass(frozen=True)
class JohnsonShape:
    """The size of a :class:`JohnsonNetwork`.

    Attributes:
        widths: Channels at the picture's size, at half and at a quarter of it.
        blocks: Residual blocks, all at a quarter.
        norm: ``"instance"`` normalizes each map by its own moments. ``"batch"`` normalizes by the
            moments of the batch in training (of a process's share of it), and by their running
            averages afterwards.

    Raises:
        OptionError: For another norm, a width below one or a negative number of blocks.
    """

    widths: tuple[int, int, int] = (32, 64, 128)
    blocks: int = 5
    norm: str = "instance"

    def __post_init__(self) -> None:
        if self.norm not in NORMS:
            raise unknown_name("normalization", self.norm, NORMS)
        if min(self.widths) < 1 or self.blocks < 0:
            raise OptionError("A network needs widths of at least 1 and no fewer than 0 blocks.")
