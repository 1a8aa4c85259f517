"""Files here, in the cloud and on the web, read in one way.

Addresses are those of fsspec: ``s3://bucket/key``, ``gs://bucket/key``, ``https://host/path``. Any
other text is a path of this machine. Only these kinds are read: a manifest cannot make Impasto open
a connection of another kind.
"""

from __future__ import annotations

import contextlib
import io
import os
import re
import time
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import IO, Any, TypeVar

from impasto.errors import ImpastoError, InputDataError, OptionError, printable
from impasto.runtime.reading import MOST_BYTES
from impasto.runtime.strangers_paths import is_network_name

T = TypeVar("T")

PACKAGES = {"s3": "s3fs", "gs": "gcsfs", "gcs": "gcsfs", "http": "aiohttp", "https": "aiohttp"}
"""Kind of address → the package that fsspec needs for it."""

WRITABLE = ("s3", "gs", "gcs")

_SCHEME = re.compile(r"([a-z][a-z0-9+.-]*)://", re.IGNORECASE)
_BLOCK = 1 << 20
_PAUSES = (1.0, 4.0)
"""Seconds before another attempt to read over a network."""


def scheme_of(place: str) -> str:
    """``"s3"`` and the like; empty for a path of this machine."""
    found = _SCHEME.match(place)
    return found[1].lower() if found else ""


def is_remote(place: str) -> bool:
    """Whether it is an address, and no path of this machine."""
    return bool(scheme_of(place))


def filesystem(place: str) -> tuple[Any, str]:
    """The file system of fsspec for an address, and the path in it.

    Raises:
        OptionError: For a kind of address that is not read, or whose package is not installed.
    """
    scheme = scheme_of(place)
    if scheme not in PACKAGES or "::" in place:
        raise OptionError(
            f"{printable(place)} is no address that can be read: it begins with "
            f"{', '.join(f'{name}://' for name in PACKAGES)}, or is a path."
        )
    try:
        from fsspec.core import url_to_fs

        return url_to_fs(place)  # type: ignore[no-any-return]
    except ImportError:
        package = PACKAGES[scheme]
        raise OptionError(f"{scheme}:// needs {package}: pip install {package}.") from None


@contextlib.contextmanager
def opened(place: str) -> Iterator[IO[bytes]]:
    """A file of any place, open for reading.

    Raises:
        InputDataError: If it cannot be opened; what happens while it is read is up to the caller.
        OptionError: See :func:`filesystem`.
    """
    if not is_remote(place):
        with _local(place) as file:
            yield file
        return
    fs, path = filesystem(place)
    with reading(place):
        remote: Any = _attempted(lambda: fs.open(path, "rb"))
    with io.BufferedReader(remote, _BLOCK) as buffered:
        yield buffered


def _local(place: str) -> IO[bytes]:
    if is_network_name(place) and os.name == "nt":
        raise InputDataError(f"{place} is on another machine: copy it here.")
    with reading(place):
        return open(place, "rb")


@contextlib.contextmanager
def reading(place: str) -> Iterator[None]:
    """Within the block, failing to read a place is one sentence about it.

    fsspec's file systems raise the classes of their own libraries, so any ``Exception`` counts.
    """
    try:
        yield
    except ImpastoError:
        raise
    except FileNotFoundError as problem:
        if not _is_of_network(problem):
            raise InputDataError(f"There is no file {place}: check its name.") from None
        raise _unreadable(place, problem.__cause__ or problem) from problem
    except IsADirectoryError:
        raise InputDataError(f"{place} is a folder: name a file in it.") from None
    except Exception as problem:
        raise _unreadable(place, problem) from problem


def _unreadable(place: str, problem: BaseException) -> InputDataError:
    reason = " ".join(str(getattr(problem, "strerror", None) or problem).split())
    return InputDataError(
        f"{place} cannot be read ({reason or type(problem).__name__}): check the address, the "
        "network and the permissions."
    )


def _is_of_network(problem: FileNotFoundError) -> bool:
    """Whether fsspec calls a file missing although only its server could not be reached."""
    cause = problem.__cause__
    is_of_web = type(cause).__module__.startswith("aiohttp")
    return is_of_web and getattr(cause, "status", 0) not in (404, 410)


def _attempted(action: Callable[[], T]) -> T:
    """Do what a network may refuse now and allow a moment later."""
    for pause in _PAUSES:
        try:
            return action()
        except (PermissionError, ImpastoError):  # noqa: PERF203
            raise
        except FileNotFoundError as problem:
            if not _is_of_network(problem):
                raise
            time.sleep(pause)
        except Exception:
            time.sleep(pause)
    return action()


def download(place: str, target: Path) -> None:
    """Copy a remote file to a local one, of at most ``MOST_BYTES``.

    Raises:
        InputDataError: If it cannot be read.
        OSError: If the local file cannot be written.
    """
    fs, path = filesystem(place)
    whole = {"block_size": 0} if scheme_of(place) in ("http", "https") else {}

    def copy() -> None:
        with target.open("wb") as local, fs.open(path, "rb", **whole) as remote:
            copied = 0
            while block := remote.read(_BLOCK):
                copied += len(block)
                if copied > MOST_BYTES:
                    raise InputDataError(f"{place} has more than {MOST_BYTES:,} bytes.")
                try:
                    local.write(block)
                except OSError as problem:  # of this machine's disk
                    raise _DiskError(problem) from problem

    try:
        with reading(place):
            _attempted(copy)
    except InputDataError as error:
        if isinstance(error.__cause__, _DiskError):
            raise error.__cause__.problem from None
        raise


class _DiskError(Exception):
    """The local disk, and not the network, failed."""

    def __init__(self, problem: OSError) -> None:
        super().__init__(problem)
        self.problem = problem


def joined(folder: str, name: str) -> str:
    """A name below a folder of any place."""
    return f"{folder.rstrip('/')}/{name}" if is_remote(folder) else os.path.join(folder, name)


def parent_of(place: str) -> str:
    """The folder of a file of any place."""
    return place.rpartition("/")[0] if is_remote(place) else os.path.dirname(place)


def size_of_files(places: Sequence[str]) -> int:
    """Bytes of several files in all.

    Raises:
        InputDataError: If one cannot be read.
    """
    return sum(map(_size_of, places))


def _size_of(place: str) -> int:
    with reading(place):
        if not is_remote(place):
            return os.stat(place).st_size
        fs, path = filesystem(place)
        return _attempted(lambda: int(fs.size(path) or 0))
