"""Running a request: events in order, stopping keeps the best, resuming gives the same pixels."""

from __future__ import annotations

import dataclasses
import itertools
import signal
import sys
import types

import pytest
import torch

from helpers.quick_paintings import FAST
from helpers.random_inputs import smooth_picture
from impasto import images
from impasto.encoders.files import save_encoder
from impasto.errors import ImageError, ImpastoError
from impasto.jobs.display import ProgressBar, watch
from impasto.jobs.events import Finished, Note, Planned, Preview, Progress
from impasto.jobs.request_json import from_metadata
from impasto.jobs.requests import (
    PaintRequest,
    ReconstructRequest,
    StyleInput,
    StylizeRequest,
    TextureRequest,
)
from impasto.jobs.resources import Resources
from impasto.jobs.run import RunOptions, run


@pytest.fixture
def recipe(encoder, tmp_path, monkeypatch):
    """Of a quick painting, in a folder with two pictures and an encoder."""
    monkeypatch.chdir(tmp_path)
    images.write("a.png", smooth_picture(48, 64, seed=1))
    images.write("b.png", smooth_picture(48, 48, seed=2))
    save_encoder(tmp_path / "tiny.safetensors", encoder, dtype=torch.float32)
    return FAST.replace(
        encoder="tiny.safetensors", size=64, scales=2, steps=3, final_steps=4, precision="float32"
    )


@pytest.fixture
def request_(recipe):
    return PaintRequest("a.png", (StyleInput("b.png"),), recipe)


def test_events_in_order(request_):
    running = run(request_, RunOptions(estimate=True))
    events = list(running)
    assert isinstance(events[0], Planned)
    assert events[0].steps == (3, 4)
    assert events[0].sizes[-1] == (48, 64)
    assert events[0].seconds > 0
    assert events[0].bytes > 0
    steps = [event for event in events if isinstance(event, Progress)]
    assert [event.number for event in steps] == list(range(1, 8))
    assert [event.step for event in steps] == [1, 2, 3, 1, 2, 3, 4]
    shares = [event.share for event in steps]
    assert shares == sorted(shares)
    assert shares[-1] == 1
    assert steps[-1].seconds_left == 0
    assert isinstance(events[-1], Finished)
    result = events[-1].result
    assert result is running.result
    assert result.is_finished
    assert [row["loss"] for row in result.losses] == [event.loss for event in steps]
    assert from_metadata(result.metadata()) == request_
    assert result._repr_png_().startswith(b"\x89PNG")


def test_the_listener_hears_every_event(request_):
    heard = []
    events = list(run(request_, listener=heard.append))
    assert heard == events


def test_stopping_keeps_the_best_and_resuming_gives_the_same_pixels(request_, tmp_path):
    whole = run(request_).finish()
    options = RunOptions(checkpoint=tmp_path / "x.checkpoint")
    running = run(request_, options)
    for event in running:
        if isinstance(event, Progress) and event.number == 5:
            running.stop()
    assert not running.result.is_finished
    assert len(running.result.losses) == 5
    assert options.checkpoint.exists()
    again = run(request_, dataclasses.replace(options, resume=True))
    assert torch.equal(again.finish().tensor, whole.tensor)
    assert len(again.result.losses) == 7
    again.remove_checkpoint()
    assert not options.checkpoint.exists()


def test_a_checkpoint_that_keeps_failing_is_not_promised(request_, tmp_path):
    """Though its problem is reported only the first time."""
    (tmp_path / "file").touch()
    checkpoint = tmp_path / "file" / "x.checkpoint"
    running = run(request_, RunOptions(checkpoint=checkpoint, checkpoint_seconds=0.0))
    events = []
    for event in running:
        events.append(event)
        if isinstance(event, Progress) and event.number == 4:
            running.stop()
    assert len([event for event in events if isinstance(event, Note)]) == 1
    assert not events[-1].is_resumable


def test_closing_cancels_and_keeps_the_best(request_):
    running = run(request_)
    with pytest.raises(ImpastoError, match="no picture yet"):
        _ = running.result
    assert len(list(itertools.islice(running, 4))) == 4  # the plan and three steps
    running.close()
    running.close()
    assert list(running) == []
    assert not running.result.is_finished
    assert len(running.result.losses) == 3


def test_leaving_the_loop_keeps_the_best(request_):
    running = run(request_)
    for event in running:
        if isinstance(event, Progress):
            break
    assert not running.result.is_finished
    assert len(running.result.losses) == 1


def test_closing_before_the_first_step_leaves_no_picture(request_):
    running = run(request_)
    next(running)
    running.close()
    with pytest.raises(ImpastoError, match="no picture yet"):
        _ = running.result


def test_leaving_the_block_gives_ctrl_c_back(request_):
    before = signal.getsignal(signal.SIGINT)
    with run(request_, RunOptions(handle_interrupt=True)) as running:
        next(running)
        next(running)
        assert signal.getsignal(signal.SIGINT) is not before
    assert signal.getsignal(signal.SIGINT) is before


def test_previews_are_what_would_be_saved(request_):
    request = dataclasses.replace(request_, recipe=request_.recipe.replace(colour="content"))
    events = list(run(request, RunOptions(preview_seconds=0.0)))
    previews = [event.image for event in events if isinstance(event, Preview)]
    assert len(previews) == 7
    assert torch.equal(previews[-1], events[-1].result.tensor)


def test_a_recorder_that_fails_costs_no_picture(request_):
    class Failing:
        frames = None

        def is_due(self, number):
            return True

        def take(self, number, image):
            raise ImageError("The disk is full.")

    events = list(run(request_, RunOptions(recorders={"x": lambda context: Failing()})))
    notes = [event for event in events if isinstance(event, Note)]
    assert [note.text for note in notes] == ["The disk is full."]
    assert isinstance(notes[0].error, ImageError)
    assert events[-1].result.is_finished


def test_every_kind_of_request_ends_in_a_result(recipe):
    style = (StyleInput("b.png"),)
    small = recipe.replace(scales=1, steps=2)
    shallow = small.replace(content_layers={"relu2_1": 1.0})
    cases = [
        (TextureRequest(style, (40, 56), small), (40, 56)),
        (ReconstructRequest("a.png", "content", shallow), (48, 64)),
        (ReconstructRequest("a.png", "style", small), (48, 64)),
        (StylizeRequest("a.png", style, size=80), (60, 80)),
    ]
    for request, size in cases:
        events = list(run(request))
        assert isinstance(events[0], Planned)
        result = events[-1].result
        assert result.tensor.shape[-2:] == size
        assert from_metadata(result.metadata()) == request


def test_shared_resources_change_no_pixel(request_):
    resources = Resources(remember_features=True)
    first = run(request_, resources=resources).finish()
    second = run(request_, resources=resources).finish()
    assert torch.equal(first.tensor, second.tensor)
    assert torch.equal(first.tensor, run(request_).finish().tensor)


def test_a_picture_that_is_read_ahead_is_the_same(recipe):
    request = StylizeRequest("a.png", (StyleInput("b.png"),), precision="float32")
    resources = Resources()
    resources.read_ahead(request, max_pixels=10**6)
    options = RunOptions(max_pixels=10**6)
    ahead = run(request, options, resources=resources).finish()
    resources.close()
    assert torch.equal(ahead.tensor, run(request, options).finish().tensor)


def test_watching_gives_the_result(request_, capsys):
    result = watch(request_)
    assert result.is_finished
    assert torch.equal(result.tensor, run(request_).finish().tensor)
    with ProgressBar(quiet=True) as bar:
        bar.show(Progress(0.5, 1.0, 1.0, (48, 64), 1, 2, 1, {"tv": 0.1}))
    assert capsys.readouterr().out == ""


def test_a_notebook_shows_the_picture_as_it_emerges(request_, monkeypatch):
    """With a stand-in for IPython, of which only these three names are used."""
    shown = []
    handle = types.SimpleNamespace(update=shown.append)
    shell = types.SimpleNamespace(kernel=object())
    notebook = types.ModuleType("IPython")
    notebook.get_ipython = lambda: shell
    notebook.display = types.ModuleType("IPython.display")
    notebook.display.display = lambda display_id: handle
    monkeypatch.setitem(sys.modules, "IPython", notebook)
    monkeypatch.setitem(sys.modules, "IPython.display", notebook.display)
    monkeypatch.setattr("impasto.jobs.display.PREVIEW_SECONDS", 0.0)
    result = watch(request_)
    assert len(shown) == 7
    assert shown[-1].size == (64, 48)
    assert shown[-1].tobytes() == result.image.tobytes()


def test_a_preview_is_also_a_pillow_image():
    pixels = torch.rand(1, 3, 20, 30)
    shown = Preview(pixels).to_pil()
    assert (shown.mode, shown.size) == ("RGB", (30, 20))
    assert (images.read(shown).tensor - pixels).abs().max() <= 0.5 / 255 + 1e-6
