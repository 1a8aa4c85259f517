"""Manifests of text: CSV with a header, and JSON lines. A shard is a byte offset and a count."""

from __future__ import annotations

import csv
import dataclasses
import json
from collections.abc import Iterator, Sequence
from typing import IO, Any

from impasto.batch.places import is_remote, opened, parent_of, size_of_files
from impasto.batch.shards import SHARD_SIZE, RawRow, Shard
from impasto.errors import InputDataError, counted_noun

_LONGEST_LINE = 1 << 20  # bytes; an honest row has a few hundred
_COUNTED_BYTES = 1 << 30
_BOM = b"\xef\xbb\xbf"


class TextTable:
    """Rows of CSV or JSONL files, one file after another.

    Args:
        files: The manifests, in order.
        base: Folder whose pictures the file lists; None for manifests, in which relative names
            belong to the folder of each.
        count: Of all rows, if it is known.
    """

    def __init__(
        self, files: Sequence[str], *, base: str | None = None, count: int | None = None
    ) -> None:
        self._files, self._base, self._count = files, base, count

    @property
    def count(self) -> int | None:
        """All rows; those of manifests are counted if the files are here and not too large."""
        if self._count is not None:
            return self._count
        if any(map(is_remote, self._files)) or size_of_files(self._files) > _COUNTED_BYTES:
            return None
        return sum(shard.count or 0 for shard in self.shards(SHARD_SIZE))

    def columns(self) -> list[str]:
        """The header of the first CSV file; JSON lines declare nothing."""
        if not _is_csv(self._files[0]):
            return []
        with opened(self._files[0]) as file:
            return _header(_Lines(file, self._files[0]))

    def shards(self, size: int) -> Iterator[Shard]:
        """Shards of ``size`` rows. The files are read from end to end, a row at a time."""
        number = first = 0
        for name in self._files:
            start, held = 0, 0
            with opened(name) as file:
                lines = _Lines(file, name)
                if _is_csv(name):
                    _header(lines)
                start = lines.offset
                for _ in _records(lines):
                    held += 1
                    if held == size:
                        yield Shard(number, name, start, first, held)
                        number, first, held, start = number + 1, first + held, 0, lines.offset
            if held:
                yield Shard(number, name, start, first, held)
                number, first = number + 1, first + held

    def rows(self, shard: Shard) -> Iterator[RawRow]:
        """The rows of a shard; a line that is no JSON is a row with a problem."""
        base = parent_of(shard.file) if self._base is None else self._base
        is_csv = _is_csv(shard.file)
        with opened(shard.file) as file:
            lines = _Lines(file, shard.file)
            header = _header(lines) if is_csv else []
            lines.seek(shard.start)
            for number, record in zip(
                range(shard.first, shard.first + (shard.count or 0)), _records(lines), strict=False
            ):
                if is_csv:
                    yield _csv_row(number, header, record, base)
                    continue
                row = _json_row(number, record, base)
                # Names of a listed folder are those of files below it, and kept as they are.
                name = "" if self._base is None else str(row.values.get("content", ""))
                yield dataclasses.replace(row, name=name)


def _is_csv(name: str) -> bool:
    return name.lower().endswith(".csv")


class _Lines(Iterator[str]):
    """Lines of a file as text, with the offset in bytes behind the last one."""

    def __init__(self, file: IO[bytes], name: str) -> None:
        self._file, self.name, self.offset = file, name, 0

    def seek(self, offset: int) -> None:
        if self._file.seekable():
            self._file.seek(offset)
        else:  # a server that sends only whole files
            while self.offset < offset and (
                skipped := len(self._file.read(min(_LONGEST_LINE, offset - self.offset)))
            ):
                self.offset += skipped
        self.offset = offset

    def __next__(self) -> str:
        try:
            line = self._file.readline(_LONGEST_LINE + 1)
        except OSError as problem:
            raise InputDataError(
                f"{self.name} cannot be read ({problem.strerror or problem}): check the disk or "
                "the network."
            ) from problem
        if not line:
            raise StopIteration
        if len(line) > _LONGEST_LINE:
            raise InputDataError(
                f"{self.name} has a line of more than {_LONGEST_LINE:,} bytes: a manifest has a "
                "short line for each picture."
            )
        is_first = self.offset == 0
        self.offset += len(line)
        line = line.removeprefix(_BOM) if is_first else line
        return line.decode("utf-8", "surrogateescape")


def _header(lines: _Lines) -> list[str]:
    for record in _csv_records(lines):
        return [name.strip() for name in record]
    raise InputDataError(f"{lines.name} is empty: a CSV manifest begins with the names of columns.")


def _records(lines: _Lines) -> Iterator[Any]:
    """Records of either kind, without blank lines: lists of cells, or lines of JSON."""
    return _csv_records(lines) if _is_csv(lines.name) else (line for line in lines if line.strip())


def _csv_records(lines: _Lines) -> Iterator[list[str]]:
    try:
        yield from (record for record in csv.reader(lines) if record)
    except csv.Error as problem:
        raise InputDataError(f"{lines.name} is no valid CSV ({problem}): save it again.") from None


def _csv_row(number: int, header: list[str], record: list[str], base: str) -> RawRow:
    if len(record) > len(header):
        problem = f"The row has {counted_noun(len(record), 'cell')}, and the header {len(header)}."
        return RawRow(number, {}, problem=problem)
    values = {name: cell for name, cell in zip(header, record, strict=False) if cell.strip()}
    return RawRow(number, values, is_text=True, base=base)


def _json_row(number: int, line: str, base: str) -> RawRow:
    try:
        values = json.loads(line)
    except (ValueError, RecursionError) as problem:
        return RawRow(number, {}, problem=f"The row is no valid JSON ({problem}).")
    if not isinstance(values, dict):
        return RawRow(number, {}, problem="The row is no JSON object of entries.")
    return RawRow(number, {n: v for n, v in values.items() if v is not None}, base=base)
