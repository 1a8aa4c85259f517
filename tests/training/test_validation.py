"""How well a network in training paints: scores by hand, and pairs that can be painted."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch

from helpers.random_inputs import smooth_picture
from helpers.tiny_networks import any_style, fixed_styles
from impasto import images
from impasto.errors import InputDataError
from impasto.images.picture import Picture
from impasto.networks.style_predictor import STYLE_LAYERS
from impasto.training.validation import (
    Pair,
    Validation,
    read_evenly_spaced,
    read_pairs,
    score_painting,
)


def test_a_score_by_hand(encoder):
    painted, content, style = (smooth_picture(64, 80, seed=seed) for seed in (1, 2, 3))

    def gram(picture: torch.Tensor, layer: str) -> torch.Tensor:
        x = encoder(picture, [layer])[layer].flatten(2)[0]
        return x @ x.T / x.shape[1]

    errors = []
    for layer in STYLE_LAYERS:
        expected = gram(style, layer)
        errors.append((gram(painted, layer) - expected).square().sum() / expected.square().sum())
    found, kept = (encoder(picture, ["relu4_1"])["relu4_1"] for picture in (painted, content))
    score = score_painting(encoder, painted, content, style)
    assert score.style == pytest.approx(float(torch.stack(errors).mean()), rel=1e-4)
    expected = float((found - kept).square().sum() / kept.square().sum())
    assert score.content == pytest.approx(expected, rel=1e-4)
    assert score_painting(encoder, content, content, style).content == 0
    assert score_painting(encoder, style, content, style).style == pytest.approx(0, abs=1e-6)


def test_a_sheet_of_content_style_and_painting_and_the_mean_score(encoder):
    model = any_style("paint", encoder)
    contents, styles = ([Picture(smooth_picture(64, 96, seed=n)) for n in seeds]
                        for seeds in ((1, 2), (3, 4)))  # fmt: skip
    pairs = [Pair(*pair) for pair in zip(contents, styles, strict=True)]
    score, sheet = Validation(encoder, pairs)(model)
    singles = [Validation(encoder, [pair])(model)[0] for pair in pairs]
    assert score.style == pytest.approx(sum(single.style for single in singles) / 2)
    assert score.content == pytest.approx(sum(single.content for single in singles) / 2)
    assert singles[0] != singles[1]
    assert sheet.width > 3 * 320 * 1.5
    assert 2 * 320 < sheet.height < 2 * 380
    assert model.network.dtype == torch.float32


def test_a_models_own_styles_are_asked_by_name(encoder):
    model, style = fixed_styles("johnson", "a", "b"), Picture(smooth_picture(64, 64, seed=3))
    content = Picture(smooth_picture(64, 96, seed=1))
    scores = [Validation(encoder, [Pair(content, style, name)])(model)[0] for name in "ab"]
    assert scores[0] != scores[1]


# --- Pairs ------------------------------------------------------------------------------------


@pytest.fixture
def paths(tmp_path: Path) -> list[Path]:
    """Of ten pictures; the second and the last are broken, the fourth is a thin line."""
    found = []
    for number in range(10):
        height = 4 if number == 3 else 40
        path = tmp_path / f"{number}.png"
        images.write(path, smooth_picture(height, 60, seed=number))
        if number in (1, 9):
            path.write_bytes(path.read_bytes()[:99])
        found.append(path)
    return found


def names(pictures: list[Picture]) -> str:
    return "".join(picture.path.stem for picture in pictures)


def test_pictures_are_spread_over_the_folder(paths):
    assert names(read_evenly_spaced(paths, 2, 96)) == "27"
    assert names(read_evenly_spaced(paths, 3, 96)) == "158".replace("1", "2")
    assert names(read_evenly_spaced(paths[4:8], 4, 96)) == "4567"
    assert names(read_evenly_spaced(paths[4:5], 3, 96)) == "444"
    assert max(read_evenly_spaced(paths, 1, 96)[0].size) == 96


def test_what_cannot_be_painted_is_passed_over(paths):
    assert names(read_evenly_spaced(paths, 10, 96)) == "0224456780"
    with pytest.raises(InputDataError, match="None of 2 pictures can be painted for validation"):
        read_evenly_spaced([paths[1], paths[3]], 2, 96)


def test_pairs_are_of_both_lists(paths):
    pairs = read_pairs(paths[4:6], paths[6:8], 2, 64)
    assert [names([pair.content, pair.style]) for pair in pairs] == ["46", "57"]
    assert {pair.name for pair in pairs} == {""}
