"""The pictures of a folder or of a pattern, listed once: names in a file, sorted, none held.

Names are found folder by folder, sorted in runs that fit into memory, and merged. The file is a
manifest of JSON lines, so that a batch goes on with the same list whatever is added to the folder.
"""

from __future__ import annotations

import contextlib
import heapq
import itertools
import json
import os
import re
import tempfile
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from typing import IO

from impasto.batch.places import filesystem, is_remote, reading
from impasto.errors import InputDataError
from impasto.images.listing import is_hidden, picture_suffixes
from impasto.runtime.files import real_path

RUN = 200_000
"""Names that are sorted in memory at a time, some 40 MB."""

_OPEN = 100
"""Files of sorted names that are open at a time, fewer than any system allows."""

_MAGIC = re.compile(r"[*?\[]")


def is_pattern(place: str) -> bool:
    """Whether it is a pattern and no file or folder that has its name."""
    return bool(_MAGIC.search(place)) and (is_remote(place) or not os.path.lexists(place))


def fixed_folder(pattern: str) -> str:
    """The folder that all names of a pattern are below."""
    before = pattern[: _MAGIC.search(pattern).start()]  # type: ignore[union-attr]
    folder, slash, _ = before.rpartition("/")
    return folder if folder or not slash else "/"


def matcher(pattern: str) -> Callable[[str], bool]:
    """Tells whether a path matches: ``*`` and ``?`` within a folder, ``**`` over folders."""
    parts = []
    for word in re.split(r"(\*\*/|\*\*|\*|\?|\[[^\]]+\])", pattern):
        if word == "**/":
            parts.append("(?:.*/)?")
        elif word == "**":
            parts.append(".*")
        elif word == "*":
            parts.append("[^/]*")
        elif word == "?":
            parts.append("[^/]")
        elif word.startswith("[") and word.endswith("]"):
            inside = word[1:-1].replace("\\", r"\\")
            parts.append(f"[^{inside[1:]}]" if inside.startswith("!") else f"[{inside}]")
        else:
            parts.append(re.escape(word))
    try:
        found = re.compile("".join(parts), re.DOTALL)
    except re.error:
        raise InputDataError(f"{pattern} is no pattern: escape its brackets.") from None
    return lambda name: found.fullmatch(name) is not None


def files_of_pattern(pattern: str) -> list[str]:
    """Manifests or archives that match a pattern, sorted.

    Raises:
        InputDataError: If there are none.
    """
    matches = matcher(pattern)
    folder = fixed_folder(pattern)
    names = (f"{folder}/{name}" if folder else name for name in _below(folder))
    found = sorted(name.replace("//", "/") if not is_remote(name) else name for name in names)
    found = [name for name in found if matches(name)]
    if not found:
        raise InputDataError(f"No file matches {pattern}: check its folder.")
    return found


def pictures_below(folder: str, *, exclude: Path | None, pattern: str = "") -> Iterator[str]:
    """Names of picture files below a folder, relative to it, in no order.

    Hidden files are passed over. Pictures of kinds that cannot be read are named, too: each is told
    with its remedy.

    Args:
        folder: Of any place.
        exclude: A local folder to leave out.
        pattern: What their paths must match; empty: anything.
    """
    suffixes = picture_suffixes()
    matches = matcher(pattern) if pattern else lambda name: True
    for name in _below(folder, exclude):
        _, dot, suffix = name.rpartition(".")
        if f"{dot}{suffix}".lower() not in suffixes or is_hidden(name.split("/")):
            continue
        if matches(f"{folder.rstrip('/')}/{name}" if folder else name):
            yield name


def _below(folder: str, exclude: Path | None = None) -> Iterator[str]:
    """Names of all files below a folder, relative to it; a folder at a time is held."""
    if is_remote(folder):
        fs, path = filesystem(folder)
        with reading(folder):
            for place, _, files in fs.walk(path, on_error="raise"):
                below = place.removeprefix(path).strip("/")
                for name in files:
                    if name:
                        yield f"{below}/{name}" if below else name
        return
    root = folder or "."
    if not os.path.isdir(root):
        raise InputDataError(f"There is no folder {root}: name a folder of pictures.")
    excluded = None if exclude is None else real_path(exclude)
    pending = [""]
    while pending:
        below = pending.pop()
        with reading(os.path.join(root, below)), os.scandir(os.path.join(root, below)) as entries:
            for entry in entries:
                name = f"{below}/{entry.name}" if below else entry.name
                if entry.is_dir(follow_symlinks=False):
                    if excluded is None or real_path(Path(entry.path)) != excluded:
                        pending.append(name)
                elif entry.is_file():
                    yield name


def write_sorted(names: Iterable[str], file: IO[bytes]) -> int:
    """Write a manifest of these contents, sorted, and return their number."""
    count, names = 0, iter(names)
    with contextlib.ExitStack() as stack:
        runs: list[IO[bytes]] = []
        while held := sorted(itertools.islice(names, RUN)):
            if len(runs) == _OPEN:
                whole = _written(heapq.merge(*map(_read, runs)), stack)
                for run in runs:
                    run.close()
                runs = [whole]
            runs.append(_written(held, stack))
        for name in heapq.merge(*map(_read, runs)):
            file.write(json.dumps({"content": name}).encode() + b"\n")
            count += 1
    return count


def _written(names: Iterable[str], stack: contextlib.ExitStack) -> IO[bytes]:
    """A temporary file of names, to be read."""
    run: IO[bytes] = stack.enter_context(tempfile.TemporaryFile())  # noqa: SIM115
    for name in names:
        run.write(json.dumps(name).encode() + b"\n")
    run.seek(0)
    return run


def _read(run: IO[bytes]) -> Iterator[str]:
    for line in run:
        yield json.loads(line)
