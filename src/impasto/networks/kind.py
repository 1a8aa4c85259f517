"""What Impasto knows of a kind of network: how it is built, described in a file, and read back."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from impasto.networks.base import StyledNetwork, StyleReader

_MAX_SIZE = 1 << 20
"""Bound of every number in a description: no real width or count comes near."""


@dataclass(frozen=True)
class NetworkKind:
    """One entry of :data:`impasto.networks.registry.NETWORKS`.

    Attributes:
        build: (encoder's name or file, sizes by name) → network with new weights. Raises an
            OptionError for impossible sizes.
        describe: Network → what its file says of it, as JSON values by name.
        read: (description from a file, number of tensors in the file) → network whose weights are
            still to be read. A description is untrusted: wrong ones raise a ValueError or the like,
            and nothing large is allocated.
        style_reader: Network → the reader of its style vectors, if that belongs to the kind. None
            if a :class:`impasto.networks.style_predictor.StylePredictor` can be trained with it.
        sizes: Name → default of each size that is an option of ``impasto train``.
    """

    build: Callable[[str, Mapping[str, Any]], StyledNetwork]
    describe: Callable[[Any], dict[str, Any]]
    read: Callable[[Mapping[str, Any], int], StyledNetwork]
    style_reader: Callable[[Any], StyleReader] | None = None
    sizes: Mapping[str, Any] = field(default_factory=dict)


def shape_kind(
    network: Callable[[Any], StyledNetwork],
    shape: Callable[..., Any],
    *,
    counts: Sequence[str] = ("blocks",),
    options: Sequence[str] = (),
) -> NetworkKind:
    """A kind whose networks are defined by a shape: a frozen dataclass of numbers and names.

    Args:
        network: Shape → network, which keeps it as its attribute ``shape``.
        shape: The dataclass. Every entry has a default, and is a whole number, a text, or a tuple
            of whole numbers; impossible values raise an OptionError.
        counts: Entries that count layers: a file has at least as many tensors.
        options: Entries that are options of ``impasto train``.
    """

    def build(encoder: str, sizes: Mapping[str, Any]) -> StyledNetwork:
        return network(shape(**sizes))

    def describe(built: Any) -> dict[str, Any]:
        entries = dataclasses.asdict(built.shape)
        # Lists for tuples, as JSON returns them.
        return {"shape": {k: list(v) if isinstance(v, tuple) else v for k, v in entries.items()}}

    def read(description: Mapping[str, Any], tensors: int) -> StyledNetwork:
        import torch  # only here, so that kinds can be listed without it

        entries = description["shape"]
        check_sizes(entries)
        for name in counts:
            count = entries[name]
            if sum(count if isinstance(count, list) else [count]) > tensors:
                raise ValueError(f"it has more {name} than the file has tensors for")
        sizes = {key: tuple(v) if isinstance(v, list) else v for key, v in entries.items()}
        with torch.device("meta"):  # shapes without memory, whatever sizes are claimed
            return network(shape(**sizes))

    defaults = {name: getattr(shape(), name) for name in options}
    return NetworkKind(build, describe, read, sizes=defaults)


def check_sizes(entries: Mapping[str, Any]) -> None:
    """Raise a ValueError for sizes in an untrusted description that no real network has."""
    numbers = [n for v in entries.values() for n in (v if isinstance(v, list) else [v])]
    if any(isinstance(n, int) and not 0 <= n < _MAX_SIZE for n in numbers):
        raise ValueError("its widths or depths are out of range")
