"""The widget for notebooks, by its traits: what a browser would set, and what it would be sent."""

from __future__ import annotations

import io
import sys
import threading

import pytest
import traitlets
from PIL import Image

import impasto
from helpers.random_inputs import smooth_picture
from impasto.errors import OptionError
from impasto.notebook import job_thread, style_widget
from impasto.notebook.api import _sources

PHOTO = smooth_picture(48, 64, seed=1)
STYLE = smooth_picture(64, 64, seed=2)
QUICK = {"size": 64, "scales": 1, "steps": 3, "init": "content"}


@pytest.fixture
def widget():
    made = impasto.widget(PHOTO, {"mine": STYLE}, **QUICK)
    yield made
    made.stop()
    assert made.wait(60)
    made.close()


def picture(widget) -> Image.Image:
    return Image.open(io.BytesIO(widget.shown))


def press(widget, button: str) -> None:
    """What the browser sends."""
    widget._handle_custom_msg({"do": button}, [])


def test_it_shows_the_picture_in_one_pass_at_once(widget):
    assert widget.wait(60)
    assert (widget.state, widget.share) == ("finished", 1.0)
    assert widget.style == "mine"
    wanted = impasto.stylize(PHOTO, STYLE, size=64).tensor
    assert (widget.result.tensor - wanted).abs().max() < 1e-6
    assert (picture(widget).format, picture(widget).size) == ("JPEG", (64, 48))
    assert widget.text.startswith("64×48 px in ")


def test_sliders_make_it_again(widget):
    assert widget.wait(60)
    widget.set_state({"strength": 0.3, "style": "kiss", "style_scale": 2.0})
    assert widget.wait(60)
    wanted = impasto.stylize(PHOTO, "kiss", size=64, strength=0.3, style_scale=2.0).tensor
    assert (widget.result.tensor - wanted).abs().max() < 1e-6
    assert widget.result.request.strength == 0.3


def test_paint_has_previews_and_a_result(widget, monkeypatch):
    assert widget.wait(60)
    monkeypatch.setattr(widget, "_options", _with_previews(widget))
    shown, shares = [], []
    widget.observe(lambda change: shown.append(change["new"]), "shown")
    widget.observe(lambda change: shares.append(change["new"]), "share")
    widget.strength = 0.8
    press(widget, "paint")
    assert widget.wait(60)
    assert widget.state == "finished"
    assert widget.result.recipe.strength == 0.8
    wanted = impasto.paint(PHOTO, STYLE, strength=0.8, **QUICK).tensor
    assert (widget.result.tensor - wanted).abs().max() < 1e-6
    assert len(shown) >= 2
    assert shares[-1] == 1.0


def test_stop_keeps_the_picture_so_far(widget, monkeypatch):
    assert widget.wait(60)
    monkeypatch.setattr(widget, "_recipe", widget._recipe.replace(steps=10_000, optimizer="adam"))
    begun = threading.Event()
    widget.observe(lambda change: change["new"] > 0 and begun.set(), "share")
    press(widget, "paint")
    assert begun.wait(60)
    press(widget, "stop")
    assert widget.wait(60)
    assert widget.state == "stopped"
    assert not widget.result.is_finished
    assert 0 < widget.share < 1


def test_a_newer_request_takes_the_place_of_a_painting(widget, monkeypatch):
    assert widget.wait(60)
    monkeypatch.setattr(widget, "_recipe", widget._recipe.replace(steps=10_000, optimizer="adam"))
    begun = threading.Event()
    widget.observe(lambda change: change["new"] > 0 and begun.set(), "share")
    widget.paint()
    assert begun.wait(60)
    widget.strength = 0.5
    assert widget.wait(60)
    assert widget.state == "finished"
    assert widget.result.request.kind == "stylize"


def test_mistakes_are_shown(widget):
    assert widget.wait(60)
    widget.style = "great-wave"
    assert widget.wait(60)
    press(widget, "paint")
    assert widget.state == "failed"
    assert widget.text.startswith("great-wave is known by name only")
    with pytest.raises(OptionError, match="known by name only"):
        widget.paint()
    press(widget, "nothing that exists")
    with pytest.raises(traitlets.TraitError, match="style is one of"):
        widget.style = "nowhere"
    with pytest.raises(traitlets.TraitError):
        widget.strength = 2.0
    widget.style = "mine"  # and it goes on
    assert widget.wait(60)
    assert widget.state == "finished"


def test_an_error_of_the_job_is_shown():
    made = impasto.widget(smooth_picture(8, 8, seed=1), STYLE, size=32)
    made.wait(60)
    made.style = "kiss"
    made.paintable = ["kiss"]
    assert made.wait(60)
    made.paint()
    assert made.wait(60)
    assert made.state == "failed"
    assert made.text


def test_stopped_before_it_began_is_no_failure(monkeypatch):
    told, go = [], threading.Event()
    real = job_thread.run

    def late(*args, **kwargs):
        assert go.wait(60)
        return real(*args, **kwargs)

    monkeypatch.setattr(job_thread, "run", late)
    job = job_thread.JobThread(told.append, told.append)
    request = impasto.StylizeRequest(impasto.read_image(PHOTO), (impasto.StyleInput("kiss"),))
    job.start(request, impasto.RunOptions())
    job.stop()
    go.set()
    assert job.wait(60)
    assert [type(what) for what in told] == [job_thread.StoppedError]


def test_styles_have_the_names_of_their_files(tmp_path):
    path = impasto.write_image(tmp_path / "pink-cloud-2.jpg", STYLE)
    listed = list(_sources([str(path), STYLE]))
    assert listed[:2] == ["pink-cloud-2", "picture 2"]
    assert "great-wave" in listed
    named = _sources(())
    assert all(source == name for name, source in named.items())
    assert isinstance(_sources({"scream": STYLE})["scream"], impasto.Picture)


def test_the_file_of_the_browser_names_the_traits(widget):
    script = style_widget.StyleWidget._esm
    text = script.read_text("utf-8") if hasattr(script, "read_text") else str(script)
    for name in ("style", "strength", "style_scale", "styles", "paintable", "share", "state",
                 "text", "shown"):  # fmt: skip
        assert f'"{name}"' in text, name


def test_without_the_extra_it_says_what_to_install(monkeypatch):
    monkeypatch.setitem(sys.modules, "anywidget", None)
    with pytest.raises(
        OptionError, match=r"The widget needs anywidget: pip install '.\[notebook\]'"
    ):
        impasto.widget(PHOTO)


def _with_previews(widget):
    import dataclasses

    return dataclasses.replace(widget._options, preview_seconds=0.0)
