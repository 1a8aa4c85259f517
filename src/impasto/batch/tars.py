"""WebDataset archives: a tar file is a shard, read from beginning to end.

The files of a sample follow each other and have a name in common: ``0017.jpg``, ``0017.json``. The
picture is the content. Entries of the row are the object ``"impasto"`` in the JSON file, if there
is one: its other values describe the picture, and are none of Impasto's.
"""

from __future__ import annotations

import itertools
import json
import re
import tarfile
from collections.abc import Callable, Iterable, Iterator
from pathlib import PurePosixPath
from typing import Any

from impasto.batch.names import clean_name
from impasto.batch.places import opened, parent_of, reading
from impasto.batch.shards import RawRow, Shard
from impasto.errors import OptionError, printable
from impasto.images.listing import readable_suffixes

KEY = "impasto"
"""Of the row's entries in the JSON file of a sample."""

_LARGEST_PICTURE = 1 << 30  # bytes
_LARGEST_JSON = 1 << 20

_RANGE = re.compile(r"\{(\d+)\.\.(\d+)\}")
_MOST_DIGITS = 12


class TarFiles:
    """The samples of archives.

    Args:
        files: Lists the archives, as often as it is called: they may be too many to hold.
    """

    def __init__(self, files: Callable[[], Iterable[str]]) -> None:
        self._files = files

    @property
    def count(self) -> int | None:
        """Not known before they are read."""
        return None

    def columns(self) -> list[str]:
        """Archives declare nothing."""
        return []

    def shards(self, size: int) -> Iterator[Shard]:
        """A shard an archive, whatever the size."""
        for number, name in enumerate(self._files()):
            yield Shard(number, name, 0, 0, None)

    def rows(self, shard: Shard) -> Iterator[RawRow]:
        """The samples of an archive."""
        archive = PurePosixPath(shard.file.replace("\\", "/")).stem
        suffixes = readable_suffixes()
        with opened(shard.file) as file, reading(shard.file), (
            tarfile.open(fileobj=file, mode="r|")
        ) as tar:  # fmt: skip
            members = _members(tar, suffixes)
            for number, (key, group) in enumerate(itertools.groupby(members, lambda m: m[0])):
                yield _sample(number, key, list(group), archive, shard)


def _members(
    archive: tarfile.TarFile, suffixes: frozenset[str]
) -> Iterator[tuple[str, str, str, bytes | None]]:
    """Key, suffix, name and content of the first picture and JSON file of each sample.

    Too large ones have no content. Others of the sample are not read, so that none can fill the
    memory.
    """
    current, found = "", set[bool]()
    for member in archive:
        key, suffix = _split(member.name)
        is_json = suffix == ".json"
        if not member.isfile() or not (is_json or suffix in suffixes):
            continue
        if key != current:
            current, found = key, set()
        if is_json in found:
            continue
        found.add(is_json)
        largest = _LARGEST_JSON if is_json else _LARGEST_PICTURE
        stream = archive.extractfile(member) if member.size <= largest else None
        yield key, suffix, member.name, None if stream is None else stream.read()


def _split(name: str) -> tuple[str, str]:
    """``a/0017.seg.png`` → key ``a/0017`` and suffix ``.png``, as WebDataset splits names."""
    folder, slash, base = name.rpartition("/")
    stem = base.partition(".")[0]
    return f"{folder}{slash}{stem}", PurePosixPath(base).suffix.lower()


def _sample(
    number: int,
    key: str,
    group: list[tuple[str, str, str, bytes | None]],
    archive: str,
    shard: Shard,
) -> RawRow:
    picture = next((member for member in group if member[1] != ".json"), None)
    if picture is None:
        return RawRow(number, {}, problem=f"The sample {printable(key)} holds no picture.")
    _, suffix, name, data = picture
    if data is None:
        problem = f"{printable(name)} has more than {_LARGEST_PICTURE:,} bytes."
        return RawRow(number, {}, problem=problem)
    described = next((member[3] for member in group if member[1] == ".json"), b"{}")
    values: dict[str, Any] = {"content": f"tar://{name}::{shard.file}"}
    try:
        entries = json.loads(described or b"{}").get(KEY, {})
        values = {**entries, **values}
    except (ValueError, AttributeError, TypeError, RecursionError):
        return RawRow(number, {}, problem=f"The JSON file of {printable(key)} cannot be used.")
    return RawRow(
        number,
        values,
        base=parent_of(shard.file),
        name=clean_name(f"{archive}/{key}{suffix}"),
        data=data,
    )


def expand_ranges(pattern: str) -> Iterator[str]:
    """``data-{000..999}.tar`` → the names of all, one by one; other names are themselves.

    Raises:
        OptionError: For a range that ends before it begins, or is endless.
    """
    found = _RANGE.search(pattern)
    if found is None:
        yield pattern
        return
    first, last = found[1], found[2]
    if len(last) > _MOST_DIGITS or int(first) > int(last):
        raise OptionError(f"{{{first}..{last}}} is no range: write the smaller number first.")
    for number in range(int(first), int(last) + 1):
        yield from expand_ranges(
            f"{pattern[: found.start()]}{number:0{len(first)}}{pattern[found.end() :]}"
        )
