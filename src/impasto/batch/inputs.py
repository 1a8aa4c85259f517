"""What a batch reads: folders, patterns, manifests and archives, opened as one kind of source."""

from __future__ import annotations

import os
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from impasto.batch.listing import files_of_pattern, fixed_folder, is_pattern, pictures_below
from impasto.batch.names import OWN
from impasto.batch.parquet import ParquetTable
from impasto.batch.places import is_remote, size_of_files
from impasto.batch.shards import Source
from impasto.batch.tables import TextTable
from impasto.batch.tars import TarFiles, expand_ranges
from impasto.errors import InputDataError, OptionError, counted_noun
from impasto.images.formats import FORMATS

TABLES = (".csv", ".jsonl", ".ndjson")
PARQUET = ".parquet"
TAR = ".tar"

LISTED, TABLE, COLUMNS, ARCHIVES = "listed", "table", "parquet", "tars"
"""Kinds of inputs."""


@dataclass(frozen=True)
class Input:
    """What a person named as the input.

    Attributes:
        place: A path, an address or a pattern.
        kind: ``LISTED`` for folders and patterns of pictures, whose names are listed once.
    """

    place: str
    kind: str

    @property
    def base(self) -> str:
        """The folder that listed names are relative to."""
        return fixed_folder(self.place) if is_pattern(self.place) else self.place

    def names(self, *, exclude: Path | None) -> Iterator[str]:
        """Names of the pictures to list, relative to :attr:`base`."""
        pattern = self.place if is_pattern(self.place) else ""
        found = pictures_below(self.base, exclude=exclude, pattern=pattern)
        return (name for name in found if not name.startswith(f"{OWN}/"))

    def state(self) -> str:
        """The size of the manifests: another one means that rows are elsewhere in them."""
        if self.kind not in (TABLE, COLUMNS):
            return ""
        files = list(self._files())
        return f"{counted_noun(len(files), 'file')}, {size_of_files(files)} bytes"

    def source(self, names_file: str, count: int | None) -> Source:
        """The rows of the input.

        Args:
            names_file: Where the names of a listed input were written.
            count: How many there are.
        """
        if self.kind == LISTED:
            return TextTable([names_file], base=self.base, count=count)
        if self.kind == ARCHIVES:
            return TarFiles(self._files)
        files = list(self._files())
        return ParquetTable(files) if self.kind == COLUMNS else TextTable(files)

    def _files(self) -> Iterator[str]:
        if is_pattern(self.place):
            return iter(files_of_pattern(self.place))
        return expand_ranges(self.place)


def read_input(place: str) -> Input:
    """What kind of input a path, an address or a pattern is.

    Raises:
        InputDataError: If there is no such file or folder.
        OptionError: For a single picture, and for what is no input.
    """
    suffix = os.path.splitext(place.rstrip("/"))[1].lower()
    is_here = not is_remote(place) and os.path.lexists(place)
    kinds: dict[str, Any] = {**dict.fromkeys(TABLES, TABLE), PARQUET: COLUMNS, TAR: ARCHIVES}
    if suffix in kinds and not (is_here and os.path.isdir(place)):
        if not (is_here or is_remote(place) or is_pattern(place) or "{" in place):
            raise InputDataError(f"There is no file {place}: check its name and folder.")
        return Input(place, kinds[suffix])
    if not (is_here or is_remote(place) or is_pattern(place)):
        raise InputDataError(f"There is no folder {place}: name pictures, or a manifest of them.")
    if is_here and not os.path.isdir(place):
        if suffix in FORMATS:
            raise OptionError(f"{place} is one picture: a batch takes a folder or a manifest.")
        raise OptionError(
            f"{place} is no input: name a folder, a pattern, or a file that ends in "
            f"{', '.join((*TABLES, PARQUET, TAR))}."
        )
    return Input(place, LISTED)
