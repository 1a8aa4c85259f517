"""Label pictures are searched and labelled strip by strip, with the same result."""

import pytest
import torch
import torch.nn.functional as F

from helpers.random_inputs import smooth_picture
from impasto.images.picture import Picture
from impasto.regions import label_images
from impasto.regions.label_images import _label, _peaks, _slope
from impasto.regions.masks import resize_masks


@pytest.fixture
def labels(monkeypatch):
    """A label picture of five colours with soft edges, more than one strip high."""
    monkeypatch.setattr(label_images, "STRIP_ELEMENTS", 700)
    monkeypatch.setattr("impasto.runtime.strips.STRIP_ELEMENTS", 700)
    palette = torch.tensor([[0, 0, 0], [1, 0, 0], [0, 1, 0], [0, 0, 1], [1, 1, 1.0]])
    index = (smooth_picture(61, 83, seed=1)[0, 0] * 4.99).long()
    picture = F.avg_pool2d(palette[index].permute(2, 0, 1)[None], 3, 1, 1)
    return picture, palette


def test_slopes(labels):
    picture, _ = labels
    whole = (F.max_pool2d(picture, 3, 1, 1) + F.max_pool2d(-picture, 3, 1, 1))[0].amax(0)
    assert _slope(picture[0]).equal(whole)


def test_masks(labels):
    picture, palette = labels
    masks = _label(Picture(picture), palette, (40, 55))
    # An independent labelling, at the centres of the same bins.
    centres = ((picture[0] * (64 - 1e-3)).long() + 0.5) / 64
    nearest = torch.cdist(centres.flatten(1).T, palette).argmin(1).view(61, 83)
    planes = F.one_hot(nearest, 5).permute(2, 0, 1)[None].float()
    torch.testing.assert_close(masks, resize_masks(planes, (40, 55)))


def test_more_colours_than_a_byte_counts(labels):
    picture, _ = labels
    palette = torch.rand(300, 3, generator=torch.Generator().manual_seed(0))
    masks = _label(Picture(picture), palette, (61, 83))
    assert masks.shape == (1, 300, 61, 83)
    assert masks.sum(1).eq(1).all()


def test_peaks_do_not_depend_on_the_strips(labels, monkeypatch):
    picture, _ = labels
    flat = _slope(picture[0]) <= 0.1
    in_strips = _peaks(picture[0], flat, 0.12)
    monkeypatch.setattr("impasto.runtime.strips.STRIP_ELEMENTS", 10**9)
    whole = _peaks(picture[0], flat, 0.12)
    assert [share for share, _ in in_strips] == [share for share, _ in whole]
    assert len(whole) >= 4
    for (_, one), (_, other) in zip(in_strips, whole, strict=True):
        torch.testing.assert_close(one, other)
