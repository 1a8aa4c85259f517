"""Metrics of sets."""

import pytest

from helpers.results_to_evaluate import write_one_method
from impasto import images
from impasto.errors import ImageError
from impasto.evaluation.matching import References
from impasto.evaluation.results import EvaluatedResult
from impasto.evaluation.set_metrics import SetEvaluator


@pytest.fixture(scope="module")
def world(tmp_path_factory):
    return write_one_method(tmp_path_factory.mktemp("world"))


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
