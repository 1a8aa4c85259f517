"""A file is written whole or not at all."""

from __future__ import annotations

import errno
import os
from pathlib import Path

import pytest

from impasto.errors import ImageError, ImpastoError
from impasto.runtime.files import atomic_write, check_writable, short_lived_files


def test_replaces_the_older_file_only_at_the_end(tmp_path):
    path = tmp_path / "log.csv"
    path.write_text("old")
    with atomic_write(path) as temporary:
        assert temporary.parent == path.parent
        assert temporary.suffix == ".csv"
        assert not temporary.exists()
        temporary.write_text("new")
        assert path.read_text() == "old"
    assert path.read_text() == "new"
    assert os.listdir(tmp_path) == ["log.csv"]


@pytest.mark.parametrize("failure", [KeyboardInterrupt, ValueError, GeneratorExit])
def test_a_failure_leaves_no_temporary_file(tmp_path, failure):
    path = tmp_path / "model.safetensors"
    path.write_text("old")

    def fail_midway():
        with atomic_write(path) as temporary:
            temporary.write_text("half of the n")
            raise failure

    with pytest.raises(failure):
        fail_midway()
    assert path.read_text() == "old"
    assert os.listdir(tmp_path) == [path.name]


def test_creates_parent_folders(tmp_path):
    path = tmp_path / "runs" / "first" / "log.csv"
    with atomic_write(path) as temporary:
        temporary.write_text("new")
    assert path.read_text() == "new"


def test_accepts_a_relative_path_and_the_longest_name(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    path = Path("n" * 251 + ".csv")
    with atomic_write(path) as temporary:
        temporary.write_text("new")
    assert path.read_text() == "new"


def test_follows_a_link(tmp_path):
    target = tmp_path / "elsewhere" / "target.csv"
    link = tmp_path / "link.csv"
    link.symlink_to(target)
    with atomic_write(link) as temporary:
        temporary.write_text("new")
    assert link.is_symlink()
    assert target.read_text() == "new"


def test_gives_the_usual_permissions(tmp_path):
    plain = tmp_path / "plain"
    plain.write_text("")
    with atomic_write(tmp_path / "new") as temporary:
        temporary.write_text("")
    assert (tmp_path / "new").stat().st_mode == plain.stat().st_mode


def test_errors_say_why_writing_failed_in_the_given_class(tmp_path):
    path = tmp_path / "out.png"
    full = OSError(errno.ENOSPC, "No space left on device")
    with pytest.raises(ImageError) as caught, atomic_write(path, error=ImageError):
        raise full
    assert str(caught.value) == (
        f"{path} could not be written (No space left on device): "
        "free some space or choose another place."
    )
    assert caught.value.__cause__ is full


def test_impasto_errors_pass_through(tmp_path):
    with pytest.raises(ImpastoError, match="mine"), atomic_write(tmp_path / "out"):
        raise ImpastoError("mine")


def test_refuses_a_folder(tmp_path):
    with pytest.raises(ImpastoError) as caught, atomic_write(tmp_path):
        pass
    assert str(caught.value) == f"{tmp_path} is a folder: name a file in it."


def test_refuses_a_device():
    with pytest.raises(ImpastoError, match=r"^/dev/null is a device or pipe"):
        check_writable(Path("/dev/null"))


def test_refuses_a_file_as_folder(tmp_path):
    (tmp_path / "notes").write_text("")
    path = tmp_path / "notes" / "deep" / "out.png"
    with pytest.raises(ImpastoError) as caught:
        check_writable(path)
    assert str(caught.value) == (
        f"{path} cannot be written because {tmp_path / 'notes'} is a file: choose another folder."
    )


def test_refuses_a_folder_without_permission(tmp_path, monkeypatch):
    # Not by chmod, which does not stop the superuser that tests often run as.
    monkeypatch.setattr(os, "access", lambda path, mode: Path(path) != tmp_path)
    with pytest.raises(ImpastoError, match=r"no permission to write in .*: choose another folder"):
        check_writable(tmp_path / "deep" / "out.png")


@pytest.mark.skipif(not Path("/proc/self").exists(), reason="there is no /proc here")
@pytest.mark.parametrize("name", ["/proc/out.png", "/proc/new/out.png"])
def test_refuses_a_folder_that_only_looks_writable(name):
    with pytest.raises(ImageError, match=r"cannot be written in /proc"):
        check_writable(Path(name), error=ImageError)


def test_a_full_disk_may_have_room_later(tmp_path, monkeypatch):
    def full(*_: object) -> int:
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(os, "open", full)
    assert check_writable(tmp_path / "out.png") == tmp_path / "out.png"


def test_checking_creates_nothing(tmp_path):
    path = tmp_path / "deep" / "out.png"
    assert check_writable(path) == path
    assert os.listdir(tmp_path) == []


def test_files_that_do_not_outlive_the_program_do_not_wait_for_the_disk(tmp_path, monkeypatch):
    waited = []
    monkeypatch.setattr(os, "fsync", waited.append)
    for _ in range(2):
        with short_lived_files(), atomic_write(tmp_path / "a") as temporary:
            temporary.write_text("new")
    assert ((tmp_path / "a").read_text(), waited) == ("new", [])
    with atomic_write(tmp_path / "a") as temporary:
        temporary.write_text("newer")
    assert len(waited) == 1
