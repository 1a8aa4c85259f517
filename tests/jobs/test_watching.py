"""Progress bars, callbacks and help of the public functions."""

from __future__ import annotations

import inspect
import os
import subprocess
import sys
import types
from pathlib import Path

import numpy as np
import pytest
import torch

import impasto
from helpers.quick_paintings import SMALL
from helpers.random_inputs import smooth_picture
from impasto import images
from impasto.jobs import display
from impasto.jobs.events import Finished, Planned, Preview, Progress
from impasto.jobs.requests import StylizeRequest
from impasto.recipes.recipe import FIELDS
from impasto.runtime.fields import entries

PIXELS = images.as_uint8(smooth_picture(48, 64, seed=1))
QUICK = SMALL.replace(size=64, scales=2, steps=3, final_steps=3, precision="float32")


# --- callbacks ------------------------------------------------------------------------------------


@pytest.mark.parametrize("progress", [False, True])
def test_a_callback_gets_every_event_and_stops_the_painting(encoder, progress):
    recipe, events = QUICK.replace(encoder=encoder), []

    def stop_after_two(event):
        events.append(event)
        return not (isinstance(event, Progress) and event.number == 2)

    options = {"recipe": recipe, "callback": stop_after_two, "progress": progress}
    stopped = impasto.paint(PIXELS, PIXELS, **options)
    assert (stopped.is_finished, len(stopped.losses)) == (False, 2)
    kinds = [type(event) for event in events if not isinstance(event, Preview)]  # as time passes
    assert kinds == [Planned, Progress, Progress, Finished]
    whole = impasto.paint(PIXELS, PIXELS, recipe=recipe, callback=lambda event: None)
    assert (whole.is_finished, len(whole.losses)) == (True, 6)


def test_a_callback_sees_pictures(encoder, monkeypatch):
    monkeypatch.setattr("impasto.jobs.api.PREVIEW_SECONDS", 0.0)
    pictures = []

    def keep(event):
        if isinstance(event, Preview):
            pictures.append(event.image)

    impasto.paint(PIXELS, PIXELS, recipe=QUICK.replace(encoder=encoder), callback=keep)
    assert len(pictures) >= 5
    assert pictures[-1].shape == (1, 3, 48, 64)


def test_an_exception_of_a_callback_reaches_the_caller(encoder):
    def fail(event):
        raise KeyError("mine")

    with pytest.raises(KeyError, match="mine"):
        impasto.paint(PIXELS, PIXELS, recipe=QUICK.replace(encoder=encoder), callback=fail)


# --- bars -----------------------------------------------------------------------------------------

IN_A_TERMINAL = """
import numpy, impasto
pixels = numpy.random.default_rng(0).integers(0, 255, (48, 64, 3), numpy.uint8)
fast = {"size": 64, "scales": 1, "steps": 3}
impasto.paint(pixels, pixels, progress=True, **fast)
print("painted")
impasto.stylize(pixels, pixels, progress=True)
"""


@pytest.mark.skipif(not hasattr(os, "openpty"), reason="there are no terminals to make here")
def test_a_terminal_shows_a_bar(tmp_path: Path):
    script = tmp_path / "program.py"
    script.write_text(IN_A_TERMINAL, encoding="utf-8")
    ours, theirs = os.openpty()
    environment = os.environ | {"TERM": "xterm", "COLUMNS": "100", "OMP_NUM_THREADS": "1"}
    process = subprocess.Popen(
        [sys.executable, str(script)], stderr=theirs, stdout=theirs, env=environment
    )
    os.close(theirs)
    shown = b""
    while True:
        try:
            block = os.read(ours, 4096)
        except OSError:  # the other end is closed
            break
        if not block:
            break
        shown += block
    os.close(ours)
    assert process.wait(timeout=120) == 0, shown
    first, _, second = shown.decode("utf-8", "replace").partition("painted")
    assert "64×48" in first
    assert "3/3" in first
    assert "100%" in first
    assert "100%" in second


def test_no_terminal_no_bar(encoder, capsys):
    impasto.paint(PIXELS, PIXELS, recipe=QUICK.replace(encoder=encoder), progress=True)
    assert capsys.readouterr() == ("", "")


def test_a_notebook_shows_the_picture_so_far(encoder, monkeypatch):
    shown = []

    class Handle:
        def update(self, image):
            shown.append(image.size)

    shell = types.SimpleNamespace(kernel=object())
    ipython = types.ModuleType("IPython")
    ipython.get_ipython = lambda: shell
    display_module = types.ModuleType("IPython.display")
    display_module.display = lambda **options: Handle()
    monkeypatch.setitem(sys.modules, "IPython", ipython)
    monkeypatch.setitem(sys.modules, "IPython.display", display_module)
    monkeypatch.setattr(display, "PREVIEW_SECONDS", 0.0)
    impasto.paint(PIXELS, PIXELS, recipe=QUICK.replace(encoder=encoder), progress=True)
    assert shown[-1] == (64, 48)


# --- help -----------------------------------------------------------------------------------------


@pytest.mark.parametrize("function", [impasto.paint, impasto.texture, impasto.reconstruct])
def test_help_lists_every_recipe_entry(function):
    text = inspect.getdoc(function)
    listed = text.partition("Recipe entries:")[2]
    for name, entry in FIELDS.items():
        (line,) = [line for line in listed.splitlines() if line.strip().startswith(f"{name}: ")]
        assert line.strip().partition(": ")[2][:20].lower() in entry.help.lower()
    flat = " ".join(listed.split())
    assert "(int from 32 to 65536; default 512)" in flat
    assert "'style', 'content', 'luminance', 'match'; default 'style')" in flat
    assert "or an impasto.Statistic; default 'gram')" in flat
    assert "relu4_2 1)" in flat
    assert max(map(len, text.splitlines())) <= 100


def test_help_of_one_pass_lists_its_entries():
    listed = inspect.getdoc(impasto.stylize).partition("Entries:")[2]
    for name in entries(StylizeRequest):
        assert f"    {name}: " in listed


def test_evaluate_is_public_and_explained():
    assert "evaluate" in impasto.__all__
    assert "Returns:" in inspect.getdoc(impasto.evaluate)


# --- memory ---------------------------------------------------------------------------------------


def test_memory_is_a_number_or_a_text(encoder):
    recipe = QUICK.replace(encoder=encoder, scales=1, steps=1)
    for memory in ("2GB", 2e9, 2_000_000_000):
        assert impasto.paint(PIXELS, PIXELS, recipe=recipe, memory=memory).is_finished
    with pytest.raises(impasto.ImpastoError, match="memory takes a size such as 2GB"):
        impasto.paint(PIXELS, PIXELS, recipe=recipe, memory="a lot")


@pytest.mark.parametrize("size", [64.0, None, (64,), (64, 32, 16), "wide", 0])
def test_a_texture_has_a_size_in_whole_pixels(size):
    with pytest.raises(impasto.ImpastoError, match="size takes"):
        impasto.texture(PIXELS, size)


@pytest.mark.parametrize(
    "image", [np.zeros((8, 8, 3)), torch.zeros(3, 8, 8), torch.zeros(1, 3, 8, 8).byte()]
)
def test_pixels_are_optimized_in_a_tensor(image, encoder):
    objective = impasto.Objective([impasto.TotalVariation()], encoder)
    with pytest.raises(impasto.ImpastoError, match=r"tensor .* of floats from 0 to 1, not in"):
        list(impasto.optimize(objective, image, steps=1))
