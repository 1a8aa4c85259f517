"""Downloading one file over HTTP: resumed, retried, verified, then moved into place.

The bytes received so far are kept next to the target as ``NAME.part``. They survive a dropped
connection, a full disk and Ctrl-C, and the next call resumes from them. The target itself appears
only once its SHA-256 has been verified.
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
from typing import Any, BinaryIO, cast
from urllib.error import HTTPError, URLError
from urllib.parse import urlsplit
from urllib.request import HTTPRedirectHandler, Request, build_opener

from impasto.errors import WeightsError

ProgressCallback = Callable[[int, int], None]
"""Called with the bytes received and the total (0 if the server does not report it)."""

ATTEMPTS = 4
"""Consecutive attempts without a new byte after which a download is given up."""
PAUSE = 0.5
"""Seconds before a retry; doubled after each attempt without a new byte."""
BLOCK = 1 << 20
"""Bytes read at a time."""
MOST_BYTES = 2 << 30
"""Of a file whose size is not known beforehand; published weights have up to 0.6 GB."""
REDIRECTS = 5
"""Most redirects that are followed, none of them from HTTPS to HTTP."""

_RETRYABLE = (408, 429)
"""Client errors that are worth a retry, as all server errors are."""


class _RetryableError(Exception):
    """A failed attempt that may succeed when repeated; the text says why it failed."""


def download(
    url: str,
    target: Path,
    *,
    sha256: str,
    size: int | None = None,
    progress: ProgressCallback | None = None,
    timeout: float = 30.0,
) -> Path:
    """Download ``url`` to ``target``, unless a file with the right SHA-256 is already there.

    Processes and threads that download to the same target wait for each other; those that come
    later find the file complete.

    Args:
        url: ``http`` or ``https``.
        target: Path of the file; its folder is created.
        sha256: The file's SHA-256 in hexadecimal, or its leading digits.
        size: The file's length in bytes if known; a file of another length is not downloaded.
        progress: Called after every block.
        timeout: Seconds without an answer after which an attempt is given up.

    Returns:
        ``target``.

    Raises:
        WeightsError: If the server cannot be reached, answers with an error, breaks off, or sends
            another file; or if the disk is full or not writable.
    """
    part = target.with_name(f"{target.name}.part")
    with file_lock(target):
        try:
            if not (target.is_file() and sha256_of(target).startswith(sha256)):
                resumed = part.exists()
                _receive_with_retries(url, part, size, progress, timeout)
                if resumed and not sha256_of(part).startswith(sha256):
                    part.unlink()  # it began with damaged bytes, or those of another file
                    _receive_with_retries(url, part, size, progress, timeout)
                _check_hash(url, part, sha256)
                os.replace(part, target)
        except OSError as error:  # of the disk: network errors are handled before
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
def file_lock(path: Path) -> Iterator[None]:
    """Hold the lock of ``path``, after waiting for any process or thread that has it.

    It is a lock of the operating system on an empty file ``NAME.lock`` next to ``path``. The
    system releases it when the process ends, so it is never stale. The lock file is not removed:
    otherwise two processes could each lock a different file of that name.

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


def _receive_with_retries(
    url: str, part: Path, size: int | None, progress: ProgressCallback | None, timeout: float
) -> None:
    """Repeat attempts until ``part`` is complete, or too many brought nothing new."""
    most_received = _length(part)
    failures = 0
    while True:
        try:
            return _receive(url, part, size, progress, timeout)
        except _RetryableError as error:
            received = _length(part)
            failures = 0 if received > most_received else failures + 1
            most_received = max(most_received, received)
            if failures == ATTEMPTS:
                kept = f" The {received:,} bytes received are kept for a retry." if received else ""
                raise WeightsError(f"{url} could not be downloaded: {error}.{kept}") from error
        time.sleep(PAUSE * 2**failures)


def _receive(
    url: str, part: Path, size: int | None, progress: ProgressCallback | None, timeout: float
) -> None:
    """One attempt: request the missing bytes of ``part`` and append them."""
    received = _length(part)
    if received and received == size:
        return  # an earlier call was stopped between the last byte and the hash
    with _request(url, received, timeout) as response:
        resumed = response.status == 206
        received = received if resumed else 0  # a server may ignore the range and start over
        total = size if response.length is None else received + response.length
        if size is not None and total != size:
            raise WeightsError(
                f"{url} offers {total:,} bytes where {size:,} are published, so it is another "
                "file (perhaps a proxy's or a login page): nothing was downloaded."
            )
        if total is not None and total > max(size or 0, MOST_BYTES):
            raise _too_large(url)
        with _open_part(part, resumed=resumed) as file:
            for block in _blocks(response):
                file.write(block)
                received += len(block)
                if progress:
                    progress(received, total or 0)
                if received > (MOST_BYTES if total is None else total):
                    break  # an endless answer must not fill the disk
    if total is None and received > MOST_BYTES:
        part.unlink(missing_ok=True)
        raise _too_large(url)
    if total is not None and received < total:
        raise _RetryableError(f"the connection ended after {received:,} of {total:,} bytes")


def _open_part(part: Path, *, resumed: bool) -> BinaryIO:
    """Open the file of the bytes received; a link in its place is not followed."""
    flags = os.O_WRONLY | os.O_CREAT | (os.O_APPEND if resumed else os.O_TRUNC)
    flags |= getattr(os, "O_NOFOLLOW", 0) | getattr(os, "O_BINARY", 0)
    return os.fdopen(os.open(part, flags, 0o666), "wb")


class _FewRedirects(HTTPRedirectHandler):
    """Follows a few redirects, and none to a less protected connection."""

    max_redirections = REDIRECTS

    def redirect_request(
        self, req: Request, fp: Any, code: int, msg: str, headers: Any, newurl: str
    ) -> Request | None:
        """The request of the new address."""
        allowed = ("https",) if req.type == "https" else ("http", "https")
        if urlsplit(newurl).scheme not in allowed:
            raise WeightsError(
                f"{req.full_url} leads to {newurl}, which is not a protected connection: nothing "
                "was downloaded."
            )
        return super().redirect_request(req, fp, code, msg, headers, newurl)


def _too_large(url: str) -> WeightsError:
    return WeightsError(
        f"{url} offers more than {MOST_BYTES:,} bytes, so it is another file than expected: it was "
        "not kept."
    )


def _request(url: str, start: int, timeout: float) -> HTTPResponse:
    """The response to a request for the bytes from ``start`` on."""
    headers, opener = {"User-Agent": "impasto"}, build_opener(_FewRedirects)
    if start:
        headers["Range"] = f"bytes={start}-"
    try:
        return cast(HTTPResponse, opener.open(Request(url, headers=headers), timeout=timeout))
    except HTTPError as error:
        error.close()
        if error.code == 416 and start:  # the part is longer than the file
            return _request(url, 0, timeout)
        answer = f"the server answered {error.code} {error.reason}"
        if error.code >= 500 or error.code in _RETRYABLE:
            raise _RetryableError(answer) from error
        raise WeightsError(f"{url} could not be downloaded: {answer}.") from error
    except (OSError, HTTPException) as error:
        raise _retryable(error) from error


def _blocks(response: HTTPResponse) -> Iterator[bytes]:
    """The body in blocks; network errors are raised apart from the disk's ``OSError``."""
    while True:
        try:
            block = response.read(BLOCK)
        except (OSError, HTTPException) as error:
            raise _retryable(error) from error
        if not block:
            return
        yield block


def _retryable(error: OSError | HTTPException) -> _RetryableError:
    reason = error.reason if isinstance(error, URLError) else error
    text = reason.strerror if isinstance(reason, OSError) and reason.strerror else str(reason)
    return _RetryableError(text or type(error).__name__)


def _check_hash(url: str, part: Path, sha256: str) -> None:
    digest = sha256_of(part)
    if not digest.startswith(sha256):
        part.unlink()
        raise WeightsError(
            f"{url} sent another file than expected, which was removed: its SHA-256 is "
            f"{digest[:16]}…, not {sha256[:16]}…"
        )


def _length(part: Path) -> int:
    return part.stat().st_size if part.exists() else 0


def _cannot_write(path: Path, error: OSError) -> WeightsError:
    return WeightsError(
        f"{path} could not be written ({error.strerror or error}): free some space or choose "
        "another folder. The bytes received are kept, and the next run resumes from them."
    )
