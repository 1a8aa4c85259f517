"""Takes jobs, whatever protocol they come by: counted, with their files, into the queue."""

from __future__ import annotations

import shutil
from collections.abc import Awaitable, Callable, Collection
from pathlib import Path

from impasto.web.job import Job
from impasto.web.job_files import SUFFIX
from impasto.web.posted import read_posted
from impasto.web.rates import RateLimit
from impasto.web.studio import RefusedError, Studio


class Intake:
    """The one way by which jobs come into a studio.

    Args:
        studio: Does the work.
        rate: Messages a minute of a client.
    """

    def __init__(self, studio: Studio, rate: RateLimit) -> None:
        self._studio, self._rate = studio, rate

    def count(self, client: str) -> None:
        """Count a message of a client.

        Raises:
            RefusedError: If it sends too many, or there is no room for a job.
        """
        if wait := self._rate.seconds_to_wait(client):
            raise RefusedError(429, "Too many requests: wait a moment.", retry_after=wait)
        self._studio.check_room(client)

    async def take(
        self,
        text: str,
        files: Collection[str],
        save: Callable[[str, Path], Awaitable[None]],
        *,
        client: str,
        session: str = "",
        clip_format: str = "",
    ) -> Job:
        """Take a job.

        Args:
            text: The request, as JSON.
            files: Names of its uploads.
            save: Writes one of them.
            client: Whose turn in the queue it is.
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
            return studio.add(posted, folder, client=client, session=session)
        except BaseException:
            shutil.rmtree(folder, ignore_errors=True)
            raise
