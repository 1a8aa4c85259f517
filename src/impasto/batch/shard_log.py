"""The log of a shard, which says that it is done; and which shards have one.

``_batch/log/000123/000123456.1000.3.jsonl`` is the log of shard 123,456: 1,000 rows, 3 of which
failed. Names say so much that a restart lists a folder for every thousand shards, and opens none.
"""

from __future__ import annotations

import dataclasses
import json
import os
import re
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from impasto.batch.choices import FORMS, JSONL, PARQUET
from impasto.batch.names import OWN
from impasto.batch.outputs import Output, StorageError
from impasto.batch.places import opened
from impasto.errors import InputDataError, unknown_name
from impasto.runtime.files import not_written
from impasto.runtime.optional import require

FOLDER = f"{OWN}/log"
_SHARDS_IN_FOLDER = 1000
_NAME = re.compile(r"(\d{9,})\.(\d+)\.(\d+)\.(jsonl|parquet)")


@dataclass(frozen=True)
class Entry:
    """A row's line in a log.

    Attributes:
        row: Its number, as in the input.
        id: Its name in the input, or its number.
        output: Name of its picture below the output folder; empty if there is none.
        request: What made it, as JSON; empty for a row without one.
        seconds: For painting, without reading and writing.
        bytes: Of its file.
        sha256: Of its file; empty if it failed.
        error: Why there is no picture; empty if there is one.
        notes: What a person should know of it.
    """

    row: int
    id: str
    output: str = ""
    request: str = ""
    seconds: float = 0.0
    bytes: int = 0
    sha256: str = ""
    error: str = ""
    notes: str = ""

    @property
    def has_failed(self) -> bool:
        """Whether there is no picture."""
        return bool(self.error)


@dataclass(frozen=True)
class Done:
    """What the name of a log says of its shard.

    Attributes:
        rows: All.
        failed: Those without a picture.
        name: Of the log, below the output folder.
    """

    rows: int
    failed: int
    name: str


def write_log(
    output: Output, number: int, entries: Sequence[Entry], form: str, scratch: Path
) -> Done:
    """Write the log of a shard: from then on it is done.

    Args:
        output: Of the batch.
        number: Of the shard.
        entries: In the order of the rows.
        form: ``"jsonl"`` or ``"parquet"``.
        scratch: A local folder, on the disk of the output if that is here.
    """
    failed = sum(entry.has_failed for entry in entries)
    name = f"{number:09}.{len(entries)}.{failed}.{form}"
    local = scratch / name
    place = f"{_folder_of(number)}/{name}"
    try:
        _WRITERS[form](local, entries)
        flush(local)
    except OSError as problem:
        raise not_written(local, problem, StorageError) from problem
    output.put(local, place)
    return Done(len(entries), failed, place)


def read_log(output: Output, done: Done) -> list[Entry]:
    """The entries of a log.

    Raises:
        InputDataError: If it cannot be read.
    """
    with opened(output.path(done.name)) as file:
        try:
            if done.name.endswith(PARQUET):
                from pyarrow.parquet import read_table

                return [Entry(**row) for row in read_table(file).to_pylist()]
            return [Entry(**json.loads(line)) for line in file]
        except (ValueError, TypeError, OSError) as problem:
            raise InputDataError(f"{done.name} is no log of a shard ({problem}).") from problem


class FinishedShards:
    """Which shards have a log, asked for in about their order: one listing a thousand.

    Args:
        output: Of the batch.
    """

    def __init__(self, output: Output) -> None:
        self._output = output
        self._folder = ""
        self._done: dict[int, Done] = {}

    def find(self, number: int) -> Done | None:
        """What is known of a shard; None if it is not done."""
        folder = _folder_of(number)
        if folder != self._folder:
            self._folder, self._done = folder, {}
            for name in self._output.names(folder):
                self._add(folder, name)
        return self._done.get(number)

    def _add(self, folder: str, name: str) -> None:
        if found := _NAME.fullmatch(name):
            number, rows, failed = map(int, found.groups()[:3])
            other = self._done.get(number)
            if other is None or failed < other.failed:  # failed rows were painted again
                self._done[number] = Done(rows, failed, f"{folder}/{name}")


def check_form(form: str) -> None:
    """Check that logs of a form can be written.

    Raises:
        OptionError: For an unknown form, or if the library is not installed.
    """
    if form not in FORMS:
        raise unknown_name("form of the log", form, FORMS)
    if form == PARQUET:
        require("pyarrow", by="A log in Parquet", hint="or write JSON lines")


def _folder_of(number: int) -> str:
    return f"{FOLDER}/{number // _SHARDS_IN_FOLDER:06}"


def _write_jsonl(path: Path, entries: Sequence[Entry]) -> None:
    with path.open("w", encoding="utf-8") as file:
        for entry in entries:
            file.write(as_line(entry))


def _write_parquet(path: Path, entries: Sequence[Entry]) -> None:
    import pyarrow
    from pyarrow import parquet

    kinds = {int: pyarrow.int64(), float: pyarrow.float64(), str: pyarrow.string()}
    fields = dataclasses.fields(Entry)
    schema = pyarrow.schema([(f.name, kinds[type(getattr(_EXAMPLE, f.name))]) for f in fields])
    rows = [_clean(dataclasses.asdict(entry)) for entry in entries]
    parquet.write_table(pyarrow.Table.from_pylist(rows, schema=schema), path)


def flush(path: Path) -> None:
    """Have a file on the disk before it has its name: a log says that all is done."""
    with path.open("rb+") as file:
        os.fsync(file.fileno())


def as_line(entry: Entry) -> str:
    """An entry as a line of JSON."""
    return json.dumps(dataclasses.asdict(entry)) + "\n"


def _clean(row: dict[str, Any]) -> dict[str, Any]:
    """A row whose text is valid: undecodable bytes of file names become escapes."""
    return {
        name: value.encode("utf-8", "backslashreplace").decode()
        if isinstance(value, str)
        else value
        for name, value in row.items()
    }


_EXAMPLE = Entry(0, "")
_WRITERS = {JSONL: _write_jsonl, PARQUET: _write_parquet}
