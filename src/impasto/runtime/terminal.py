"""Output streams that never stop the work, and show nothing that a terminal would obey.

A terminal may be closed, a pipe's reader may be gone, a disk may be full. None of this is worth a
picture: what cannot be printed is lost, and the first failure is kept for whoever needs the text.
"""

from __future__ import annotations

import contextlib
import os
import re
import sys
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any, TextIO, cast

from impasto.errors import printable

if TYPE_CHECKING:
    from rich.console import Console

_SHOWN = re.compile(r"[^\n\t]+")


class SafeStream:
    """A text stream whose writes do not fail, and which escapes control characters.

    Ends of lines and tabs stay.

    Args:
        stream: The stream to write to; None if the program was started without it.

    Attributes:
        failure: The first error of a write; None as long as all text has arrived.
    """

    def __init__(self, stream: TextIO | None) -> None:
        self._stream = stream
        self.failure: Exception | None = None

    @property
    def encoding(self) -> str:
        """The encoding of the stream."""
        return getattr(self._stream, "encoding", None) or "utf-8"

    def write(self, text: str) -> int:
        """Write text, unless a write has failed before."""
        self.write_raw(_SHOWN.sub(lambda found: printable(found[0]), text))
        return len(text)

    def write_raw(self, text: str) -> int:
        """Write text with the control characters of bars and tables."""
        if self._stream is None:
            self.failure = self.failure or OSError("it is closed")
        elif self.failure is None:
            try:
                self._stream.write(text)
            except (OSError, ValueError) as error:  # ValueError: it was closed
                self.failure = error
        return len(text)

    def flush(self) -> None:
        """Send what is buffered."""
        if self._stream is None or self.failure is not None:
            return
        try:
            self._stream.flush()
        except (OSError, ValueError) as error:
            self.failure = error

    def isatty(self) -> bool:
        """Whether it is a terminal."""
        try:
            return self._stream is not None and self._stream.isatty()
        except (OSError, ValueError):
            return False

    def __getattr__(self, name: str) -> Any:
        return getattr(self._stream, name)


class _RawStream:
    """A safe stream that escapes nothing."""

    def __init__(self, stream: SafeStream) -> None:
        self._safe = stream
        self.write = stream.write_raw

    def __getattr__(self, name: str) -> Any:
        return getattr(self._safe, name)


@contextlib.contextmanager
def safe_output() -> Iterator[None]:
    """Within the block ``sys.stdout`` and ``sys.stderr`` are safe streams."""
    before = sys.stdout, sys.stderr
    safe = [SafeStream(_lenient(stream)) for stream in before]
    sys.stdout, sys.stderr = (cast(TextIO, stream) for stream in safe)
    try:
        yield
    finally:
        sys.stdout, sys.stderr = before
        for stream, original in zip(safe, before, strict=True):
            stream.flush()
            if stream.failure is not None and original is not None:
                _discard(original)


def console(*, stderr: bool = False) -> Console:
    """A console of Rich on a stream of the process, for bars and tables.

    It escapes nothing: pass it names by :func:`impasto.errors.printable`.
    """
    from rich.console import Console

    stream = sys.stderr if stderr else sys.stdout
    safe = stream if isinstance(stream, SafeStream) else SafeStream(stream)
    return Console(file=cast(TextIO, _RawStream(safe)))


def _lenient(stream: TextIO | None) -> TextIO | None:
    """The stream; characters that its encoding does not have are escaped."""
    with contextlib.suppress(AttributeError, OSError, ValueError):
        stream.reconfigure(errors="backslashreplace")  # type: ignore[union-attr]
    return stream


def _discard(stream: TextIO) -> None:
    """Send what a broken stream still holds nowhere: Python writes it again when it ends."""
    with contextlib.suppress(AttributeError, OSError, ValueError):
        null = os.open(os.devnull, os.O_WRONLY)
        os.dup2(null, stream.fileno())
        os.close(null)
