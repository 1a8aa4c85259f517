"""Settings of the service: address, access, devices and limits."""

from __future__ import annotations

import ipaddress
import re
from dataclasses import dataclass, field

from impasto.errors import OptionError, option
from impasto.runtime.fields import check_entries, entry

PORT = 8400
"""Where the service listens by default."""

_DAY = 86400
_SHORTEST_TOKEN = 16
_SITE = re.compile(r"https://[A-Za-z0-9]([A-Za-z0-9.-]{0,251}[A-Za-z0-9])?(:\d{1,5})?")
_HOST_NAME = re.compile(r"[A-Za-z0-9]([A-Za-z0-9.-]{0,251}[A-Za-z0-9])?")


@dataclass(frozen=True)
class Limits:
    """What one request and one client may take; 0 means no limit where that is said."""

    picture_pixels: int = entry(
        50_000_000, "pixels of an uploaded picture", range=(1024, 200_000_000)
    )
    result_pixels: int = entry(4_194_304, "pixels of a result", range=(1024, 200_000_000))
    most_steps: int = entry(2000, "steps of a painting, all sizes together", range=(1, 10**6))
    most_seconds: int = entry(
        3600, "seconds of work on one job, which then keeps what is painted", range=(1, 7 * _DAY)
    )
    clip_seconds: int = entry(30, "seconds of a clip that are painted", range=(1, 86400))
    clip_frames: int = entry(
        3000, "frames of a clip that are read or painted", range=(2, 10_000_000)
    )
    clip_pixels: int = entry(
        1_000_000_000, "pixels of all painted frames of a clip", range=(10_000, 10**14)
    )
    upload_bytes: int = entry(
        64_000_000, "bytes of a request with its files", range=(10_000, 2_000_000_000)
    )
    queue_length: int = entry(100, "jobs that wait, of all clients", range=(1, 100_000))
    client_jobs: int = entry(20, "jobs that wait or run, of one client", range=(1, 100_000))
    rate: int = entry(120, "jobs a minute of one client, 0: no limit", range=(0, 10**6))
    keep_seconds: int = entry(
        3600, "seconds that a result is kept after its job", range=(10, 30 * _DAY)
    )
    disk_bytes: int = entry(
        4_000_000_000, "bytes of all files, beyond which the oldest results go first",
        range=(10_000_000, 10**14),
    )  # fmt: skip
    drain_seconds: int = entry(
        30, "seconds that running jobs have when the server is told to stop", range=(0, _DAY)
    )

    def __post_init__(self) -> None:
        check_entries(self)

    @property
    def longest_side(self) -> int:
        """The long side in pixels that a result may be asked for: of a picture of 4:1."""
        return int((4 * self.result_pixels) ** 0.5)


@dataclass(frozen=True)
class Settings:
    """How the service runs.

    Attributes:
        host: Address to listen at; other machines reach it only if it is not a loopback address.
        port: TCP port; 0 for any that is free.
        token: What a client has to give; empty for none.
        is_open: Whether everybody who reaches the address may use it, without a token.
        host_names: Names by which browsers may call the server, besides its addresses.
        embed_in: Sites whose pages may show the server's page in a frame, such as
            ``https://huggingface.co``.
        proxy: Address of a reverse proxy whose ``X-Forwarded`` headers are believed.
        devices: Devices to paint on; each makes one painting at a time.
        quick_workers: Processes for one-pass pictures.
        memory: Bytes that one job may take of a device's memory; None: two thirds of what is free.
        limits: See :class:`Limits`.
    """

    host: str = "127.0.0.1"
    port: int = PORT
    token: str = field(default="", repr=False)
    is_open: bool = False
    host_names: tuple[str, ...] = ()
    embed_in: tuple[str, ...] = ()
    proxy: str = ""
    devices: tuple[str, ...] = ("auto",)
    quick_workers: int = 1
    memory: float | None = None
    limits: Limits = field(default_factory=Limits)

    def __post_init__(self) -> None:
        if not 0 <= self.port <= 65535:
            raise OptionError(f"{option('port')} must be from 0 to 65535, not {self.port}.")
        if not 1 <= self.quick_workers <= 64:
            raise OptionError(
                f"{option('quick_workers')} must be from 1 to 64, not {self.quick_workers}."
            )
        if not self.devices or len(set(self.devices)) < len(self.devices):
            raise OptionError(f"{option('device')} must name every device once.")
        if self.proxy and not _is_address(self.proxy):
            raise OptionError(f"{option('proxy')} takes an IP address, not {self.proxy!r}.")
        for name in self.host_names:
            if not _HOST_NAME.fullmatch(name):
                raise OptionError(
                    f"{option('host_name')} takes a name such as studio.example.org, without a "
                    f"port, not {name!r}."
                )
        for site in self.embed_in:
            if not _SITE.fullmatch(site):
                raise OptionError(
                    f"{option('embed_in')} takes a site such as https://huggingface.co, without a "
                    f"path, not {site!r}."
                )
        self._check_access()

    def _check_access(self) -> None:
        if self.token and (len(self.token) < _SHORTEST_TOKEN or not self.token.isascii()):
            raise OptionError(
                f"A token needs {_SHORTEST_TOKEN} or more plain letters and digits: give "
                f"{option('token')} without a file, and one is made."
            )
        if self.token and self.is_open:
            raise OptionError(f"Give {option('token')} or {option('open')}, not both.")
        if not (self.is_loopback or self.token or self.is_open):
            raise OptionError(
                f"{option('host')} {self.host} lets other machines in: give {option('token')} so "
                f"that only those who have it may paint, or {option('open')} to let everybody."
            )

    @property
    def is_loopback(self) -> bool:
        """Whether only this machine reaches the address."""
        if self.host == "localhost":
            return True
        return _is_address(self.host) and ipaddress.ip_address(self.host).is_loopback


def _is_address(text: str) -> bool:
    try:
        ipaddress.ip_address(text)
    except ValueError:
        return False
    return True
