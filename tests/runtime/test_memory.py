"""Running out of memory leads to tiles; sizes as text; what glibc keeps."""

import math
import platform
import subprocess
import sys

import pytest
from hypothesis import given
from hypothesis import strategies as st

from helpers.quick_paintings import FAST, WARM, finish
from helpers.random_inputs import smooth_picture
from impasto.encoders.vgg import Encoder
from impasto.errors import InputDataError, OptionError
from impasto.images.picture import Picture
from impasto.painting import cost_model
from impasto.painting.painter import Painter
from impasto.runtime import memory
from impasto.runtime.memory import parse_bytes
from impasto.weights.open import open_encoder

# --- out of memory -------------------------------------------------------------------------------


class LimitedPixels:
    """Wraps ``Encoder.forward``: a picture of too many pixels runs out of memory."""

    def __init__(self, monkeypatch, most):
        self.most, forward = most, Encoder.forward

        def limited(encoder, image, layers):
            if image.requires_grad and image.shape[-2] * image.shape[-1] > self.most:
                raise RuntimeError(
                    "[enforce fail at alloc_cpu.cpp] DefaultCPUAllocator: can't allocate memory: "
                    "you tried to allocate 123 bytes.\nError code 12"
                )
            return forward(encoder, image, layers)

        monkeypatch.setattr(Encoder, "forward", limited)


# All colours are allowed: at the bounds of a style's, rounding errors grow more from step to step.
LARGE = FAST.replace(
    size=192, scales=1, steps=2, gamut="srgb", content_layers={"relu2_1": 1},
    style_layers={"relu2_1": 1},
)  # fmt: skip


def test_too_little_memory_leads_to_smaller_tiles_and_one_note(encoder, monkeypatch):
    photo = Picture(smooth_picture(128, 192, seed=1))
    expected = finish(Painter(photo, [WARM], LARGE, encoder=encoder))
    LimitedPixels(monkeypatch, 150 * 150)
    painter = Painter(photo, [WARM], LARGE, encoder=encoder)
    notes = [step.note for step in painter]
    assert notes == ["Not enough memory: continuing in tiles of 128 px.", ""]
    difference = (painter.picture - expected).abs()  # rounding, which optimization magnifies
    assert difference.max() < 1e-2
    assert difference.mean() < 1e-4


def test_too_little_memory_for_any_tile_is_one_error(encoder, monkeypatch):
    photo = Picture(smooth_picture(128, 192, seed=1))
    LimitedPixels(monkeypatch, 0)
    with pytest.raises(InputDataError, match=r"not enough memory for 192×128 px.*size") as caught:
        finish(Painter(photo, [WARM], LARGE, encoder=encoder))
    assert "\n" not in str(caught.value)


def test_other_errors_are_not_taken_for_it(encoder, content, monkeypatch):
    def broken(encoder, image, layers):
        raise RuntimeError("the shapes do not fit")

    monkeypatch.setattr(Encoder, "forward", broken)
    with pytest.raises(RuntimeError, match="the shapes do not fit"):
        finish(Painter(content, [WARM], FAST, encoder=encoder))


# --- --memory ------------------------------------------------------------------------------------


@given(
    st.integers(1, 10**6),
    st.sampled_from(["", "k", "m", "g", "t"]),
    st.sampled_from(["", "b", "ib"]),
    st.sampled_from(["", " "]),
    st.booleans(),
)
def test_parse_bytes(number, prefix, suffix, gap, upper):
    base = 1024 if suffix == "ib" and prefix else 1000
    expected = number * base ** " kmgt".index(prefix or " ")
    text = f"{number}{gap}{prefix}{suffix}"
    if suffix == "ib" and not prefix:
        with pytest.raises(OptionError, match="memory takes a size such as 2GB"):
            parse_bytes(text)
    elif expected < 2 * memory.BASE_BYTES:
        with pytest.raises(OptionError, match="memory must be 700MB or more"):
            parse_bytes(text)
    else:
        assert parse_bytes(text.upper() if upper else text) == pytest.approx(expected)


@given(st.text(max_size=12))
def test_any_text_is_a_size_or_one_error(text):
    message, amount = "", math.inf
    try:
        amount = parse_bytes(text)
    except OptionError as error:
        message = str(error)
    assert amount >= 2 * memory.BASE_BYTES
    assert not message or message.startswith("memory ")
    assert "\n" not in message


@pytest.mark.parametrize("text", ["", "GB", "-2GB", "2 GB 3", "1,5GB", "2PB", "nan", "inf", "2e9"])
def test_invalid_sizes(text):
    with pytest.raises(OptionError, match="memory takes a size such as 2GB or 800MB, not"):
        parse_bytes(text)


def test_fractions_of_a_unit():
    assert parse_bytes("1.5g") == 1.5e9
    assert parse_bytes("2GiB") == 2**31


def test_less_memory_never_means_larger_tiles():
    encoder = open_encoder("compact", "own")
    layers = ("relu1_1", "relu4_1")
    sides = [cost_model.tile_side(encoder, layers, (3000, 4000), 2.0**n) for n in range(20, 45)]
    assert sides[0] == cost_model.TILE_SIDES[-1]
    assert sides[-1] is None
    known = [side for side in sides if side is not None]
    assert known == sorted(known)
    assert len(set(known)) > 4


FREE_MAPS = """
import sys, psutil, torch
from impasto.runtime import memory
resident = lambda: psutil.Process().memory_info().rss / 2**20
memory.keep_freed_memory(0.0)
if "return" in sys.argv:
    memory.return_freed_memory()
for number in range(2):  # in the first round glibc adapts to maps of this size
    maps = [torch.ones(2**21) for _ in range(40)]
    before = resident()
    small = [maps.pop().sum()[None] + torch.ones(64) for _ in range(40)]
print(before - resident())
"""


@pytest.mark.skipif(platform.libc_ver()[0] != "glibc", reason="a setting of glibc")
@pytest.mark.parametrize(("setting", "least", "most"), [("return", 300, 330), ("keep", -20, 50)])
def test_freed_memory_is_returned_or_kept(setting, least, most):
    """40 maps of 8 MB, freed one by one, in a process of their own as the setting is global."""
    process = subprocess.run(
        [sys.executable, "-c", FREE_MAPS, setting], capture_output=True, text=True, check=True
    )
    assert least < float(process.stdout) < most
