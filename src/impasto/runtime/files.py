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
def replacing(path: Path, *, error: type[ImpastoError] = ImpastoError) -> Iterator[Path]:
    """A temporary path to write to, which takes the place of ``path`` when the block ends well.

    If the block is left by any exception, Ctrl-C included, the temporary file is removed and an
    older file at ``path`` stays as it was. Missing parent folders are created. If ``path`` is a
    link, the file it points to is replaced.

    Args:
        path: The file to make.
        error: The class of the errors raised.

    Yields:
        A path in the same folder with the same suffix; nothing is there yet.

    Raises:
        ImpastoError: If the file cannot be written. The block should do nothing but write, since
            each ``OSError`` in it is reported as a failure to write ``path``.
    """
    target = check_writable(path, error=error)
    # Not tempfile: its files are readable by their owner alone, and would stay so.
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
    """Whether a file can be written, as far as it can be told without writing.

    Args:
        path: The file to make; it and its parent folders need not exist.
        error: The class of the errors raised.

    Returns:
        The absolute path of the file that will be written, links followed.

    Raises:
        ImpastoError: If ``path`` is a folder or a device, has too long a name, lies below a file,
            or lies in a folder where there is no permission to write.
    """
    target = Path(os.path.realpath(path))
    try:
        os.lstat(target)
    except OSError as problem:
        if problem.errno == errno.ENAMETOOLONG:
            raise error(f"{path} has too long a name: choose a shorter one.") from problem
    # os.path answers False where Path's own methods raise for a folder that may not be entered.
    if os.path.isdir(target):
        raise error(f"{path} is a folder: name a file in it.")
    if os.path.exists(target) and not os.path.isfile(target):
        raise error(f"{path} is a device or pipe, no ordinary file: choose another name.")
    folder = next(folder for folder in target.parents if os.path.exists(folder))
    if not os.path.isdir(folder):
        raise error(f"{path} cannot be written, as {folder} is a file: choose another folder.")
    if not os.access(folder, os.W_OK | os.X_OK):
        raise error(
            f"{path} cannot be written, as there is no permission to write in {folder}: "
            "choose another folder."
        )
    return target
