"""Writing a file whole or not at all."""

from __future__ import annotations

import contextlib
import errno
import os
import secrets
from collections.abc import Iterator
from pathlib import Path

from impasto.errors import ImpastoError


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
    target = check_writable(path, error=error)
    # Not tempfile, whose files only their owner can read.
    temporary = target.with_name(f".{secrets.token_hex(8)}{path.suffix}")
    try:
        target.parent.mkdir(parents=True, exist_ok=True)
        yield temporary
        os.replace(temporary, target)
    except OSError as problem:
        reason = problem.strerror or problem
        raise error(
            f"{path} could not be written ({reason}): free some space or choose another place."
        ) from problem
    finally:
        with contextlib.suppress(OSError):
            temporary.unlink()


def check_writable(path: Path, *, error: type[ImpastoError] = ImpastoError) -> Path:
    """Check that a file can be written, as far as possible without writing.

    Args:
        path: The file to write; it and its parent folders need not exist.
        error: The class of the errors raised.

    Returns:
        The absolute path of the file that will be written, with links resolved.

    Raises:
        ImpastoError: If ``path`` is a folder or a device, its name is too long, one of its parents
            is a file, or the folder is not writable.
    """
    target = Path(os.path.realpath(path))
    try:
        os.lstat(target)
    except OSError as problem:
        if problem.errno == errno.ENAMETOOLONG:
            raise error(f"{path} has too long a name: choose a shorter one.") from problem
    # os.path returns False where Path's own methods raise: in a folder that may not be entered.
    if os.path.isdir(target):
        raise error(f"{path} is a folder: name a file in it.")
    if os.path.exists(target) and not os.path.isfile(target):
        raise error(f"{path} is a device or pipe, not a regular file: choose another name.")
    folder = next(folder for folder in target.parents if os.path.exists(folder))
    if not os.path.isdir(folder):
        raise error(f"{path} cannot be written because {folder} is a file: choose another folder.")
    if not os.access(folder, os.W_OK | os.X_OK):
        raise error(
            f"{path} cannot be written because there is no permission to write in {folder}: "
            "choose another folder."
        )
    return target
