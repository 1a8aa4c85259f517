"""Which files are looked for or opened, by whatever function of Python."""

from __future__ import annotations

import contextlib
import functools
import os
import sys
from collections.abc import Iterator
from unittest import mock

_LOOKS = ("stat", "lstat", "access", "readlink")
"""Functions of ``os`` that raise no audit event."""

_EVENTS = ("open", "os.listdir", "os.scandir")
_listeners: list[list[str]] = []


@functools.cache
def _listen() -> None:
    def hear(event: str, arguments: tuple[object, ...]) -> None:
        if _listeners and event in _EVENTS:
            _listeners[-1].append(_text(arguments[0]))

    sys.addaudithook(hear)  # there is no way to remove it


@contextlib.contextmanager
def touched() -> Iterator[list[str]]:
    """The names that are looked for or opened within the block."""
    _listen()
    names: list[str] = []

    def recorded(function):
        def look(path, *args, **options):
            names.append(_text(path))
            return function(path, *args, **options)

        return look

    with contextlib.ExitStack() as stack:
        for name in _LOOKS:
            stack.enter_context(mock.patch.object(os, name, recorded(getattr(os, name))))
        _listeners.append(names)
        try:
            yield names
        finally:
            _listeners.pop()


def _text(path: object) -> str:
    return os.fsdecode(path) if isinstance(path, str | bytes | os.PathLike) else repr(path)
