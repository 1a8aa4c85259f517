"""Metrics of single results."""

import pytest

from helpers.random_inputs import smooth_picture
from helpers.results_to_evaluate import write_two_methods
from impasto import images
from impasto.errors import ImageError, OptionError
from impasto.evaluation.evaluator import Evaluator
from impasto.evaluation.matching import References
from impasto.metrics.features import content_error, gram_error
from impasto.metrics.registry import METRICS, available_metrics
from impasto.metrics.ssim import ssim


@pytest.fixture(autouse=True)
def no_weights(monkeypatch, tmp_path_factory):
    """Only built-in weights; tests/cli/test_evaluate_learned.py has the others."""
    monkeypatch.setenv("IMPASTO_CACHE", str(tmp_path_factory.getbasetemp() / "no cache"))


@pytest.fixture(scope="module")
def world(tmp_path_factory):
    return write_two_methods(tmp_path_factory.mktemp("world"))


def test_values_are_those_of_the_metric_functions(world, encoder):
    evaluate = Evaluator(encoder)
    pair = References(world / "photos/cat.png", world / "paintings/sky.png")
    found = evaluate(world / "out/bold/1.png", pair)
    assert [name for name in found if "." not in name] == available_metrics()
    result, content = (images.read(p).tensor for p in (world / "out/bold/1.png", pair.content))
    style = images.read(pair.style, long_side=64).tensor
    features = [encoder(picture, ["relu2_1", "relu4_1"]) for picture in (result, content, style)]
    assert found["ssim"] == pytest.approx(ssim(result, content).item())
    expected = content_error(features[0]["relu4_1"], features[1]["relu4_1"]).item()
    assert found["content"] == pytest.approx(expected)
    expected = gram_error(features[0]["relu2_1"], features[2]["relu2_1"]).item()
    assert found["gram.relu2_1"] == pytest.approx(expected)
    assert evaluate(world / "out/bold/1.png", pair) == found
    itself = evaluate(world / "photos/cat.png", References(pair.content, pair.content))
    for name in available_metrics():
        expected = 1.0 if METRICS[name].better == "higher" else 0.0
        if METRICS[name].reference:
            assert itself[name] == pytest.approx(expected, abs=1e-6)


def test_a_large_result_is_downscaled(world, encoder, tmp_path):
    large = tmp_path / "large.png"
    images.write(large, images.resize(images.read(world / "out/mild/0.png").tensor, (144, 192)))
    pair = References(world / "photos/cat.png", world / "paintings/sea.png")
    small = Evaluator(encoder, ["ssim", "tv"], size=64)(large, pair)
    assert small["ssim"] > 0.9
    assert Evaluator(encoder, ["ssim", "tv"], size=512)(large, pair)["tv"] < 0.5 * small["tv"]
    assert set(small) == {"ssim", "tv"}


def test_pictures_that_cannot_be_evaluated(world, encoder, tmp_path):
    pair = References(world / "photos/cat.png", world / "paintings/sea.png")
    images.write(tmp_path / "tiny.png", smooth_picture(24, 32, seed=1))
    with pytest.raises(ImageError, match=r"tiny.png is evaluated at 32×24 px: .* at least 32 px"):
        Evaluator(encoder)(tmp_path / "tiny.png", pair)
    assert Evaluator(encoder, ["ssim"])(tmp_path / "tiny.png", pair)["ssim"] < 1
    with pytest.raises(OptionError, match="Did you mean 'ssim'"):
        Evaluator(encoder, ["sssim"])
