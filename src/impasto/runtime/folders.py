"""Writing a folder whole or not at all."""

from __future__ import annotations

import contextlib
import os
import re
import secrets
import shutil
from collections.abc import Callable, Iterator
from pathlib import Path

from impasto.errors import ImpastoError, OptionError, option
from impasto.runtime.files import absolute, check_writable, not_written, shown
from impasto.runtime.processes import is_running, machine_id

_HIDDEN = re.compile(r"\.impasto-folder-(?P<machine>[0-9a-f]{8})-(?P<pid>\d{1,10})-[0-9a-f]{8}")


def check_new_folder(
    path: Path, *, overwrite: bool, is_own: Callable[[Path], bool], error: type[ImpastoError]
) -> Path:
    """Check that a folder can be written, as far as possible without writing it.

    Args:
        path: The folder; it may exist if it is empty.
        overwrite: Whether it may also exist if ``is_own``.
        is_own: Folder → whether all in it is what would be written again.
        error: The class of the errors raised.

    Returns:
        Its absolute path.

    Raises:
        ImpastoError: If it is a file, cannot be written, or holds something else.
    """
    name, target = shown(path), Path(os.path.realpath(absolute(path, error=error)))
    if os.path.lexists(target) and not os.path.isdir(target):
        raise OptionError(f"{name} is a file: name a folder.")
    if os.path.isdir(target) and os.listdir(target):
        if not is_own(target):
            raise OptionError(f"{name} holds other files already: name a new folder.")
        if not overwrite:
            raise OptionError(
                f"{name} exists already: name another folder, or replace it with "
                f"{option('overwrite')}."
            )
    check_writable(target.with_name(_hidden_name()), error=error)
    return target


@contextlib.contextmanager
def atomic_folder(path: Path, *, error: type[ImpastoError] = ImpastoError) -> Iterator[Path]:
    """A temporary folder to fill, which replaces ``path`` if the block succeeds.

    If the block raises, Ctrl-C included, what is at ``path`` stays unchanged.

    Args:
        path: As :func:`check_new_folder` returns it.
        error: The class of the errors raised.

    Yields:
        An empty folder next to it.

    Raises:
        ImpastoError: If it cannot be written.
    """
    new, old = path.with_name(_hidden_name()), path.with_name(_hidden_name())
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        _sweep(path.parent)
        new.mkdir()
        yield new
        if os.path.isdir(path):
            os.rename(path, old)
        try:
            os.rename(new, path)
        except OSError:
            if os.path.isdir(old):
                os.rename(old, path)
            raise
    except OSError as problem:
        raise not_written(path, problem, error) from problem
    finally:
        shutil.rmtree(new, ignore_errors=True)
        shutil.rmtree(old, ignore_errors=True)


def _hidden_name() -> str:
    return f".impasto-folder-{machine_id()}-{os.getpid()}-{secrets.token_hex(4)}"


def _sweep(folder: Path) -> None:
    """Remove what killed processes of this machine left in a folder."""
    for entry in folder.iterdir():
        found = _HIDDEN.fullmatch(entry.name)
        if found and found["machine"] == machine_id() and not is_running(int(found["pid"])):
            shutil.rmtree(entry, ignore_errors=True)
