"""Metrics of sets."""

import pytest
import torch

from helpers.metadata import paint_metadata
from helpers.random_inputs import smooth_picture
from impasto import images
from impasto.errors import ImageError
from impasto.evaluation.matching import References
from impasto.evaluation.results import EvaluatedResult
from impasto.evaluation.set_metrics import SetEvaluator


@pytest.fixture(scope="module")
def world(tmp_path_factory):
    """Three results of two contents and two styles, one of which is used twice."""
    folder = tmp_path_factory.mktemp("world")
    for place, seeds in (
        ("photos/cat", 1),
        ("photos/dog", 2),
        ("paintings/sea", 3),
        ("paintings/sky", 4),
    ):
        images.write(folder / f"{place}.png", smooth_picture(80, 96, seed=seeds))
    for content, style in (("cat", "sea"), ("dog", "sea"), ("dog", "sky")):
        one, other = (
            images.read(folder / place).tensor
            for place in (f"photos/{content}.png", f"paintings/{style}.png")
        )
        told = paint_metadata(f"{content}.png", [f"{style}.png"])
        path = folder / "out" / f"{content}-{style}.png"
        images.write(path, torch.lerp(one, other, 0.4), metadata=told)
    return folder


def test_methods_are_separate_and_large_results_downscaled(world, kept, tmp_path):
    references = References(world / "photos/cat.png", world / "paintings/sea.png")
    large = tmp_path / "large.png"
    images.write(large, images.resize(images.read(world / "out/cat-sea.png").tensor, (160, 192)))
    sets = SetEvaluator(["fid"], size=96)
    paths = [world / "out/cat-sea.png", world / "out/dog-sea.png", large]
    assert [sets(path, references) for path in paths] == [{}, {}, {}]
    rows = [EvaluatedResult(m, p, references, {}) for m, p in zip("aab", paths, strict=True)]
    assert set(sets.values(rows)) == {"a"}
    rows[2] = EvaluatedResult("a", large, references, {})
    assert set(sets.values(rows)) == {"a"}
    with pytest.raises(ImageError, match="too small for Inception-v3"):
        SetEvaluator(["fid"], size=64)(large, references)
