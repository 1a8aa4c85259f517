"""Strokes: their size, and coarse and fine ones from different styles."""

import pytest
import torch

from helpers.quick_paintings import COLD, FAST, LAYERS, WARM, finish, gram_distances, stripes
from helpers.random_inputs import smooth_picture
from impasto.errors import OptionError
from impasto.images.picture import Picture
from impasto.painting.objective_builder import COARSE, FINE, Style
from impasto.painting.painter import Painter


def centroid(picture):
    """The mean frequency of a picture's brightness along its rows, cycles a pixel."""
    rows = picture.mean(1)[0]
    rows = rows - rows.mean(1, keepdim=True)
    power = torch.fft.rfft(rows).abs().square().mean(0)
    return float((power * torch.fft.rfftfreq(rows.shape[1])).sum() / power.sum())


def test_style_scale_changes_the_stroke_frequency(sample):
    lines = stripes((96, 96), 8, upright=True, dark=(0.1, 0.1, 0.1), bright=(0.9, 0.9, 0.9))
    noise = Picture(0.5 + 0.2 * (smooth_picture(96, 96, seed=5) - 0.5))
    recipe = FAST.replace(content_weight=0, init="noise", scales=1, steps=30)
    frequencies = {}
    for scale in (0.5, 1.0, 2.0):
        painter = Painter(noise, [lines], recipe.replace(style_scale=scale), encoder=sample[2])
        frequencies[scale] = centroid(finish(painter))
    assert frequencies[0.5] > 1.25 * frequencies[1.0] > 1.25 * 1.25 * frequencies[2.0]


def test_levels_take_coarse_and_fine_from_different_styles(encoder, paint):
    for coarse, fine in ((WARM, COLD), (COLD, WARM)):
        picture = paint(
            [Style(coarse, level=COARSE), Style(fine, level=FINE)], init="noise", content_weight=0
        )
        to_coarse = gram_distances(encoder, picture, coarse.tensor)
        to_fine = gram_distances(encoder, picture, fine.tensor)
        for layer in LAYERS:
            near, far = to_fine[layer], to_coarse[layer]
            if encoder.stride(layer) > 2:
                near, far = far, near
            assert near < 0.9 * far


def test_invalid_levels(encoder, content):
    def paint(*styles, **changes):
        Painter(content, styles, FAST.replace(**changes), encoder=encoder)

    for level, other in ((FINE, COARSE), (COARSE, FINE)):
        with pytest.raises(OptionError, match=rf"^No style is given for the {other} level"):
            paint(Style(WARM, level=level))
        paint(Style(WARM, level=level), Style(COLD))  # one for all layers fills in
    with pytest.raises(OptionError, match=r"Unknown level of a style 'corse'.*coarse"):
        paint(Style(WARM), Style(COLD, level="corse"))
    with pytest.raises(OptionError, match=r"coarse level, but none of style_layers \(relu1_1\)"):
        paint(Style(WARM, level=COARSE), Style(COLD, level=FINE), style_layers={"relu1_1": 1})
    with pytest.raises(
        OptionError, match="Levels of styles need an encoder whose strides are known"
    ):
        Painter(content, [Style(WARM, level=FINE)], FAST, encoder=lambda image, layers: {})
