"""Manifests in Parquet: shards follow from the numbers of rows in the footers alone."""

from __future__ import annotations

import contextlib
import shutil
import tempfile
from collections.abc import Iterator, Sequence
from typing import Any

from impasto.batch.places import opened, parent_of, reading
from impasto.batch.shards import RawRow, Shard
from impasto.runtime.optional import require

_BATCH = 1024
"""Rows that are decoded at a time."""


class ParquetTable:
    """Rows of Parquet files, one file after another.

    A shard reads the row groups that hold it, so files with row groups of about a shard's size are
    read once in all.

    Args:
        files: The manifests, in order.
        base: Folder that relative names belong to; None: that of each manifest.
    """

    def __init__(self, files: Sequence[str], *, base: str | None = None) -> None:
        require("pyarrow", by="A Parquet manifest")
        self._files, self._base = files, base

    @property
    def count(self) -> int | None:
        """All rows; known at once only if there are few files."""
        return self._rows_in(self._files[0]) if len(self._files) == 1 else None

    def columns(self) -> list[str]:
        """The columns of the first file."""
        with _file(self._files[0]) as table:
            return list(table.schema_arrow.names)

    def shards(self, size: int) -> Iterator[Shard]:
        """Shards of ``size`` rows; only footers are read."""
        number = first = 0
        for name in self._files:
            rows = self._rows_in(name)
            for start in range(0, rows, size):
                count = min(size, rows - start)
                yield Shard(number, name, start, first + start, count)
                number += 1
            first += rows

    def rows(self, shard: Shard) -> Iterator[RawRow]:
        """The rows of a shard."""
        base = parent_of(shard.file) if self._base is None else self._base
        end = shard.start + (shard.count or 0)
        # What is read is read while batches are taken: each may find a broken file or network.
        with _file(shard.file) as table, reading(shard.file):
            number = 0  # of the next row, in the file
            for group in range(table.metadata.num_row_groups):
                rows = table.metadata.row_group(group).num_rows
                if number + rows <= shard.start or number >= end:
                    number += rows
                    continue
                for batch in table.iter_batches(batch_size=_BATCH, row_groups=[group]):
                    low, high = max(0, shard.start - number), min(batch.num_rows, end - number)
                    if low < high:
                        first = shard.first + number + low - shard.start
                        yield from _rows(batch.slice(low, high - low).to_pylist(), first, base)
                    number += batch.num_rows

    def _rows_in(self, name: str) -> int:
        with _file(name) as table:
            return int(table.metadata.num_rows)


def _rows(values: list[dict[str, Any]], first: int, base: str) -> Iterator[RawRow]:
    for number, row in enumerate(values, first):
        yield RawRow(number, {n: v for n, v in row.items() if v is not None}, base=base)


@contextlib.contextmanager
def _file(name: str) -> Iterator[Any]:
    from pyarrow.parquet import ParquetFile

    with opened(name) as file, tempfile.TemporaryFile() as copy:
        with reading(name):
            if not file.seekable():  # a server that sends only whole files
                shutil.copyfileobj(file, copy)
            table = ParquetFile(file if file.seekable() else copy)
        yield table
