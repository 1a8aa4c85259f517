"""Runs the service until it is told to stop."""

from __future__ import annotations

import asyncio
import contextlib
import os
import re
import shutil
import socket
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path
from types import FrameType

import uvicorn

from impasto.errors import OptionError, option
from impasto.runtime.processes import is_running, machine_id
from impasto.web.app import create_app
from impasto.web.connections import MOST_CONNECTIONS, bounded_protocol
from impasto.web.settings import Settings
from impasto.web.studio import Studio
from impasto.web.telemetry import start_logging

_FOLDER = re.compile(r"impasto-serve-(?P<machine>[0-9a-f]{8})-(?P<pid>\d+)-\w+")
_FETCH_SECONDS = 2.0
"""Time for clients to fetch what was finished while the server was being stopped."""


def serve(settings: Settings, *, started: Callable[[str], object] = lambda address: None) -> None:
    """Serve the page and the service, until SIGTERM or Ctrl-C.

    The first signal lets running jobs end, for as long as the limits say; a second one does not.

    Args:
        settings: Address, access, devices, limits.
        started: Called with the address when the server listens.

    Raises:
        OptionError: If the address is taken, or a device is not there.
    """
    _check_devices(settings)
    with _listening(settings) as listener, private_folder() as folder:
        app, studio = create_app(settings, folder)
        config = uvicorn.Config(
            app,
            log_config=None,
            access_log=False,
            server_header=False,
            http=bounded_protocol(settings.proxy),
            limit_concurrency=MOST_CONNECTIONS,
            ws="none",
            lifespan="on",
            proxy_headers=bool(settings.proxy),
            forwarded_allow_ips=settings.proxy or "127.0.0.1",
            timeout_graceful_shutdown=5,
            timeout_keep_alive=30,
        )
        start_logging()
        started(_address(settings, listener))
        _Server(config, studio).run(sockets=[listener])


def _check_devices(settings: Settings) -> None:
    """Check that named devices are there; the workers find those that are always there."""
    named = [device for device in settings.devices if device not in ("auto", "cpu")]
    if named:
        from impasto.runtime.devices import find_device  # which imports torch

        for device in named:
            find_device(device)


class _Server(uvicorn.Server):
    """A server that drains its jobs before it ends."""

    def __init__(self, config: uvicorn.Config, studio: Studio) -> None:
        super().__init__(config)
        self._studio = studio
        self._draining: asyncio.Task[None] | None = None
        self._loop: asyncio.AbstractEventLoop | None = None

    async def serve(self, sockets: list[socket.socket] | None = None) -> None:
        self._loop = asyncio.get_running_loop()
        await super().serve(sockets)

    def handle_exit(self, sig: int, frame: FrameType | None) -> None:
        """Take a signal: the first drains, a second one ends at once."""
        if self._studio.is_draining or self._loop is None:
            self.should_exit = self.force_exit = True
            return
        self._studio.is_draining = True
        self._loop.call_soon_threadsafe(self._begin_draining)

    def _begin_draining(self) -> None:
        self._draining = asyncio.get_running_loop().create_task(self._drain())

    async def _drain(self) -> None:
        try:
            if await self._studio.drain():
                await asyncio.sleep(_FETCH_SECONDS)
        finally:
            self.should_exit = True


@contextlib.contextmanager
def _listening(settings: Settings) -> Iterator[socket.socket]:
    family = socket.AF_INET6 if ":" in settings.host else socket.AF_INET
    try:
        listener = socket.create_server((settings.host, settings.port), family=family, backlog=512)
    except OSError as error:
        reason = error.strerror or error
        raise OptionError(
            f"The server cannot listen at {settings.host}, port {settings.port} ({reason}): give "
            f"another {option('port')} or {option('host')}."
        ) from error
    with listener:
        yield listener


def _address(settings: Settings, listener: socket.socket) -> str:
    host = f"[{settings.host}]" if ":" in settings.host else settings.host
    if settings.host in ("0.0.0.0", "::"):  # which stand for all addresses of this machine
        host = socket.gethostname()
    return f"http://{host}:{listener.getsockname()[1]}/"


@contextlib.contextmanager
def private_folder() -> Iterator[Path]:
    """A folder that only this user can read, removed after the block.

    Those of servers that were killed are removed before.
    """
    place = Path(tempfile.gettempdir())
    for folder in place.glob("impasto-serve-*"):
        _remove_if_left(folder)
    name = f"impasto-serve-{machine_id()}-{os.getpid()}-"
    folder = Path(tempfile.mkdtemp(prefix=name))
    try:
        yield folder
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def _remove_if_left(folder: Path) -> None:
    found = _FOLDER.fullmatch(folder.name)
    if not found or found["machine"] != machine_id() or is_running(int(found["pid"])):
        return
    with contextlib.suppress(OSError):
        if not folder.is_symlink() and _is_own(folder):
            shutil.rmtree(folder)


def _is_own(folder: Path) -> bool:
    return not hasattr(os, "getuid") or folder.stat().st_uid == os.getuid()
