"""Colours of videos: Y'CbCr of any matrix and range, other primaries and HDR, to sRGB and back.

Codes are those of ITU-T H.273. The curves of Rec. 601, 709 and 2020 count as that of sRGB, as in
every player: a video looks like a picture with the same values.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from dataclasses import dataclass

import torch
import torch.nn.functional as F
from torch import Tensor

from impasto.colour.spaces import from_linear
from impasto.images.rgb_spaces import convert, hdr_curve, space_of_code_points

UNSPECIFIED, RGB, LIMITED, FULL = 2, 0, 1, 2

_LUMA: Mapping[int, tuple[float, float]] = {
    1: (0.2126, 0.0722),
    4: (0.30, 0.11),
    5: (0.299, 0.114),
    6: (0.299, 0.114),
    7: (0.212, 0.087),
    9: (0.2627, 0.0593),
    10: (0.2627, 0.0593),
}
"""Matrix → weights of red and blue in the luma."""

_NAMES: Mapping[int, str] = {1: "Rec. 709", 5: "Rec. 601", 6: "Rec. 601", 9: "Rec. 2020"}

WHITE_NITS = 203.0
"""Luminance of white paper in HDR (ITU-R BT.2408), which becomes white of SDR."""

PEAK_NITS = 1000.0
"""Luminance that becomes the brightest white; what is brighter is clipped."""

_KNEE = 0.75  # share of white up to which light stays as it is


@dataclass(frozen=True)
class Coding:
    """How a video's numbers mean colours.

    Attributes:
        matrix: Of Y'CbCr; 0 for RGB.
        primaries: Of its RGB.
        transfer: Its curve.
        is_full: Whether levels use the full range, 0 to 255 of 8 bits.
        depth: Bits a sample.
    """

    matrix: int = 1
    primaries: int = 1
    transfer: int = 1
    is_full: bool = False
    depth: int = 8

    def completed(self, size: tuple[int, int]) -> Coding:
        """With a matrix if none is named: Rec. 601 up to the size of DVDs, else Rec. 709."""
        if self.matrix in _LUMA or self.matrix == RGB:
            return self
        height, width = size
        matrix = 1 if width >= 1280 or height > 576 else 6
        return dataclasses.replace(self, matrix=matrix)

    @property
    def hdr(self) -> str:
        """``"PQ"`` or ``"HLG"`` for high dynamic range, else empty."""
        return hdr_curve(self.transfer)

    @property
    def about(self) -> str:
        """For people: matrix, range and bits."""
        kind = "RGB" if self.matrix == RGB else _NAMES.get(self.matrix, f"matrix {self.matrix}")
        span = "full" if self.is_full else "limited"
        return f"{kind}, {span} range, {self.depth} bits" + (f", {self.hdr}" if self.hdr else "")


SRGB_VIDEO = Coding()
"""How painted frames are written: Rec. 709 of limited range, what players take for granted."""


def to_srgb(planes: tuple[Tensor, Tensor, Tensor], coding: Coding) -> Tensor:
    """The picture (1, 3, H, W) in [0, 1], sRGB, of planes as they are stored.

    Args:
        planes: Y', Cb, Cr (H, W), the last two also half as wide, or half as wide and high; of RGB
            G, B, R, as FFmpeg keeps them. Integers or floats of any type.
        coding: What they mean; completed.
    """
    picture = _to_rgb(planes, coding)
    if coding.hdr:
        return _tone_mapped(picture, coding)
    primaries = {7: 6}.get(coding.primaries, coding.primaries)
    space = space_of_code_points(primaries, coding.transfer)
    if space is None:
        return picture
    pixels = convert(picture[0].permute(1, 2, 0).contiguous().numpy(), space)
    return torch.from_numpy(pixels).permute(2, 0, 1)[None].contiguous()


def from_srgb(
    picture: Tensor, coding: Coding, *, subsampling: tuple[int, int]
) -> tuple[Tensor, Tensor, Tensor]:
    """Planes of an sRGB picture: Y', Cb, Cr; of RGB G, B, R. Floats of whole levels.

    Args:
        picture: (1, 3, H, W) in [0, 1]; its sides are multiples of the subsampling.
        coding: What the planes are to mean; its primaries and curve are sRGB's.
        subsampling: Rows and columns that share a sample of Cb and Cr, 1 or 2 each.
    """
    red, green, blue = picture[0].float()
    scale, offset, chroma_scale, centre = _levels(coding)
    top = float(2**coding.depth - 1)
    if coding.matrix == RGB:
        planes = [(offset + scale * part).round().clamp(0, top) for part in (green, blue, red)]
        return planes[0], planes[1], planes[2]
    kr, kb = _LUMA[coding.matrix]
    luma = kr * red + (1 - kr - kb) * green + kb * blue
    chroma = torch.stack([(blue - luma) / (2 * (1 - kb)), (red - luma) / (2 * (1 - kr))])
    cb, cr = _subsampled(chroma, subsampling)
    return (
        (offset + scale * luma).round().clamp(0, top),
        (centre + chroma_scale * cb).round().clamp(0, top),
        (centre + chroma_scale * cr).round().clamp(0, top),
    )


def _levels(coding: Coding) -> tuple[float, float, float, float]:
    """Range and black of the luma, range and centre of chroma."""
    unit, centre = float(2 ** (coding.depth - 8)), float(2 ** (coding.depth - 1))
    if coding.is_full:
        top = float(2**coding.depth - 1)
        return top, 0.0, top, centre
    return 219 * unit, 16 * unit, 224 * unit, centre


def _to_rgb(planes: tuple[Tensor, Tensor, Tensor], coding: Coding) -> Tensor:
    """R'G'B' of the video's own primaries and curve, clipped to [0, 1]."""
    scale, offset, chroma_scale, centre = _levels(coding)
    if coding.matrix == RGB:
        green, blue, red = ((plane.float() - offset) / scale for plane in planes)
        return torch.stack([red, green, blue])[None].clamp_(0, 1)
    luma = (planes[0].float() - offset) / scale
    size = (luma.shape[0], luma.shape[1])
    chroma = (torch.stack([planes[1], planes[2]]).float() - centre) / chroma_scale
    cb, cr = _at_full_size(chroma, size)
    kr, kb = _LUMA[coding.matrix]
    red, blue = luma + 2 * (1 - kr) * cr, luma + 2 * (1 - kb) * cb
    green = (luma - kr * red - kb * blue) / (1 - kr - kb)
    return torch.stack([red, green, blue])[None].clamp_(0, 1)


def _at_full_size(chroma: Tensor, size: tuple[int, int]) -> Tensor:
    """Cb and Cr (2, h, w) at each pixel: samples lie on even columns, and between two rows."""
    height, width = size
    if chroma.shape[-1] < width:
        after = F.pad(chroma, (0, 1), mode="replicate")[..., 1:]
        chroma = torch.stack([chroma, (chroma + after) / 2], -1).flatten(-2)[..., :width]
    if chroma.shape[-2] < height:
        padded = F.pad(chroma, (0, 0, 1, 1), mode="replicate")
        here, above, below = padded[:, 1:-1], padded[:, :-2], padded[:, 2:]
        upper, lower = (3 * here + above) / 4, (3 * here + below) / 4
        chroma = torch.stack([upper, lower], 2).flatten(1, 2)[:, :height]
    return chroma


def _subsampled(chroma: Tensor, subsampling: tuple[int, int]) -> Tensor:
    """The inverse: samples on even columns, between two rows."""
    if subsampling[1] == 2:
        padded = F.pad(chroma, (1, 0), mode="replicate")
        chroma = (padded[..., :-1:2] + 2 * padded[..., 1::2] + _next(padded)) / 4
    if subsampling[0] == 2:
        chroma = (chroma[:, ::2] + chroma[:, 1::2]) / 2
    return chroma


def _next(padded: Tensor) -> Tensor:
    """Every column after an even one, of maps with a column before the first."""
    return padded[..., 2::2]


# --- high dynamic range ---------------------------------------------------------------------------


def _tone_mapped(picture: Tensor, coding: Coding) -> Tensor:
    """An HDR picture as sRGB: light up to the knee as it is, above it compressed up to the peak."""
    light = (_pq_light(picture) if coding.hdr == "PQ" else _hlg_light(picture)) / WHITE_NITS
    brightest = light.amax(1, keepdim=True).clamp_min(1e-6)
    light = light * (_rolled_off(brightest, PEAK_NITS / WHITE_NITS) / brightest)
    space = space_of_code_points(coding.primaries, 8)
    if space is not None:
        matrix = torch.from_numpy(space.to_srgb).float()
        light = torch.einsum("ij,bjhw->bihw", matrix, light)
    return from_linear(light.clamp(0, 1)).clamp(0, 1)


def _rolled_off(light: Tensor, peak: float) -> Tensor:
    """Light of 0 to ``peak`` → 0 to 1: as it is up to the knee, then with a falling slope."""
    span = (peak - _KNEE) / (1 - _KNEE)
    above = (light - _KNEE).clamp(0, peak - _KNEE) / (1 - _KNEE)
    rolled = above * (1 + above / span**2) / (1 + above)
    return torch.where(light <= _KNEE, light, _KNEE + (1 - _KNEE) * rolled)


def _pq_light(picture: Tensor) -> Tensor:
    """Luminance in cd/m² of PQ values (SMPTE ST 2084)."""
    m1, m2 = 2610 / 16384, 2523 / 4096 * 128
    c1, c2, c3 = 3424 / 4096, 2413 / 4096 * 32, 2392 / 4096 * 32
    power = picture ** (1 / m2)
    return 10000 * ((power - c1).clamp_min(0) / (c2 - c3 * power)) ** (1 / m1)


def _hlg_light(picture: Tensor) -> Tensor:
    """Luminance in cd/m² of HLG values on a display of 1000 cd/m² (ITU-R BT.2100)."""
    a, b, c = 0.17883277, 0.28466892, 0.55991073
    scene = torch.where(picture <= 0.5, picture**2 / 3, (((picture - c) / a).exp() + b) / 12)
    weights = torch.tensor([0.2627, 0.6780, 0.0593]).view(1, 3, 1, 1)
    luminance = (scene * weights).sum(1, keepdim=True).clamp_min(1e-6)
    return PEAK_NITS * luminance**0.2 * scene
