"""The static site: its page in the package, and what is refused before anything is exported.

What a site does is tested in browser_studio/.
"""

from __future__ import annotations

import json
import lzma
import re
from pathlib import Path

import pytest

from impasto.cli.main import run
from impasto.web.site import PAGE

SOURCES = Path(__file__).parents[2] / "browser"
ADDRESSES_OF_NOTHING = ("http://www.w3.org/",)  # names of formats


def build(capsys, *words):
    """Exit code, and what is said on stderr."""
    code = run(["web", "build", "--quiet", *map(str, words)])
    return code, capsys.readouterr().err


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["-o", "taken"], "holds other files"),
        (["-o", "file"], "is a file"),
        (["-o", "site", "--model", "nothing"], "nothing"),
        (["-o", "site", "--model", "a/one.safetensors", "b/one.safetensors"], "called one"),
        (["-o", "site", "--model", "no such name!"], "letters and digits"),
    ],
)
def test_what_cannot_be_built_is_a_sentence(words, said, tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "taken").mkdir()
    (tmp_path / "taken" / "notes.txt").write_text("mine")
    (tmp_path / "file").write_text("mine")
    code, told = build(capsys, *words)
    assert code == 2
    assert said in told
    assert sorted(path.name for path in tmp_path.iterdir()) == ["file", "taken"]


def test_an_earlier_site_is_replaced_on_demand_only(tmp_path, capsys):
    site = tmp_path / "site"
    site.mkdir()
    (site / "index.html").write_text("")
    (site / "sw.js").write_text("")
    description = {"format": "impasto.site", "files": {"index.html": 0}}
    (site / "site.json").write_text(json.dumps(description))
    code, told = build(capsys, "-o", site)
    assert code == 2
    assert "--overwrite" in told
    (site / "mine.txt").write_text("mine")
    code, told = build(capsys, "-o", site, "--overwrite")
    assert code == 2
    assert "holds other files" in told


def test_the_page_names_no_other_address():
    """Nothing is loaded from elsewhere; the policy in the page allows it to nobody."""
    for path in PAGE.rglob("*"):
        if path.suffix not in (".html", ".css", ".webmanifest", ".svg") and path.name != "index.js":
            continue
        found = re.findall(r"https?://[^\s\"'`<>)]+", path.read_text(encoding="utf-8"))
        assert [url for url in found if not url.startswith(ADDRESSES_OF_NOTHING)] == [], path.name
    page = (PAGE / "index.html").read_text(encoding="utf-8")
    policy = re.search(r'http-equiv="Content-Security-Policy" content="([^"]+)"', page)
    assert policy is not None
    assert policy[1].startswith("default-src 'none'")
    assert "unsafe-inline" not in policy[1]
    assert "http" not in policy[1]
    assert not re.search(r"<script(?![^>]*\bsrc=)|\bstyle=|\bon\w+=", page)


def test_the_page_is_that_of_the_locked_packages():
    lock = json.loads((SOURCES / "package-lock.json").read_text(encoding="utf-8"))
    version = lock["packages"]["node_modules/onnxruntime-web"]["version"]
    assert f"ONNX Runtime Web {version}\n" in (PAGE / "runtime" / "NOTICE.txt").read_text()
    assert f"onnxruntime-web {version}" in (PAGE / "assets" / "index.js").read_text("utf-8")
    assert all("resolved" not in package for package in lock["packages"].values())


def test_the_runtime_is_packed():
    (packed,) = (PAGE / "runtime").glob("*.wasm.xz")
    assert packed.stat().st_size < 2.5e6
    with lzma.open(packed) as file:
        assert file.read(4) == b"\0asm"


def test_elements_that_the_sources_name_are_in_the_page():
    page = (PAGE / "index.html").read_text(encoding="utf-8")
    sources = (path.read_text(encoding="utf-8") for path in (SOURCES / "src").glob("*.ts"))
    named = {
        id_ for text in sources for id_ in re.findall(r'(?:\$|input)(?:<\w+>)?\("([\w-]+)"\)', text)
    }
    assert len(named) > 20
    assert {id_ for id_ in named if f'id="{id_}"' not in page} == set()
