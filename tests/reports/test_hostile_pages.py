"""Names and metadata of strangers stay text in every page, and no script but ours may run."""

from __future__ import annotations

import base64
import hashlib
import json
import re

import pytest

from helpers.gallery import Elements
from helpers.random_inputs import smooth_picture
from impasto import images
from impasto.cli.main import run
from impasto.jobs.request_json import KEY, to_json
from impasto.jobs.requests import PaintRequest, StyleInput, StylizeRequest
from impasto.recipes.recipe import Recipe
from impasto.reports.html import render

HOSTILE = [
    "<script>alert(1)</script>",
    "\"><img src=x onerror=alert(1)>",
    "'><svg onload=alert(1)>",
    "javascript:alert(1)",
    "{{ 7 * 7 }}{% raw %}",
    "</style><style>*{display:none}",
    "-->]]><!--",
    "`${alert(1)}`",
    "a\u202egnp.exe",
    "\x1b[2J",
    "caf\udce9",
    "&lt;b&gt;",
]  # fmt: skip

SIZE = ["--size", "48", "--scales", "1", "--steps", "2", "--quiet"]


def harmless(name: str) -> str:
    """What a file can be called: without slashes, which are part of paths."""
    return name.replace("/", "∕")


@pytest.fixture(autouse=True)
def place(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    images.write("b.png", smooth_picture(48, 64, seed=2))
    return tmp_path


def check_page(page: str) -> Elements:
    """That a page has only the elements of its template, and a policy that allows its script."""
    elements = Elements(page)
    assert len(elements.all("script")) == page.count("<script>") <= 1
    assert not [t for t, a in elements.tags if any(name.startswith("on") for name in a)]
    foreign = re.compile(r"\s*((javascript|vbscript|https?):|//)", re.I)
    assert not [a for _, a in elements.tags if foreign.match(a.get("href") or a.get("src") or "")]
    assert not elements.all("object") + elements.all("iframe") + elements.all("base")
    plots = {"type": "text/css"}
    assert [attributes for attributes in elements.all("style") if attributes != plots] == [{}]
    policies = [a["content"] for a in elements.all("meta") if "http-equiv" in a]
    (policy,) = policies
    rules = dict(rule.strip().partition(" ")[::2] for rule in policy.split(";"))
    scripts = re.findall(r"<script>(.*?)</script>", page, re.DOTALL)
    digests = [base64.b64encode(hashlib.sha256(s.encode()).digest()).decode() for s in scripts]
    assert rules["default-src"] == "'none'"
    assert rules["img-src"] == "data:"
    assert rules.get("script-src", "") == " ".join(f"'sha256-{digest}'" for digest in digests)
    assert rules["base-uri"] == rules["form-action"] == "'none'"
    return elements


@pytest.mark.parametrize("name", HOSTILE)
def test_the_gallery(name, place):
    style = StyleInput(name.encode("utf-8", "replace").decode())
    requests = [PaintRequest(name, (style,), Recipe(init="noise")), StylizeRequest(name, (style,))]
    for number, request in enumerate(requests):
        metadata = {KEY: to_json(request), "content": name, "seconds": name, "recipe": name}
        path = place / f"{harmless(name)}{number}.png"
        images.write(path, smooth_picture(8, 8, seed=number), metadata=metadata)
    old = {"stylize": json.dumps({"model": name}), "content": name, "style": json.dumps({name: 1})}
    images.write(place / "old.png", smooth_picture(8, 8, seed=3), metadata=old)
    assert run(["gallery", ".", "-o", "page.html", "--quiet"]) == 0
    elements = check_page((place / "page.html").read_text(encoding="utf-8"))
    assert len(elements.all("article")) == 4
    shown = "".join(elements.texts)
    visible = harmless(name).encode("utf-8", "replace").decode()
    assert f"{visible}0.png" in shown


@pytest.mark.parametrize("name", HOSTILE)
def test_the_report_of_a_painting(name, place):
    picture = f"{harmless(name)}.png"
    images.write(picture, smooth_picture(48, 64, seed=1))
    assert (
        run(["paint", f"./{picture}", "b.png", "-o", "o.png", "--report", "page.html", *SIZE]) == 0
    )
    check_page((place / "page.html").read_text(encoding="utf-8"))


@pytest.mark.parametrize("name", HOSTILE[:4])
def test_the_page_of_a_study(name, place):
    picture = f"{harmless(name)}.png"
    images.write(picture, smooth_picture(48, 64, seed=1))
    words = ["compare", f"./{picture}", "b.png", "-o", "page.html", "--sweep", "seed=1,2"]
    assert run([*words, *SIZE, "--workers", "1"]) == 0
    cell = place / "page-cells" / "000.png"
    metadata = images.read_metadata(cell)
    hostile = {**metadata, "losses": f"{name} 1, style 2"}
    images.write(cell, images.read(cell).tensor, metadata=hostile)
    assert run([*words, *SIZE, "--workers", "1"]) == 0
    check_page((place / "page.html").read_text(encoding="utf-8"))


def test_the_policy_names_the_scripts_of_the_templates():
    """A value in a script would change its digest: it would not be run."""
    page = render("gallery.html", title="a", cards=[])
    check_page(page)
