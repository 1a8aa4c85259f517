"""The style statistics by name.

To add one, write its summary and its distance, and a line in ``STATISTICS``: masks, mixtures,
tiles, the option ``style_loss`` and the generic tests use it from there. Another package calls
:func:`register_statistic`, or declares an entry point of the group ``impasto.statistics``::

    [project.entry-points."impasto.statistics"]
    median = "my_package.median:STATISTIC"
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING

from impasto.errors import OptionError, unknown_name
from impasto.runtime.in_memory import gone, kind_of_label
from impasto.runtime.registry import Registry

if TYPE_CHECKING:
    from torch import Tensor

    from impasto.losses.moments import Summary


@dataclass(frozen=True)
class Statistic:
    """A style statistic.

    Attributes:
        summary: (features (B, C, H, W), weights (B, 1, H, W) ≥ 0 or None) → means by name.
        distance: (summary, target summary) → (B,), ≥ 0.
        about: Description in one line.
        source: The paper.
        is_mean: Whether the summary is a mean over positions, so that tiles mix to the whole
            exactly, and a mixture of styles is the summary of a picture with parts of each.
        from_moments: Computes the summary from the ``mean`` and ``gram`` of
            :func:`impasto.losses.moments.mean_and_gram`; None if that is impossible or no simpler.
    """

    summary: Callable[[Tensor, Tensor | None], Summary]
    distance: Callable[[Summary, Summary], Tensor]
    about: str
    source: str
    is_mean: bool = True
    from_moments: Callable[[Summary], Summary] | None = None


STATISTICS = Registry(
    "style statistic",
    Statistic,
    "impasto.statistics",
    {
        "gram": "impasto.losses.statistics:GRAM",
        "moments": "impasto.losses.statistics:MOMENTS",
        "gaussian-ot": "impasto.losses.statistics:GAUSSIAN_OT",
        "mmd-linear": "impasto.losses.mmd:LINEAR",
        "mmd-poly": "impasto.losses.mmd:POLY",
        "mmd-rbf": "impasto.losses.mmd:RBF",
        "sliced": "impasto.losses.sliced:SLICED",
    },
)
"""Style statistics by name: the built-in, the registered, and those of installed packages."""


def register_statistic(name: str, statistic: Statistic) -> None:
    """Add a style statistic to ``STATISTICS``; ``style_loss`` accepts its name from then on.

    Args:
        name: Its name in recipes and on the command line, such as ``"sliced"``.
        statistic: The statistic.

    Raises:
        OptionError: If another statistic has that name, or ``statistic`` is not a ``Statistic``.
    """
    STATISTICS.register(name, statistic)


def is_statistic(value: object) -> bool:
    """Whether something is a statistic, and not its name."""
    return isinstance(value, Statistic)


def get_statistic(name: str | Statistic) -> Statistic:
    """The statistic of that name; a statistic itself is returned as it is.

    Raises:
        OptionError: For an unknown name, listing all; if its package cannot be loaded; or for
            something else.
    """
    if isinstance(name, Statistic):
        return name
    if not isinstance(name, str):
        raise OptionError(
            "A statistic is an impasto.Statistic or the name of one, not "
            f"{getattr(name, '__name__', type(name).__name__)}.",
            got=name,
        )
    if kind_of_label(name):
        raise gone(name)
    if name not in STATISTICS:
        raise unknown_name("style statistic", name, STATISTICS)
    return STATISTICS[name]
