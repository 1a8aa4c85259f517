"""Shards: the units that a batch is cut into, worked on, finished and resumed by."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Protocol

SHARD_SIZE = 1000
"""Rows of a shard, unless there are few."""


@dataclass(frozen=True)
class Shard:
    """A run of rows of one file of the input.

    It is a few numbers, never names, so that a million of them can be planned one after another.

    Attributes:
        number: Of the shard, from 0, in the order of the input.
        file: The manifest or archive that holds the rows.
        start: Where they begin in it: bytes of a text, rows of a Parquet file, 0 of an archive.
        first: Number of the first row, counted over the whole input; of an archive, within it.
        count: Of rows; None for an archive, which is one shard however many it holds.
    """

    number: int
    file: str
    start: int
    first: int
    count: int | None

    def to_dict(self) -> dict[str, Any]:
        """For messages between processes."""
        return dataclasses.asdict(self)

    @classmethod
    def from_dict(cls, described: Mapping[str, Any]) -> Shard:
        """The shard of :meth:`to_dict`."""
        return cls(**described)


@dataclass(frozen=True)
class RawRow:
    """What an input says of one picture, not yet checked.

    Attributes:
        number: Of the row, as :attr:`Shard.first` counts.
        values: Name of an entry → its value.
        base: Folder that relative names belong to.
        is_text: Whether all values are text, as those of CSV are.
        name: Name for the output, if the input has one that is safe.
        data: The content itself, if the input holds it.
        problem: Why the row cannot be used, if it cannot.
    """

    number: int
    values: Mapping[str, Any]
    base: str = ""
    is_text: bool = False
    name: str = ""
    data: bytes | None = None
    problem: str = ""


class Source(Protocol):
    """An input, cut into shards."""

    @property
    def count(self) -> int | None:
        """All rows, if that is known without reading everything."""
        ...

    def shards(self, size: int) -> Iterator[Shard]:
        """All shards, planned one by one: nothing is held but the current place."""
        ...

    def rows(self, shard: Shard) -> Iterator[RawRow]:
        """The rows of a shard."""
        ...

    def columns(self) -> list[str]:
        """Names of the entries that rows have, if the input declares them."""
        ...
