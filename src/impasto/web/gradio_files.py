"""Files of Gradio's clients: uploads that wait for their call, and results by an address."""

from __future__ import annotations

import asyncio
import contextlib
import os
import secrets
import shutil
from dataclasses import dataclass
from pathlib import Path

from impasto.errors import OptionError
from impasto.web.job import Job
from impasto.web.job_files import FILES
from impasto.web.posted import MOST_UPLOADS
from impasto.web.receiving import Form
from impasto.web.studio import RefusedError, Studio

_KEPT_SECONDS = 300.0
"""For a call to name an upload."""


@dataclass(frozen=True)
class _Kept:
    client: str
    path: Path
    bytes: int


class GradioFiles:
    """Uploads that no call has named yet, within limits, and removed after a while.

    Args:
        studio: Whose limits and folder they have.
    """

    def __init__(self, studio: Studio) -> None:
        self._studio = studio
        self._kept: dict[str, _Kept] = {}

    async def add(self, client: str, form: Form, name: str) -> str:
        """Keep a file of a form; what the client calls it from now on.

        Raises:
            RefusedError: If too much waits already.
        """
        size = form.files[name].size or 0
        self._check_room(client, size)
        folder = self._studio.new_folder()
        told = secrets.token_urlsafe(24)
        self._kept[told] = _Kept(client, folder / "upload", size)
        asyncio.get_running_loop().call_later(_KEPT_SECONDS, self._forget, told)
        try:
            await form.save(name, folder / "upload")
        except BaseException:
            self._forget(told)
            raise
        return told

    def _check_room(self, client: str, size: int) -> None:
        limits = self._studio.limits
        own = [kept.bytes for kept in self._kept.values() if kept.client == client]
        if len(own) >= 2 * MOST_UPLOADS or sum(own) + size > 2 * limits.upload_bytes:
            raise RefusedError(429, "Your uploads wait for their calls: make those first.")
        if sum(kept.bytes for kept in self._kept.values()) + size > limits.disk_bytes // 4:
            raise RefusedError(503, "Too many uploads wait: try again in a minute.")

    def find(self, client: str, told: str) -> str:
        """The same name, if there is such an upload of the client.

        Raises:
            OptionError: If there is none.
        """
        kept = self._kept.get(told)
        if kept is None or kept.client != client:
            raise OptionError(
                "A file of the call is not there: send it with handle_file, and use it within "
                f"{_KEPT_SECONDS / 60:.0f} minutes."
            )
        return told

    async def use(self, told: str, path: Path) -> None:
        """Move an upload to where the job has its files; a second use copies it.

        Raises:
            OptionError: If it is gone meanwhile.
        """
        kept = self._kept.get(told)
        if kept is None:
            raise OptionError("A file of the call is not there any more: send it again.")
        await asyncio.to_thread(_link_or_copy, kept.path, path)

    def _forget(self, told: str) -> None:
        kept = self._kept.pop(told, None)
        if kept is not None:
            shutil.rmtree(kept.path.parent, ignore_errors=True)

    def result(self, job: Job, name: str) -> tuple[Path, str] | None:
        """File and type of a result that clients know by a name; None if there is none."""
        for form in job.formats:
            file, media_type = FILES[form]
            if name == file and (job.folder / file).is_file():  # a TIFF may not have been made
                return job.folder / file, media_type
        return None


def _link_or_copy(source: Path, target: Path) -> None:
    with contextlib.suppress(OSError):
        os.link(source, target)
        return
    shutil.copyfile(source, target)
