"""Edge maps and high-frequency energy against SciPy and scikit-image; ``impasto edges``."""

import json
import math

import numpy as np
import pytest
import scipy.ndimage
import skimage.filters
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image

from helpers.random_inputs import smooth_picture
from impasto import images
from impasto.cli.main import run
from impasto.errors import ImageError, OptionError
from impasto.metrics.edges import (
    STEP,
    difference_picture,
    edge_difference,
    edge_map,
    edge_picture,
    high_frequency_energy,
    luma,
)

STEEPEST = math.sqrt(5) / 4


def grey(values):
    """A plain array (H, W) as a picture."""
    plane = torch.as_tensor(values, dtype=torch.float64)
    return plane.expand(1, 3, *plane.shape)


def noise(seed, height=24, width=31):
    random = torch.Generator().manual_seed(seed)
    return torch.rand(2, 3, height, width, generator=random, dtype=torch.float64)


# --- The map --------------------------------------------------------------------------------------


def test_luma_is_that_of_rec_601():
    picture = noise(1)
    red, green, blue = picture.unbind(1)
    torch.testing.assert_close(luma(picture)[:, 0], 0.299 * red + 0.587 * green + 0.114 * blue)


def test_the_map_is_scikit_images_but_for_its_scale():
    picture = noise(2)
    found = edge_map(picture)
    assert found.shape == (2, 1, 24, 31)
    for one, plane in zip(found[:, 0], luma(picture)[:, 0], strict=True):
        expected = skimage.filters.sobel(plane.numpy(), mode="mirror") / math.sqrt(2)
        np.testing.assert_allclose(one.numpy(), expected, atol=1e-12)


def test_a_ramp_has_its_slope_and_a_step_a_half():
    ramp = torch.arange(40.0).mul(0.02).expand(30, 40)
    torch.testing.assert_close(
        edge_map(grey(ramp))[..., 1:-1], torch.full((1, 1, 30, 38), 0.02, dtype=torch.float64)
    )
    torch.testing.assert_close(edge_map(grey(ramp.mT)), edge_map(grey(ramp)).mT)
    step = (torch.arange(40) >= 20).float().expand(30, 40)
    assert edge_map(grey(step)).max().item() == pytest.approx(STEP)
    assert edge_map(grey(torch.full((6, 6), 0.3))).max() == pytest.approx(0, abs=1e-15)


def test_the_steepest_there_is():
    values = torch.zeros(5, 5)
    values[2:4, 3] = values[1, 3] = values[3, 2] = 1  # to the right, and below
    assert edge_map(grey(values))[0, 0, 2, 2].item() == pytest.approx(STEEPEST)


@settings(max_examples=30, deadline=None)
@given(st.integers(0, 10**6), st.integers(5, 12), st.integers(5, 12))
def test_the_map_stays_in_its_range(seed, height, width):
    found = edge_map(noise(seed, height, width).round())
    assert found.min() >= 0
    assert found.max() <= STEEPEST + 1e-9


def test_the_map_turns_and_mirrors_with_the_picture():
    picture = noise(3)
    for change in (lambda x: x.flip(-1), lambda x: x.flip(-2), lambda x: x.mT):
        torch.testing.assert_close(edge_map(change(picture)), change(edge_map(picture)))


# --- Differences ----------------------------------------------------------------------------------


def test_a_difference_is_positive_where_edges_came():
    flat, step = grey(torch.zeros(8, 8)), grey((torch.arange(8) > 3).double().expand(8, 8))
    difference = edge_difference(step, flat)
    assert difference.max().item() == pytest.approx(STEP)
    torch.testing.assert_close(edge_difference(flat, step), -difference)
    red, green, blue = difference_picture(difference)[0, :, 4, 3]
    assert red == 1
    assert green == blue == 0
    red, _, blue = difference_picture(-difference)[0, :, 4, 3]
    assert (red, blue) == (0, 1)
    assert (difference_picture(difference)[..., 0] == 1).all()  # white where nothing changed
    assert edge_picture(edge_map(step))[0, :, 4, 3].tolist() == [1, 1, 1]
    with pytest.raises(OptionError, match="resize one"):
        edge_difference(step, grey(torch.zeros(8, 9)))


# --- High-frequency energy ------------------------------------------------------------------------


def test_energy_is_what_a_gaussian_takes_away():
    picture = noise(4)
    for one, plane in zip(high_frequency_energy(picture), luma(picture)[:, 0].numpy(), strict=True):
        blurred = scipy.ndimage.gaussian_filter(plane, 1, mode="mirror", truncate=4)
        assert one.item() == pytest.approx(np.square(plane - blurred).mean(), rel=1e-9)


@pytest.mark.parametrize("period", [3, 5.3, 10])
def test_energy_of_a_wave_has_a_closed_form(period):
    wave = 0.5 + 0.4 * torch.cos(2 * math.pi * torch.arange(20 * 53.0) / period).expand(12, -1)
    share = 1 - math.exp(-2 * math.pi**2 / period**2)
    found = high_frequency_energy(grey(wave)).item()
    assert found == pytest.approx(0.5 * 0.4**2 * share**2, rel=0.02)
    if period == 5.3:
        assert share == pytest.approx(0.5, abs=0.01)


def test_energy_of_a_chequer_is_a_quarter_though_sobel_sees_nothing():
    chequer = grey((torch.arange(20)[:, None] + torch.arange(20)) % 2)
    assert high_frequency_energy(chequer).item() == pytest.approx(0.25, rel=1e-3)
    assert edge_map(chequer).max() == pytest.approx(0, abs=1e-12)
    assert high_frequency_energy(grey(torch.full((9, 9), 0.7))).item() == pytest.approx(0, abs=1e-9)


@pytest.mark.parametrize("size", [(4, 30), (30, 4), (1, 1)])
def test_too_small(size):
    for function in (edge_map, high_frequency_energy):
        with pytest.raises(ImageError, match="at least 5 px"):
            function(torch.zeros(1, 3, *size))
    assert edge_map(torch.zeros(1, 3, 5, 5)).shape == (1, 1, 5, 5)


# --- impasto edges --------------------------------------------------------------------------------


@pytest.fixture
def pictures(tmp_path):
    """A photograph, and a folder of two results of another size."""
    for name, size, seed in (
        ("photo.png", (60, 90), 1), ("out/one.png", (40, 60), 1), ("out/two.png", (40, 60), 2),
    ):  # fmt: skip
        images.write(tmp_path / name, smooth_picture(*size, seed=seed))
    return tmp_path


def test_a_sheet_of_a_picture_and_its_map(pictures, capsys):
    sheet = pictures / "sheet.png"
    assert run(["edges", str(pictures / "photo.png"), "-o", str(sheet)]) == 0
    told = capsys.readouterr().out
    energy = high_frequency_energy(images.read(pictures / "photo.png").tensor).item()
    assert told == f"{pictures / 'photo.png'}: high-frequency energy {energy:.3g}\n"
    with Image.open(sheet) as image:
        assert image.width == 2 * 90 + 3 * 12


def test_results_against_their_photograph(pictures, capsys):
    sheet = pictures / "sheet.png"
    words = ["edges", str(pictures / "out"), "--content", str(pictures / "photo.png")]
    assert run([*words, "-o", str(sheet), "--json"]) == 0
    told = json.loads(capsys.readouterr().out)
    assert [row["picture"] for row in told] == [
        str(pictures / f"out/{n}.png") for n in ("one", "two")
    ]
    photo = images.read(pictures / "photo.png").resized((40, 60)).tensor
    assert told[1]["content_energy"] == pytest.approx(high_frequency_energy(photo).item())
    with Image.open(sheet) as image:
        assert image.size == (5 * 60 + 6 * 12, 2 * (40 + 22 + 12) + 12)
        lost = np.asarray(image.convert("RGB"))[12 + 74 : 12 + 114, -72:-12]
    difference = edge_difference(images.read(pictures / "out/two.png").tensor, photo)
    expected = np.asarray(images.to_pil(difference_picture(difference)))
    assert np.abs(lost.astype(int) - expected).max() <= 1
    assert run(words) == 0
    assert "times it" in capsys.readouterr().out


WRONG = {
    "no file": (["no.png"], "no.png"),
    "no picture": (["text.txt"], "no picture"),
    "empty folder": (["empty"], "holds no pictures"),
    "no photograph": (["photo.png", "--content", "no.png"], "no.png"),
    "another shape": (["tall.png", "--content", "photo.png"], "tall.png: photo.png is"),
    "tiny": (["tiny.png"], "tiny.png: A picture of 3×3 px"),
    "no size": (["photo.png", "--size", "0"], "--size"),
    "no format": (["photo.png", "-o", "sheet.xyz"], ".png"),
}


@pytest.mark.parametrize("case", WRONG)
def test_a_mistake_gets_one_sentence(case, pictures, capsys, monkeypatch):
    monkeypatch.chdir(pictures)
    images.write("tall.png", smooth_picture(60, 40, seed=1))
    images.write("tiny.png", smooth_picture(3, 3, seed=1))
    (pictures / "text.txt").write_text("no picture")
    (pictures / "empty").mkdir()
    words, named = WRONG[case]
    assert run(["edges", *words]) == 2
    told = capsys.readouterr()
    assert named in told.err
    assert told.err.startswith("impasto: ")
    assert len(told.err.strip().splitlines()) == 1
    assert told.out == ""
