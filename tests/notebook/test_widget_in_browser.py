"""The widget's own script in Chromium, with a model that talks to the widget in Python.

The page holds nothing but the script. The model has the interface that anywidget gives to scripts:
``get``, ``set``, ``save_changes``, ``send``, ``on`` and ``off``.
"""

from __future__ import annotations

import base64
import json
import time
from pathlib import Path

import pytest

import impasto
from helpers.browser import CHROMIUM, opened_browser
from helpers.random_inputs import smooth_picture

pytest.importorskip("playwright", reason="the browser is driven by playwright")

pytestmark = [
    pytest.mark.browser,
    pytest.mark.skipif(CHROMIUM is None, reason="there is no Chromium: apt-get install chromium"),
]

FOLDER = Path(impasto.__file__).parent / "notebook"
TRAITS = ("style", "strength", "style_scale", "styles", "paintable", "share", "state", "text")
SECONDS = 60

MODEL = """
  class Model {
    constructor(values) { this.values = values; this.changed = {}; this.heard = {}; }
    get(name) { return this.values[name]; }
    set(name, value) { this.changed[name] = value; this.receive({ [name]: value }); }
    save_changes() { tell(JSON.stringify({ state: this.changed })); this.changed = {}; }
    send(message) { tell(JSON.stringify({ message })); }
    on(name, listener) { (this.heard[name] ||= []).push(listener); }
    off(name, listener) { this.heard[name] = this.heard[name].filter((l) => l !== listener); }
    receive(values) {
      for (const [name, value] of Object.entries(values)) {
        const isSame = JSON.stringify(this.values[name]) === JSON.stringify(value);
        if (isSame && !(value instanceof DataView)) continue;
        this.values[name] = value;
        for (const listener of this.heard[`change:${name}`] || []) listener();
      }
    }
  }
  window.bytes = (text) => new DataView(Uint8Array.from(atob(text), (c) => c.charCodeAt(0)).buffer);
"""


class Shown:
    """A widget and the page that shows it."""

    def __init__(self, page, widget) -> None:
        self.page, self.widget = page, widget
        self._shown = b""
        page.expose_function("tell", self._tell)
        script = json.dumps((FOLDER / "widget.js").read_text("utf-8"))
        page.set_content(
            f"<style>{(FOLDER / 'widget.css').read_text('utf-8')}</style><main></main>"
        )
        page.evaluate(
            f"""async (values) => {{
              {MODEL}
              const source = new Blob([{script}], {{ type: "text/javascript" }});
              const module = await import(URL.createObjectURL(source));
              window.model = new Model(values);
              window.leave = module.default.render(
                {{ model: window.model, el: document.querySelector("main") }});
            }}""",
            self._values(),
        )

    def _values(self):
        return {name: getattr(self.widget, name) for name in TRAITS}

    def _tell(self, text: str) -> None:
        told = json.loads(text)
        if "state" in told:
            self.widget.set_state(told["state"])
        else:
            self.widget._handle_custom_msg(told["message"], [])

    def update(self) -> None:
        """Send the page what has changed, as a kernel does."""
        self.page.evaluate("(values) => window.model.receive(values)", self._values())
        if self.widget.shown != self._shown:
            self._shown = self.widget.shown
            text = base64.b64encode(self._shown).decode()
            self.page.evaluate("(text) => window.model.receive({ shown: bytes(text) })", text)

    def until(self, condition) -> None:
        """Go on until something is so."""
        ends = time.monotonic() + SECONDS
        while not condition():
            assert time.monotonic() < ends, self._values()
            self.update()
            self.page.wait_for_timeout(30)
        self.update()

    def slide(self, name: str, value: float) -> None:
        self.page.eval_on_selector(
            f"[name={name}]",
            "(e, value) => { e.value = value; e.dispatchEvent(new Event('input')); }",
            value,
        )


@pytest.fixture
def shown(playwright):
    photo, style = smooth_picture(96, 128, seed=1), smooth_picture(64, 64, seed=2)
    widget = impasto.widget(
        photo, {"mine": style}, size=128, scales=1, steps=5000, optimizer="adam"
    )
    with opened_browser(playwright) as browser:
        page = browser.new_page(viewport={"width": 900, "height": 600})
        errors = []
        page.on("pageerror", lambda error: errors.append(str(error)))
        yield Shown(page, widget)
        widget.stop()
        assert widget.wait(SECONDS)
        assert errors == []


def test_a_person_moves_a_slider_paints_and_stops(shown, tmp_path):
    page, widget = shown.page, shown.widget
    shown.until(lambda: widget.state == "finished")
    assert page.inner_text("[role=status]") == widget.text
    assert page.evaluate("document.querySelector('img').decode().then(() => true)")
    assert page.evaluate("document.querySelector('img').naturalWidth") == 128
    assert page.is_disabled("[name=stop]")
    assert page.is_enabled("[name=paint]")

    shown.slide("strength", 0.5)
    shown.until(lambda: widget.strength == 0.5 and widget.state == "finished")
    assert page.locator("output").all_inner_texts() == ["0.50", "1.00"]
    assert widget.result.request.strength == 0.5

    page.click("[name=paint]")
    shown.until(lambda: widget.state == "running" and widget.share > 0)
    assert page.is_enabled("[name=stop]")
    first = page.get_attribute("img", "src")
    shown.until(lambda: page.get_attribute("img", "src") != first)  # a preview
    page.click("[name=stop]")
    shown.until(lambda: widget.state == "stopped")
    assert 0 < page.evaluate("document.querySelector('progress').value") < 1
    assert not widget.result.is_finished

    page.select_option("select", "great-wave")
    shown.until(lambda: widget.style == "great-wave" and widget.state == "finished")
    assert page.is_disabled("[name=paint]")
    assert "known by name only" in page.get_attribute("[name=paint]", "title")
    page.screenshot(path=tmp_path / "widget.png")

    page.evaluate("window.leave()")
    assert page.evaluate("Object.values(window.model.heard).every((list) => !list.length)")


def test_it_fits_a_narrow_cell(shown):
    shown.until(lambda: shown.widget.state == "finished")
    shown.page.set_viewport_size({"width": 360, "height": 700})
    wide = "document.documentElement.scrollWidth - document.documentElement.clientWidth"
    assert shown.page.evaluate(wide) == 0
