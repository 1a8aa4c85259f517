"""The output folder, here or in the cloud: files appear in it whole, under their names, or not."""

from __future__ import annotations

import contextlib
import errno
import hashlib
import os
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Protocol

from impasto.batch.names import PARTIAL, PLAN
from impasto.batch.places import WRITABLE, filesystem, is_remote, joined, scheme_of
from impasto.errors import ImpastoError, OptionError
from impasto.jobs.existing import is_own_file
from impasto.runtime.downloads import sha256_of
from impasto.runtime.files import atomic_write, check_writable, not_written

_BLOCK = 1 << 20


class StorageError(ImpastoError):
    """The output cannot be written to: no picture of the batch can be, and it ends."""


class Output(Protocol):
    """An output folder; names are relative to it, with slashes."""

    place: str

    def path(self, name: str) -> str:
        """The path or address of a file, to be opened."""
        ...

    def text_of(self, name: str) -> str | None:
        """The content of a small file; None if there is none."""
        ...

    def put(self, local: Path, name: str) -> None:
        """Copy or move a local file there; what has the name is replaced."""
        ...

    def put_new(self, local: Path, name: str, digest: str, *, overwrite: bool) -> str:
        """Put the picture of a row there; why not, as the end of a sentence, or empty.

        Args:
            local: Its file, which may be gone if it was put there before.
            name: Of the output.
            digest: SHA-256 of its content.
            overwrite: Whether an older picture of Impasto's may be replaced.
        """
        ...

    def is_taken(self, name: str) -> bool:
        """Whether there is a file of that name."""
        ...

    def names(self, folder: str) -> Iterator[str]:
        """Names of the files in a folder, without those below; none if there is no such folder."""
        ...

    def remove(self, name: str) -> None:
        """Remove a file, or a folder with all that it holds; nothing if there is none."""
        ...

    def work_folder(self, number: int, scratch: Path) -> Path:
        """The local folder where a shard is worked on."""
        ...


def open_output(place: str) -> Output:
    """The output folder of a path or address.

    Raises:
        OptionError: For an address that cannot be written to.
        ImpastoError: If the folder cannot be written to.
    """
    if not is_remote(place):
        check_writable(Path(place) / PLAN)
        return LocalOutput(place)
    if scheme_of(place) not in WRITABLE:
        raise OptionError(
            f"{place} cannot be written to: an output is a folder here, or begins with "
            f"{', '.join(f'{name}://' for name in WRITABLE)}."
        )
    return RemoteOutput(place)


TAKEN = "exists already and was made in another way"
GONE = "was removed while it was being written"


class LocalOutput:
    """A folder of this machine, or one that all machines share.

    Args:
        place: Its path.
    """

    def __init__(self, place: str) -> None:
        self.place = place
        self._folder = Path(place)

    def path(self, name: str) -> str:
        """See :class:`Output`."""
        return joined(self.place, name)

    def text_of(self, name: str) -> str | None:
        """See :class:`Output`."""
        try:
            return (self._folder / name).read_text(encoding="utf-8")
        except FileNotFoundError:
            return None

    def put(self, local: Path, name: str) -> None:
        """See :class:`Output`."""
        target = self._folder / name
        try:
            target.parent.mkdir(parents=True, exist_ok=True)
            try:
                os.replace(local, target)
            except OSError as problem:
                if problem.errno != errno.EXDEV:
                    raise
                with atomic_write(target, error=StorageError) as temporary:
                    shutil.copyfile(local, temporary)
        except OSError as problem:
            raise not_written(target, problem, StorageError) from problem

    def put_new(self, local: Path, name: str, digest: str, *, overwrite: bool) -> str:
        """See :class:`Output`; no other file is ever replaced, also not one made just now."""
        target = self._folder / name
        try:
            target.parent.mkdir(parents=True, exist_ok=True)
            if not local.exists():  # put there before a crash
                return "" if self._holds(target, digest) else GONE
            if overwrite and os.path.lexists(target) and not is_own_file(target):
                return TAKEN
            if overwrite:
                os.replace(local, target)
                return ""
            try:
                _rename_new(local, target)
            except FileExistsError:
                if not self._holds(target, digest):
                    return TAKEN
                local.unlink()
        except (FileExistsError, NotADirectoryError, IsADirectoryError):
            return "cannot be written: a file has the name of its folder, or a folder its own"
        except OSError as problem:
            if problem.errno in (errno.ENAMETOOLONG, errno.EINVAL, errno.EILSEQ):
                return "cannot be written: the disk does not take its name"
            raise not_written(target, problem, StorageError) from problem
        return ""

    def _holds(self, target: Path, digest: str) -> bool:
        try:
            return sha256_of(target) == digest
        except OSError:
            return False

    def is_taken(self, name: str) -> bool:
        """See :class:`Output`."""
        return os.path.lexists(self._folder / name)

    def names(self, folder: str) -> Iterator[str]:
        """See :class:`Output`."""
        with contextlib.suppress(FileNotFoundError), os.scandir(self._folder / folder) as entries:
            yield from (entry.name for entry in entries if entry.is_file())

    def remove(self, name: str) -> None:
        """See :class:`Output`."""
        target = self._folder / name
        if target.is_dir() and not target.is_symlink():
            shutil.rmtree(target, ignore_errors=True)
        else:
            with contextlib.suppress(FileNotFoundError):
                target.unlink()

    def work_folder(self, number: int, scratch: Path) -> Path:
        """See :class:`Output`: in the folder itself, so that what is made survives the process."""
        return self._folder / PARTIAL / f"{number:09}"


def _rename_new(local: Path, target: Path) -> None:
    """Rename a file, unless there is one of the new name: then a FileExistsError."""
    try:
        os.link(local, target)
    except FileExistsError:
        raise
    except OSError:  # a disk without links
        if os.path.lexists(target):
            raise FileExistsError(errno.EEXIST, "exists", str(target)) from None
        os.rename(local, target)
        return
    os.unlink(local)


class RemoteOutput:
    """A folder of a store such as S3, where a file appears when all of it has arrived.

    Args:
        place: Its address.
    """

    def __init__(self, place: str) -> None:
        self.place = place.rstrip("/")
        self._fs: Any
        self._fs, self._folder = filesystem(self.place)
        with _storing(self.place):  # a mistake in the address is told before any work
            self._fs.exists(f"{self._folder}/{PLAN}")

    def path(self, name: str) -> str:
        """See :class:`Output`."""
        return joined(self.place, name)

    def _key(self, name: str) -> str:
        return f"{self._folder.rstrip('/')}/{name}"

    def text_of(self, name: str) -> str | None:
        """See :class:`Output`."""
        with _storing(self.path(name)):
            try:
                content: bytes = self._fs.cat_file(self._key(name))
            except FileNotFoundError:
                return None
        return content.decode()

    def put(self, local: Path, name: str) -> None:
        """See :class:`Output`."""
        try:
            with _storing(self.path(name)):
                self._fs.put_file(str(local), self._key(name))
        except FileNotFoundError as problem:
            raise StorageError(f"{self.place} cannot be written to ({problem}).") from problem
        local.unlink()

    def put_new(self, local: Path, name: str, digest: str, *, overwrite: bool) -> str:
        """See :class:`Output`; two rows of one name in two shards at once are not told apart."""
        if not local.exists():  # put there before a crash
            return "" if self._holds(name, digest) else GONE
        if not overwrite and self.is_taken(name) and not self._holds(name, digest):
            return TAKEN
        self.put(local, name)
        return ""

    def _holds(self, name: str, digest: str) -> bool:
        content = hashlib.sha256()
        try:
            with _storing(self.path(name)), self._fs.open(self._key(name), "rb") as file:
                while block := file.read(_BLOCK):
                    content.update(block)
        except FileNotFoundError:
            return False
        return content.hexdigest() == digest

    def is_taken(self, name: str) -> bool:
        """See :class:`Output`."""
        with _storing(self.path(name)):
            self._fs.invalidate_cache(self._key(name).rpartition("/")[0])
            return bool(self._fs.exists(self._key(name)))

    def names(self, folder: str) -> Iterator[str]:
        """See :class:`Output`."""
        with _storing(self.path(folder)):
            self._fs.invalidate_cache(self._key(folder))
            try:
                found = self._fs.ls(self._key(folder), detail=False)
            except FileNotFoundError:
                return
        yield from (path.rstrip("/").rpartition("/")[2] for path in found)

    def remove(self, name: str) -> None:
        """See :class:`Output`."""
        with _storing(self.path(name)), contextlib.suppress(FileNotFoundError):
            self._fs.rm(self._key(name), recursive=True)

    def work_folder(self, number: int, scratch: Path) -> Path:
        """See :class:`Output`: on the worker's own disk."""
        return scratch / f"{number:09}"


@contextlib.contextmanager
def _storing(place: str) -> Iterator[None]:
    try:
        yield
    except (ImpastoError, FileNotFoundError):
        raise
    except Exception as problem:  # of the library for this kind of store
        reason = " ".join(str(problem).split()) or type(problem).__name__
        raise StorageError(
            f"{place} cannot be written to ({reason}): check the address and the permissions."
        ) from problem
