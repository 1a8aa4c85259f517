"""Frames are painted as pictures are: mixtures, masks, colour modes, strengths, own models."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from PIL import Image

from helpers.clips import make_clip
from helpers.painted_clips import paint_clip, request_for
from helpers.tiny_networks import fixed_styles
from impasto import images
from impasto.errors import ImpastoError
from impasto.jobs.api import stylize
from impasto.jobs.requests import StyleInput, StylizeRequest, as_region_specs
from impasto.jobs.video_request import VideoRequest
from impasto.networks.files import save_network
from impasto.video.open_clip import open_clip


@pytest.fixture(scope="module")
def clip(tmp_path_factory):
    return make_clip(tmp_path_factory.mktemp("clip") / "clip.mp4", 3, size=(32, 48))


def source_frames(clip):
    opened = open_clip(clip)
    frames = [shown.read()[0] for shown in opened.shown()]
    opened.close()
    return frames


def painted(clip, folder, *styles, picture=None):
    """The frames (3, H, W), without loss, each painted by itself."""
    result, _ = paint_clip(request_for(clip, *styles, picture=picture, steady=0.0), folder)
    assert result.frames == 3
    return [images.read(path).tensor for path in sorted(folder.iterdir())]


def check_equal_to_pictures(clip, frames, style, **options):
    for frame, source in zip(frames, source_frames(clip), strict=True):
        expected = stylize(images.Picture(source), style, device="cpu", **options).tensor
        assert (frame - expected).abs().max() < 1.5 / 255


def test_a_mixture(clip, tmp_path):
    shares = (StyleInput("great-wave", 0.7), StyleInput("scream", 0.3))
    request = VideoRequest(StylizeRequest(str(clip), shares), steady=0.0)
    result, _ = paint_clip(request, tmp_path / "frames")
    frames = [images.read(path).tensor for path in sorted((tmp_path / "frames").iterdir())]
    assert result.frames == 3
    check_equal_to_pictures(clip, frames, ["great-wave", "scream"], shares=[0.7, 0.3])


@pytest.mark.parametrize(
    "options",
    [
        {"strength": 0.4},
        {"style_scale": 0.5},
        {"colour": "content"},
        {"colour": "luminance"},
    ],
)
def test_an_option_of_pictures(clip, tmp_path, options):
    frames = painted(clip, tmp_path / "frames", picture=options)
    check_equal_to_pictures(clip, frames, "great-wave", **options)


def test_a_still_mask(clip, tmp_path):
    mask = np.zeros((32, 48), np.uint8)
    mask[:, :24] = 255
    Image.fromarray(mask).save(tmp_path / "mask.png")
    regions = [f"kept={tmp_path / 'mask.png'}"]
    frames = painted(clip, tmp_path / "frames", picture={"regions": as_region_specs(regions)})
    check_equal_to_pictures(clip, frames, "great-wave", regions=regions)
    for frame, source in zip(frames, source_frames(clip), strict=True):
        off = (frame - source).abs().mean(1)[0]
        assert off[:, :20].max() < 1.5 / 255
        assert off[:, 28:].mean() > 0.03


def test_labels_of_regions_with_a_picture_of_labels_for_the_style(clip, tmp_path):
    labels = np.zeros((32, 48, 3), np.uint8)
    labels[:, 24:] = (255, 0, 0)
    Image.fromarray(labels).save(tmp_path / "labels.png")
    Image.fromarray(np.uint8(255 * np.random.default_rng(0).random((64, 64, 3)))).save(
        tmp_path / "style.png"
    )
    styles = np.zeros((64, 64, 3), np.uint8)
    styles[32:] = (255, 0, 0)
    Image.fromarray(styles).save(tmp_path / "style-labels.png")
    masks = {
        "mask": str(tmp_path / "labels.png"),
        "style_mask": str(tmp_path / "style-labels.png"),
    }
    style = str(tmp_path / "style.png")
    frames = painted(clip, tmp_path / "frames", style, picture=masks)
    check_equal_to_pictures(clip, frames, style, **masks)


def test_a_style_picture_is_matched_to_the_colours_of_the_clip(clip, tmp_path):
    noise = np.random.default_rng(0).random((64, 64, 1)) * (60, 60, 255)
    Image.fromarray(noise.astype(np.uint8)).save(tmp_path / "blue.png")
    style = str(tmp_path / "blue.png")
    frames = painted(clip, tmp_path / "match", style, picture={"colour": "match"})
    plain = painted(clip, tmp_path / "plain", style)
    means = [torch.stack([frame.mean((2, 3))[0] for frame in some]) for some in (frames, plain)]
    source = torch.stack([frame.mean((2, 3))[0] for frame in source_frames(clip)])
    assert (means[0] - source).abs().mean() < 0.6 * (means[1] - source).abs().mean()


def test_an_own_model(clip, tmp_path):
    model = fixed_styles("johnson", "a", "b")
    save_network(tmp_path / "own.safetensors", model, dtype=torch.float32)
    named = {"model": str(tmp_path / "own.safetensors")}
    frames = painted(clip, tmp_path / "frames", "b", picture=named)
    check_equal_to_pictures(clip, frames, "b", **named)
    with pytest.raises(ImpastoError, match="Unknown style of this model 'c'"):
        paint_clip(request_for(clip, "c", picture=named), tmp_path / "more")
