"""Writing a file whole or not at all, and elsewhere if there is no room for it.

A file is written under a hidden name next to its own, and then takes its place. The hidden name
contains the number of the process, so that what a killed process leaves is removed by the next one
that writes to the folder.
"""

from __future__ import annotations

import contextlib
import errno
import itertools
import os
import re
import secrets
import tempfile
import time
from collections.abc import Callable, Iterator
from contextvars import ContextVar
from pathlib import Path
from typing import NamedTuple

from impasto.errors import ImpastoError
from impasto.runtime.processes import is_running, machine_id

_TEMPORARY = re.compile(r"\.impasto-(?P<machine>[0-9a-f]{8})-(?P<pid>\d{1,10})-[0-9a-f]{8}(\.\w+)?")
"""The name of a file that is being written; see :func:`_temporary_name`."""

_OTHER_MACHINE_SECONDS = 24 * 3600.0
"""Age of a leftover of another machine: whether its process is running cannot be seen from here."""

_being_written: set[Path] = set()
_swept: set[Path] = set()


@contextlib.contextmanager
def atomic_write(path: Path, *, error: type[ImpastoError] = ImpastoError) -> Iterator[Path]:
    """A temporary path to write to, which replaces ``path`` if the block succeeds.

    If the block raises, Ctrl-C included, the temporary file is removed and an older file at
    ``path`` stays unchanged. Missing parent folders are created. If ``path`` is a link, the file
    that it points to is replaced.

    Args:
        path: The file to write.
        error: The class of the errors raised.

    Yields:
        A path in the same folder with the same suffix, where no file exists yet.

    Raises:
        ImpastoError: If the file cannot be written. The block should do nothing but write: any
            ``OSError`` in it is reported as a failure to write ``path``.
    """
    target, _ = _check_target(path, error)
    # Not tempfile, whose files only their owner can read.
    temporary = target.with_name(_temporary_name(path.suffix))
    _being_written.add(temporary)
    try:
        target.parent.mkdir(parents=True, exist_ok=True)
        sweep_leftovers(target.parent)
        yield temporary
        if _is_flushed.get():
            _flush(temporary)
        os.replace(temporary, target)
    except OSError as problem:
        raise not_written(path, problem, error) from problem
    finally:
        with contextlib.suppress(OSError):
            temporary.unlink()
        _being_written.discard(temporary)


def not_written(
    path: Path, problem: OSError, error: type[ImpastoError] = ImpastoError
) -> ImpastoError:
    """The error that says why a file or folder could not be written."""
    reason = problem.strerror or problem
    return error(
        f"{shown(path)} could not be written ({reason}): free some space or choose another place."
    )


def check_writable(path: Path, *, error: type[ImpastoError] = ImpastoError) -> Path:
    """Check that a file can be written, as far as possible without writing it.

    Args:
        path: The file to write; it and its parent folders need not exist.
        error: The class of the errors raised.

    Returns:
        The absolute path of the file that will be written, with links resolved.

    Raises:
        ImpastoError: If ``path`` is a folder or a device, its name is too long, one of its parents
            is a file, or the folder is not writable.
    """
    target, folder = _check_target(path, error)
    _try_to_write(folder, shown(path), error)
    return target


def _check_target(path: Path, error: type[ImpastoError]) -> tuple[Path, Path]:
    """The file that will be written, and the nearest folder that exists; see above."""
    name, target = shown(path), Path(os.path.realpath(absolute(path, error=error)))
    try:
        os.lstat(target)
    except OSError as problem:
        if problem.errno == errno.ENAMETOOLONG:
            raise error(f"{name} has too long a name: choose a shorter one.") from problem
    # os.path returns False where Path's own methods raise: in a folder that may not be entered.
    if os.path.isdir(target):
        raise error(f"{name} is a folder: name a file in it.")
    if os.path.islink(target):
        raise error(f"{name} is a link that leads nowhere but to itself: choose another name.")
    if os.path.exists(target) and not os.path.isfile(target):
        raise error(f"{name} is a device or pipe, not a regular file: choose another name.")
    folder = next(folder for folder in target.parents if os.path.exists(folder))
    if not os.path.isdir(folder):
        raise error(f"{name} cannot be written because {folder} is a file: choose another folder.")
    if not os.access(folder, os.W_OK | os.X_OK):
        raise error(
            f"{name} cannot be written because there is no permission to write in {folder}: "
            "choose another folder."
        )
    return target, folder


def _try_to_write(folder: Path, name: Path, error: type[ImpastoError]) -> None:
    """Make an empty file and remove it: permissions do not tell of read-only or virtual disks.

    Raises:
        ImpastoError: If it cannot be made. A full disk is no reason: it may have room later.
    """
    probe = folder / _temporary_name(".tmp")
    try:
        os.close(os.open(probe, os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o600))
        probe.unlink()
    except OSError as problem:
        if problem.errno in (errno.ENOSPC, errno.EDQUOT):
            return
        raise error(
            f"{name} cannot be written in {folder} ({problem.strerror}): choose another folder."
        ) from problem


def absolute(path: str | Path, *, error: type[ImpastoError] = ImpastoError) -> Path:
    """A path that stays the same file when the working folder changes or is removed.

    Raises:
        ImpastoError: If the path is relative and the working folder does not exist any more.
    """
    try:
        return Path(path).absolute()
    except OSError as problem:
        raise error(
            f"{path} is relative to the working folder, which does not exist any more: "
            "change to another folder."
        ) from problem


def real_path(path: Path) -> Path:
    """An absolute path without links; one that leads in a circle stays as it is, and is no file."""
    # Path.resolve raises RuntimeError for a circle.
    return Path(os.path.realpath(absolute(path)))


def shown(path: Path) -> Path:
    """A path for messages: relative to the working folder if it is in it."""
    try:
        return path.relative_to(Path.cwd()) if path.is_absolute() else path
    except (OSError, ValueError):
        return path


class Written(NamedTuple):
    """Where :func:`write_or_keep_elsewhere` wrote a file.

    Attributes:
        place: The file.
        problem: Why it is not where it should be; None if it is.
    """

    place: Path
    problem: ImpastoError | None = None

    def check(self, what: str) -> None:
        """Raise the problem, if there is one, with the place where ``what`` is instead."""
        if self.problem is not None:
            happened = self.problem.message.rpartition(": ")[0]  # without the remedy
            raise type(self.problem)(f"{happened}: {what} is saved as {self.place} instead.")


def write_or_keep_elsewhere(path: Path, write: Callable[[Path], object]) -> Written:
    """Write a file to its place, or else to another: better there than nowhere.

    The other places are the same folder under another name, the working folder and the folder for
    temporary files. No file is replaced there.

    Args:
        path: The file to write.
        write: Writes a file, whole or not at all.

    Raises:
        ImpastoError: The first failure, if the file could not be written anywhere.
    """
    try:
        write(path)
    except ImpastoError as problem:
        for place in _other_places(path):
            with contextlib.suppress(ImpastoError):
                write(place)
                return Written(place, problem)
        raise
    return Written(path)


def sweep_leftovers(folder: Path) -> None:
    """Remove what killed processes left in a folder while they were writing.

    A process looks into each folder once.
    """
    if folder in _swept:
        return
    _swept.add(folder)
    with contextlib.suppress(OSError), os.scandir(folder) as entries:
        for entry in entries:
            found = _TEMPORARY.fullmatch(entry.name)
            if found is None or folder / entry.name in _being_written:
                continue
            with contextlib.suppress(OSError):
                if _is_left_over(entry, found["machine"], int(found["pid"])):
                    os.unlink(entry.path)


def _is_left_over(entry: os.DirEntry[str], machine: str, pid: int) -> bool:
    if machine != machine_id():
        age = time.time() - entry.stat(follow_symlinks=False).st_mtime
        return age > _OTHER_MACHINE_SECONDS
    return pid == os.getpid() or not is_running(pid)  # a number may be given again


def _temporary_name(suffix: str) -> str:
    return f".impasto-{machine_id()}-{os.getpid()}-{secrets.token_hex(4)}{suffix}"


_is_flushed: ContextVar[bool] = ContextVar("is_flushed", default=True)


@contextlib.contextmanager
def short_lived_files() -> Iterator[None]:
    """Within the block files are written without waiting for the disk.

    For files that do not outlive the program: waiting takes seconds where the disk is busy.
    """
    token = _is_flushed.set(False)
    try:
        yield
    finally:
        _is_flushed.reset(token)


def _flush(path: Path) -> None:
    """Have the bytes of a file on the disk, or an OSError: some disks report only now."""
    with contextlib.suppress(FileNotFoundError):
        file = os.open(path, os.O_RDWR | getattr(os, "O_BINARY", 0))
        try:
            os.fsync(file)
        finally:
            os.close(file)


def _other_places(path: Path) -> Iterator[Path]:
    """Names that no file has, in the folders of :func:`write_or_keep_elsewhere`."""
    folders: list[Path] = []
    with contextlib.suppress(OSError):
        folders.append(path.absolute().parent)
    with contextlib.suppress(OSError):
        folders.append(Path.cwd())
    with contextlib.suppress(OSError):
        folders.append(Path(tempfile.gettempdir()))
    for folder in dict.fromkeys(folders):
        numbered = (folder / f"{path.stem}-{number}{path.suffix}" for number in itertools.count(2))
        names = itertools.chain([folder / path.name], numbered)
        yield next(name for name in names if name != path and not os.path.lexists(name))
