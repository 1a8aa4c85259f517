"""What has been made of a shard that is not done: kept through crashes and restarts."""

from __future__ import annotations

import json
import threading
from collections.abc import Callable
from pathlib import Path

from impasto.batch.outputs import StorageError
from impasto.batch.shard_log import Entry, as_line
from impasto.runtime.files import not_written

_NAME = "rows.jsonl"


class PartialLog:
    """The rows of a shard that have been worked on, in the order in which they were finished.

    A line is written when the picture's file is whole, so the last line of a killed process may be
    cut short, and is then not counted.

    Args:
        folder: Where the shard is worked on.
        is_there: Whether the picture of an entry still is, in this folder or in its place.
    """

    def __init__(self, folder: Path, is_there: Callable[[Entry], bool]) -> None:
        self._path = folder / _NAME
        self._adding = threading.Lock()
        self.entries: dict[int, Entry] = {}
        if not self._path.is_file():
            return
        with self._path.open("rb") as file:
            for line in file:
                try:
                    entry = Entry(**json.loads(line))
                except (ValueError, TypeError):
                    continue
                if entry.has_failed or is_there(entry):
                    self.entries[entry.row] = entry
        self._rewrite()

    def _rewrite(self) -> None:
        """Drop what is not counted, so that a line that was cut short does not spoil the next."""
        text = "".join(map(as_line, self.entries.values()))
        temporary = self._path.with_suffix(".new")
        try:
            temporary.write_text(text, encoding="utf-8")
            temporary.replace(self._path)
        except OSError as problem:
            raise not_written(self._path, problem, StorageError) from problem

    def add(self, entry: Entry) -> None:
        """Note a row.

        Raises:
            StorageError: If the disk has no room for it.
        """
        with self._adding:
            try:
                with self._path.open("a", encoding="utf-8") as file:
                    file.write(as_line(entry))
            except OSError as problem:
                raise not_written(self._path, problem, StorageError) from problem
            self.entries[entry.row] = entry
