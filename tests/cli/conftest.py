"""What several tests of commands start from."""

from __future__ import annotations

import pytest

from helpers.random_inputs import smooth_picture
from impasto import images


@pytest.fixture
def folder_of_two(tmp_path, monkeypatch):
    """A working folder with the pictures a.png and b.png, 48×64 px."""
    monkeypatch.chdir(tmp_path)
    for name in "ab":
        images.write(f"{name}.png", smooth_picture(48, 64, seed=ord(name)))
    return tmp_path
