"""Pictures are listed in order, a folder at a time, and by patterns as the shell knows them."""

from __future__ import annotations

import io
import json
import random

import pytest

from impasto.batch import listing
from impasto.batch.inputs import read_input
from impasto.batch.tars import expand_ranges
from impasto.errors import OptionError


@pytest.fixture
def folder(tmp_path):
    for name in ("b.jpg", "a/c.png", "a/b/d.webp", "a/note.txt", ".hidden/x.png", "a/.y.png",
                 "__MACOSX/a.png", "_batch/z.png", "z.heic", "e[1].png"):  # fmt: skip
        path = tmp_path / "photos" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.touch()
    return tmp_path / "photos"


def names(place, exclude=None):
    return sorted(read_input(str(place)).names(exclude=exclude))


def test_pictures_of_a_folder(folder):
    expected = ["a/b/d.webp", "a/c.png", "b.jpg", "e[1].png", "z.heic"]
    assert names(folder) == expected
    assert names(folder, exclude=folder / "a") == expected[2:]


@pytest.mark.parametrize("pattern", ["*.png", "**/*.png", "a/*", "a/**/*.webp", "[bz].*", "?.jpg"])
def test_patterns_match_what_pathlib_matches(folder, pattern):
    found = {f"{read_input(f'{folder}/{pattern}').base}/{name}"
             for name in names(f"{folder}/{pattern}")}  # fmt: skip
    wanted = {str(path) for path in folder.glob(pattern) if path.is_file()}
    allowed = {f"{folder}/{name}" for name in names(folder)}
    assert found == wanted & allowed
    assert found


def test_many_names_are_sorted_in_runs(monkeypatch):
    monkeypatch.setattr(listing, "RUN", 7)
    monkeypatch.setattr(listing, "_OPEN", 3)
    given = [f"{number:03}-ü\udcff.png" for number in range(50)]
    shuffled = random.Random(1).sample(given, len(given))
    file = io.BytesIO()
    assert listing.write_sorted(iter(shuffled), file) == 50
    assert [json.loads(line)["content"] for line in file.getvalue().splitlines()] == given


def test_ranges_of_archives():
    assert list(expand_ranges("a-{08..11}.tar")) == [f"a-{n:02}.tar" for n in range(8, 12)]
    assert list(expand_ranges("{0..1}/{0..1}.tar")) == ["0/0.tar", "0/1.tar", "1/0.tar", "1/1.tar"]
    endless = expand_ranges("a-{0..999999999999}.tar")
    assert next(endless) == "a-0.tar"  # one by one
    with pytest.raises(OptionError):
        next(expand_ranges("a-{3..1}.tar"))
