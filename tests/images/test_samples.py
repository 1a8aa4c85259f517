"""The sample pictures: files, licences and sizes."""

from __future__ import annotations

import pytest

from impasto import images
from impasto.images import samples


def test_samples_exist_with_a_licence():
    used = {name for pair in samples.PAIRS.values() for name in (pair.content, pair.style)}
    shipped = {path.name for path in samples.SAMPLES.iterdir()} - {"LICENSES.md"}
    assert used == shipped
    lines = (samples.SAMPLES / "LICENSES.md").read_text("utf-8").splitlines()
    licences = [[part.strip() for part in line.split("|")[1:-1]] for line in lines if "|" in line]
    assert {entry[0] for entry in licences[2:]} == shipped
    assert all(len(entry) == 3 and all(entry) for entry in licences)


@pytest.mark.parametrize("pair", samples.PAIRS.values(), ids=samples.PAIRS)
def test_samples_have_credits_and_at_least_512_pixels(pair):
    assert pair.content_credit
    assert pair.style_credit
    for path in (pair.content_path, pair.style_path):
        assert max(images.read(path).size) >= 512
