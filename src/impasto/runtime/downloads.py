"""One file over HTTP: resumed, retried, verified, and moved into place in one go.

What has come so far lies beside the target as ``NAME.part`` and outlives a dropped connection, a
full disk and Ctrl-C; the next call goes on from there. Nothing bears the target's own name before
its SHA-256 is right.
"""

from __future__ import annotations

import hashlib
import os
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from http.client import HTTPException, HTTPResponse
from pathlib import Path
from typing import cast
from urllib.error import HTTPError, URLError
from urllib.request import Request, urlopen

from impasto.errors import WeightsError

Progress = Callable[[int, int], None]
"""Told the bytes that are here and the bytes in all (0 where the server does not say)."""

ATTEMPTS = 4
"""Attempts in a row that may bring nothing new before a download is given up."""
PAUSE = 0.5
"""Seconds before the second attempt; doubled for each further one."""
BLOCK = 1 << 20
"""Bytes read at a time."""

_PASSING = (408, 429)
"""Client errors that are worth another attempt, as all server errors are."""


class _DroppedError(Exception):
    """The connection failed in a way that another attempt may mend; the text says how."""


def download(
    url: str,
    target: Path,
    *,
    sha256: str,
    size: int | None = None,
    progress: Progress | None = None,
    timeout: float = 30.0,
) -> Path:
    """Fetch ``url`` into ``target``, unless a file with the right SHA-256 is there already.

    Processes and threads that want the same target wait for each other; the later ones then find
    it done.

    Args:
        url: ``http`` or ``https``.
        target: Where to; its folder is made.
        sha256: The file's SHA-256 in hexadecimal, or its leading digits.
        size: The file's length in bytes where known: another length is refused before any of it
            is fetched.
        progress: Called after every block.
        timeout: Seconds without an answer after which an attempt is given up.

    Returns:
        ``target``.

    Raises:
        WeightsError: If the server cannot be reached, answers with an error, breaks off, or sends
            another file; or if the disk is full or not writable.
    """
    part = target.with_name(f"{target.name}.part")
    with exclusive(target):
        try:
            if not (target.is_file() and sha256_of(target).startswith(sha256)):
                resumed = part.exists()
                _receive_with_patience(url, part, size, progress, timeout)
                if resumed and not sha256_of(part).startswith(sha256):
                    part.unlink()  # its beginning was damaged or another file's
                    _receive_with_patience(url, part, size, progress, timeout)
                _check_hash(url, part, sha256)
                os.replace(part, target)
        except OSError as error:  # network errors never come this far: the disk is to blame
            raise _cannot_write(part, error) from error
    return target


def sha256_of(path: Path) -> str:
    """The SHA-256 of a file, as 64 hexadecimal digits; an ``OSError`` if it cannot be read."""
    digest = hashlib.sha256()
    with path.open("rb") as file:
        while block := file.read(BLOCK):
            digest.update(block)
    return digest.hexdigest()


@contextmanager
def exclusive(path: Path) -> Iterator[None]:
    """Hold the lock of ``path``, after waiting for whichever process or thread has it.

    The lock is the operating system's, on an empty file ``NAME.lock`` beside ``path``: it ends
    with its process, however that ends, so it never goes stale. The file stays: were it removed,
    two could each hold the lock on a file of that name.

    Raises:
        WeightsError: If the folder cannot be written.
    """
    lock = path.with_name(f"{path.name}.lock")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        file = lock.open("a")
    except OSError as error:
        raise _cannot_write(lock, error) from error
    with file:
        while not _try_lock(file.fileno()):
            time.sleep(0.05)
        yield


if sys.platform == "win32":
    import msvcrt

    def _try_lock(handle: int) -> bool:
        try:
            msvcrt.locking(handle, msvcrt.LK_NBLCK, 1)
        except PermissionError:
            return False
        return True
else:
    import fcntl

    def _try_lock(handle: int) -> bool:
        try:
            fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            return False
        return True


def _receive_with_patience(
    url: str, part: Path, size: int | None, progress: Progress | None, timeout: float
) -> None:
    """Attempt until all of the file is in ``part``, as long as attempts bring it further."""
    furthest = _length(part)
    fruitless = 0
    while True:
        try:
            return _receive(url, part, size, progress, timeout)
        except _DroppedError as dropped:
            here = _length(part)
            fruitless = 0 if here > furthest else fruitless + 1
            furthest = max(furthest, here)
            if fruitless == ATTEMPTS:
                kept = (
                    f" What came so far ({here:,} bytes) is kept for another try." if here else ""
                )
                raise WeightsError(f"{url} could not be fetched: {dropped}.{kept}") from dropped
        time.sleep(PAUSE * 2**fruitless)


def _receive(
    url: str, part: Path, size: int | None, progress: Progress | None, timeout: float
) -> None:
    """One attempt: ask for what ``part`` lacks and append it."""
    here = _length(part)
    if here and here == size:
        return  # stopped between the last byte and the hash
    with _request(url, here, timeout) as response:
        resumed = response.status == 206
        here = here if resumed else 0  # a server may ignore the range and begin anew
        total = size if response.length is None else here + response.length
        if size is not None and total != size:
            raise WeightsError(
                f"{url} offers {total:,} bytes where {size:,} are published, so it is another "
                "file (perhaps the page of a proxy or a login): nothing was fetched."
            )
        with part.open("ab" if resumed else "wb") as file:
            for block in _blocks(response):
                file.write(block)
                here += len(block)
                if progress:
                    progress(here, total or 0)
                if total is not None and here > total:
                    break  # an endless answer must not fill the disk; the hash will refuse it
    if total is not None and here < total:
        raise _DroppedError(f"the connection ended after {here:,} of {total:,} bytes")


def _request(url: str, start: int, timeout: float) -> HTTPResponse:
    """The answer to a request for the bytes from ``start`` on."""
    headers = {"User-Agent": "impasto"}
    if start:
        headers["Range"] = f"bytes={start}-"
    try:
        return cast(HTTPResponse, urlopen(Request(url, headers=headers), timeout=timeout))
    except HTTPError as error:
        error.close()
        if error.code == 416 and start:  # the part is no beginning of this file
            return _request(url, 0, timeout)
        answer = f"the server answered {error.code} {error.reason}"
        if error.code >= 500 or error.code in _PASSING:
            raise _DroppedError(answer) from error
        raise WeightsError(f"{url} could not be fetched: {answer}.") from error
    except (OSError, HTTPException) as error:
        raise _dropped(error) from error


def _blocks(response: HTTPResponse) -> Iterator[bytes]:
    """The body in blocks, a network error told apart from the ``OSError`` of a disk."""
    while True:
        try:
            block = response.read(BLOCK)
        except (OSError, HTTPException) as error:
            raise _dropped(error) from error
        if not block:
            return
        yield block


def _dropped(error: OSError | HTTPException) -> _DroppedError:
    reason = error.reason if isinstance(error, URLError) else error
    text = reason.strerror if isinstance(reason, OSError) and reason.strerror else str(reason)
    return _DroppedError(text or type(error).__name__)


def _check_hash(url: str, part: Path, sha256: str) -> None:
    digest = sha256_of(part)
    if not digest.startswith(sha256):
        part.unlink()
        raise WeightsError(
            f"{url} sent another file than expected and it was removed: its SHA-256 is "
            f"{digest[:16]}…, not {sha256[:16]}…"
        )


def _length(part: Path) -> int:
    return part.stat().st_size if part.exists() else 0


def _cannot_write(path: Path, error: OSError) -> WeightsError:
    return WeightsError(
        f"{path} could not be written ({error.strerror or error}): free some space or choose "
        "another folder. What came so far is kept, and running it again goes on from there."
    )
