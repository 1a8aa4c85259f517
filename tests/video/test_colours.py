"""Colours of videos, against swscale and against values of the standards."""

from __future__ import annotations

import av
import numpy as np
import pytest
import torch

from helpers.clips import picture
from impasto.video.colours import Coding, from_srgb, to_srgb
from impasto.video.planes import coding_of, frame_of, picture_of


def smooth() -> torch.Tensor:
    """A picture without edges, so that subsampled chroma can be told exactly."""
    rows, columns = np.mgrid[0:32, 0:48] / 48
    pixels = np.stack([0.2 + 0.6 * columns, 0.3 + 0.4 * rows, 0.7 - 0.5 * columns * rows])
    return torch.from_numpy(pixels).float()[None]


@pytest.mark.parametrize("is_full", [False, True])
@pytest.mark.parametrize("matrix", [1, 5, 9])
@pytest.mark.parametrize("name", ["yuv420p", "yuv422p", "yuv444p", "yuv420p10le", "yuv444p12le"])
def test_a_picture_comes_back_from_planes(name, matrix, is_full):
    depth = 8 if name.endswith("p") else int(name[-4:-2])
    coding = Coding(matrix=matrix, is_full=is_full, depth=depth)
    frame = frame_of(av, smooth(), name, coding)
    read = coding_of(frame, None)
    assert (read.matrix, read.is_full, read.depth) == (matrix, is_full, depth)
    back, alpha = picture_of(frame, read)
    assert alpha is None
    off = (back - smooth()).abs()[..., 2:-2, 2:-2]  # at the border, chroma has no neighbour
    assert off.max() < 3.2 / 2**depth + 0.002 * ("444" not in name)


@pytest.mark.parametrize("is_full", [False, True])
@pytest.mark.parametrize("matrix", [1, 5])
def test_it_agrees_with_swscale(matrix, is_full):
    rgb = av.VideoFrame.from_ndarray(picture(3), format="rgb24")
    yuv = rgb.reformat(
        format="yuv444p",
        dst_colorspace={1: "ITU709", 5: "ITU601"}[matrix],
        dst_color_range="JPEG" if is_full else "MPEG",
    )
    coding = Coding(matrix=matrix, is_full=is_full)
    mine, _ = picture_of(yuv, coding)
    expected = torch.from_numpy(picture(3)).permute(2, 0, 1)[None] / 255
    assert (mine - expected).abs().max() < 0.02
    planes = from_srgb(expected, coding, subsampling=(1, 1))
    for plane, values in zip(yuv.planes, planes, strict=True):
        theirs = np.frombuffer(plane, np.uint8).reshape(plane.height, -1)[:, : plane.width]
        assert np.abs(theirs.astype(int) - values.numpy()).max() <= 2


def grey(value: float, coding: Coding) -> float:
    """The sRGB grey of a grey of HDR."""
    levels = torch.full((4, 4), 64 + 876 * value)  # 10 bits, limited range
    middle = torch.full((4, 4), 512.0)
    result = to_srgb((levels, middle, middle), coding)
    assert (result - result.mean()).abs().max() < 1e-3
    return float(result.mean())


def srgb(light: float) -> float:
    return 1.055 * light ** (1 / 2.4) - 0.055


def test_light_of_pq_below_the_knee_stays_as_it_is():
    coding = Coding(matrix=9, primaries=9, transfer=16, depth=10)
    # ITU-R BT.2408: 100 cd/m² is the PQ value 0.508; white paper, 203 cd/m², is 0.581.
    assert grey(0.5081, coding) == pytest.approx(srgb(100 / 203), abs=0.003)
    values = [grey(v / 100, coding) for v in range(0, 101, 5)]
    assert values == sorted(values)
    assert grey(0.7518, coding) == pytest.approx(1, abs=0.002)  # 1000 cd/m²
    assert 0.9 < grey(0.581, coding) < 0.96


def test_light_of_hlg():
    coding = Coding(matrix=9, primaries=9, transfer=18, depth=10)
    # ITU-R BT.2408: 75 % of HLG is white paper, 203 cd/m², as 58 % of PQ is.
    of_pq = Coding(matrix=9, primaries=9, transfer=16, depth=10)
    assert grey(0.75, coding) == pytest.approx(grey(0.5807, of_pq), abs=0.005)
    assert grey(1, coding) == pytest.approx(1, abs=0.002)
    assert grey(0, coding) == pytest.approx(0, abs=0.002)


def test_wide_primaries_become_those_of_srgb():
    red = torch.tensor([0.0, 0.0, 1.0]).view(3, 1, 1).expand(3, 2, 2) * 255  # G, B, R
    planes = (red[0], red[1], red[2])
    plain = to_srgb(planes, Coding(matrix=0, primaries=1, transfer=13, is_full=True))
    assert plain[0, :, 0, 0].tolist() == [1, 0, 0]
    half = tuple(plane * 0.5 for plane in (red[0] + 255, red[1] + 255, red[2] + 255))
    wide = to_srgb((half[0], half[1], half[2]), Coding(0, 9, 13, True))
    narrow = to_srgb((half[0], half[1], half[2]), Coding(0, 1, 13, True))
    assert wide[0, 0, 0, 0] >= narrow[0, 0, 0, 0]
    assert wide[0, 1, 0, 0] < narrow[0, 1, 0, 0]  # a red of Rec. 2020 is further from green


def test_a_matrix_that_is_not_named_depends_on_the_size():
    assert Coding(matrix=2).completed((480, 640)).matrix == 6
    assert Coding(matrix=2).completed((720, 1280)).matrix == 1
    assert Coding(matrix=9).completed((480, 640)).matrix == 9
