"""Takes jobs, whatever protocol they come by: counted, with their files, into the queue."""

from __future__ import annotations

import contextlib
import ipaddress
import shutil
from collections import Counter
from collections.abc import AsyncIterator, Awaitable, Callable, Collection, Iterator
from pathlib import Path

from starlette.requests import Request

from impasto.web.gate import CLIENT
from impasto.web.job import Job
from impasto.web.job_files import SUFFIX
from impasto.web.posted import read_posted
from impasto.web.rates import RateLimit
from impasto.web.receiving import Form, received_form
from impasto.web.studio import RefusedError, Studio

_CLIENTS_OF_ADDRESS = 10
"""As many times what one client may send, one address may: many people may share it."""

_MOST_BODIES = 64
"""Messages with files that arrive at a time: they fill disk or memory before they are counted. Of
one client there are as many as it may have jobs."""


class Intake:
    """The one way by which jobs come into a studio.

    Args:
        studio: Does the work.
    """

    def __init__(self, studio: Studio) -> None:
        self._studio = studio
        rate = studio.limits.rate
        self._rate, self._address_rate = RateLimit(rate), RateLimit(_CLIENTS_OF_ADDRESS * rate)
        self._bodies: Counter[str] = Counter()

    def count(self, request: Request) -> None:
        """Count a message.

        Raises:
            RefusedError: If its client sends too many, or there is no room for a job.
        """
        client, address = request.scope[CLIENT], address_of(request)
        wait = self._rate.seconds_to_wait(client)
        if address and not wait:
            wait = self._address_rate.seconds_to_wait(address)
        if wait:
            raise RefusedError(429, "Too many requests: wait a moment.", retry_after=wait)
        self._studio.check_room(client, address)

    @contextlib.asynccontextmanager
    async def received(self, request: Request) -> AsyncIterator[Form]:
        """A message with files, counted; the files are gone after the block.

        Raises:
            RefusedError: If it cannot be taken.
        """
        self.count(request)
        with self.arriving(request):
            async with received_form(request, self._studio.limits.upload_bytes) as form:
                yield form

    @contextlib.contextmanager
    def arriving(self, request: Request) -> Iterator[None]:
        """Within the block one more large body of its client arrives.

        Raises:
            RefusedError: If too many do already.
        """
        client = request.scope[CLIENT]
        if self._bodies[client] >= self._studio.limits.client_jobs:
            raise RefusedError(429, "Too many files at a time: send them one after the other.")
        if self._bodies.total() >= _MOST_BODIES:
            raise RefusedError(503, "Too many files arrive: try again in a moment.")
        self._bodies[client] += 1
        try:
            yield
        finally:
            self._bodies[client] -= 1
            if not self._bodies[client]:
                del self._bodies[client]

    async def take(
        self,
        text: str,
        files: Collection[str],
        save: Callable[[str, Path], Awaitable[None]],
        *,
        client: str,
        address: str = "",
        session: str = "",
        clip_format: str = "",
    ) -> Job:
        """Take a job.

        Args:
            text: The request, as JSON.
            files: Names of its uploads.
            save: Writes one of them.
            client: Whose turn in the queue it is.
            address: Of the client, see :func:`address_of`.
            session: Browser session that lists the job; empty for none.
            clip_format: Of the clip that is to be made.

        Raises:
            ImpastoError: If the request cannot be run, or there is no room for it.
        """
        studio = self._studio
        posted = read_posted(text, files, studio.limits, clip_format)
        folder = studio.new_folder()
        try:
            for name in files:
                await save(name, folder / f"{name}{SUFFIX}")
            for name, sample in posted.copies.items():
                shutil.copyfile(sample, folder / name)
            return studio.add(posted, folder, client=client, session=session, address=address)
        except BaseException:
            shutil.rmtree(folder, ignore_errors=True)
            raise


def address_of(request: Request) -> str:
    """The address of a client; empty for the own machine, where a proxy may stand for many."""
    address = request.client.host if request.client else ""
    try:
        return "" if ipaddress.ip_address(address).is_loopback else address
    except ValueError:
        return address
