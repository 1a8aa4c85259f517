"""Errors for unknown spaces and methods, and for shapes that do not fit."""

from __future__ import annotations

import pytest
import torch

from helpers.pixels import random_picture
from impasto.colour import matching, spaces
from impasto.errors import OptionError


@pytest.mark.parametrize(
    "call",
    [
        lambda picture: matching.keep_chroma(picture, picture, "okla"),
        lambda picture: spaces.fit_gamut(picture, "okla"),
        lambda picture: spaces.lightness_picture(picture, "okla"),
        lambda picture: matching.match_lightness(picture, picture, "okla"),
    ],
)
def test_unknown_space_is_an_error(call):
    with pytest.raises(OptionError, match=r"Unknown colour space 'okla': .* Did you mean 'oklab'?"):
        call(random_picture())


def test_unknown_method_is_an_error():
    with pytest.raises(OptionError, match="Unknown colour matching 'hist': choose one of cholesky"):
        matching.match_colours(random_picture(), random_picture(), "hist")


def test_shapes_that_do_not_fit_are_errors():
    picture = random_picture(size=(4, 5))
    with pytest.raises(OptionError, match=r"\(1, 3, 4, 5\) and \(1, 3, 5, 4\): resize one"):
        matching.keep_chroma(picture, picture.mT)
    for bad in (picture[0], picture[:, :1], picture[..., :0]):
        with pytest.raises(OptionError, match=r"have the shape \(B, 3, H, W\)"):
            matching.match_colours(picture, bad)
    with pytest.raises(OptionError, match="do not pair up"):
        matching.match_lightness(picture.expand(2, -1, -1, -1), picture.expand(3, -1, -1, -1))
    for weights, message in (
        (torch.ones(1, 1, 5, 4), "does not fit"),
        (torch.ones(2, 1, 4, 5), "2 weight maps cannot be of 1 picture: give one for each"),
        (torch.zeros(1, 1, 4, 5), "zero everywhere"),
    ):
        with pytest.raises(OptionError, match=message):
            matching.match_colours(picture, picture, style_weights=weights)
