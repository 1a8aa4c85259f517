"""Folders: everything that can be read, nothing hidden, and what cannot be read is told."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest
from PIL import Image, features

from impasto import images
from impasto.errors import InputDataError

PICTURES = ["a.jpg", "b.jfif", "c.avif", "e.jp2", "f.tga", "g.ppm", "sub/H.PNG", "i.tif", "j.webp"]
if not features.check("avif"):  # Pillow before 11.3
    PICTURES.remove("c.avif")


def save(path: Path) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.new("RGB", (8, 6), "red").save(path)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    for name in PICTURES:
        save(tmp_path / name)
    for name in ("d.HEIC", "x.heic", "y.cr2", "z.svg", "h.mp4", "notes.txt", "p.pdf", "q.eps"):
        (tmp_path / name).write_bytes(b"...")
    return tmp_path


def names(folder: Path, paths: list[Path]) -> list[str]:
    return [path.relative_to(folder).as_posix() for path in paths]


def test_all_formats_are_found(folder):
    found = images.find_pictures(folder)
    both = ["d.HEIC", "x.heic", "y.cr2"]
    assert names(folder, found.pictures) == sorted([*PICTURES, *both])
    assert names(folder, found.unread) == ["z.svg"]
    assert images.list_pictures(folder) == found.pictures
    for path in found.pictures:
        if path.name not in both:
            assert images.read(path).size == (6, 8)


def test_what_is_not_read_is_told_by_kind(folder, monkeypatch):
    for module in ("pillow_heif", "rawpy"):
        monkeypatch.setitem(sys.modules, module, None)
    found = images.find_pictures(folder)
    assert names(folder, found.pictures) == sorted(PICTURES)
    assert found.unread_notes() == [
        f"{folder / 'y.cr2'} is not read: pip install '.[raw]' in the clone, or save as PNG",
        f"{folder / 'd.HEIC'} and 1 more of its kind are not read: "
        "pip install '.[heic]' in the clone, or save as PNG",
        f"{folder / 'z.svg'} is not read: save as PNG",
    ]


def test_hidden_files_and_what_a_mac_adds_are_passed_over(tmp_path):
    for name in (".hidden.jpg", ".thumbs/a.jpg", "__MACOSX/a.jpg", "sub/.b.png", "a.jpg"):
        save(tmp_path / name)
    (tmp_path / "._a.jpg").write_bytes(b"\x00\x05\x16\x07")
    (tmp_path / ".DS_Store").write_bytes(b"...")
    assert names(tmp_path, images.list_pictures(tmp_path)) == ["a.jpg"]
    save(tmp_path / ".dot" / "b.png")
    assert names(tmp_path, images.list_pictures(tmp_path / ".dot")) == [".dot/b.png"]


def test_a_folder_of_unread_pictures_says_so(tmp_path):
    (tmp_path / "a.jxl").write_bytes(b"...")
    with pytest.raises(InputDataError) as caught:
        images.list_pictures(tmp_path)
    assert str(caught.value) == (
        f"The folder {tmp_path} holds no pictures that can be read: {tmp_path / 'a.jxl'} is not "
        "read: save as PNG."
    )
