"""``impasto models`` with a table of one downloaded and one built-in weight."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from helpers.file_server import FileServer
from helpers.tiny_weights import Record, flip
from impasto.cli.commands import models
from impasto.cli.main import _parser
from impasto.errors import ImpastoError
from impasto.weights import store
from impasto.weights.records import WEIGHTS, WeightRecord

pytestmark = pytest.mark.usefixtures("cache")


def run(*words: str) -> int:
    return models.run(_parser("models").parse_args(["models", *words]))


@pytest.fixture
def table(record: Record, built_in: WeightRecord, monkeypatch: pytest.MonkeyPatch) -> None:
    """A registry of one weight that is fetched and one that is built in."""
    monkeypatch.setattr(store, "WEIGHTS", {"tiny": record(), "inside": built_in})


@pytest.mark.usefixtures("table")
def test_list_shows_the_state_of_each_weight(capsys: pytest.CaptureFixture[str]) -> None:
    def states() -> list[str]:
        assert run("list", "--json") == 0
        return [known["state"] for known in json.loads(capsys.readouterr().out)]

    assert states() == ["not fetched", "built in"]
    run("fetch", "tiny")
    capsys.readouterr()
    assert states() == ["cached", "built in"]
    assert run("list") == 0
    shown = capsys.readouterr().out
    assert all(word in shown for word in ("tiny", "inside", "cached", "built in", "licence"))


def test_list_of_all_weights_fits_80_columns(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("COLUMNS", "80")
    run("list")
    shown = capsys.readouterr().out
    assert all(known.paper.rsplit(" ", 1)[1] in shown for known in WEIGHTS.values())
    assert max(map(len, shown.splitlines())) <= 80


@pytest.mark.usefixtures("table")
def test_fetch_is_quiet_without_a_terminal(capsys: pytest.CaptureFixture[str], cache: Path) -> None:
    assert run("fetch", "tiny") == 0
    assert capsys.readouterr() == (f"tiny: {cache / 'tiny.safetensors'}\n", "")


@pytest.mark.usefixtures("table")
def test_fetch_shows_a_bar_on_a_terminal(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("FORCE_COLOR", "1")
    run("fetch", "tiny")
    shown = capsys.readouterr()
    assert "━" in shown.err
    assert "━" not in shown.out


@pytest.mark.usefixtures("table")
def test_fetch_force(server: FileServer) -> None:
    before = len(server.ranges)
    run("fetch", "tiny")
    run("fetch", "tiny", "--force")
    assert len(server.ranges) - before == 2


@pytest.mark.usefixtures("table")
def test_add_and_verify(
    capsys: pytest.CaptureFixture[str], server: FileServer, tmp_path: Path, cache: Path
) -> None:
    assert run("verify") == 0  # nothing is broken
    assert run("verify", "tiny") == 1  # but this one was asked for, and is missing
    (tmp_path / "tiny.pth").write_bytes(server.body)
    assert run("add", "tiny", str(tmp_path / "tiny.pth")) == 0
    assert run("verify", "tiny") == 0
    flip(cache / "tiny.safetensors", -1)
    capsys.readouterr()
    assert run("verify") == 1
    shown = capsys.readouterr().out
    assert "tiny: broken. " in shown
    assert "inside: good" in shown


def test_errors_are_raised() -> None:
    with pytest.raises(ImpastoError, match="Unknown weight 'vgg18'"):
        run("fetch", "vgg18")


@pytest.mark.parametrize("words", [(), ("list",), ("fetch",), ("add",), ("verify",)])
def test_help_fits_a_screen_and_shows_an_example(
    capsys: pytest.CaptureFixture[str], words: tuple[str, ...]
) -> None:
    with pytest.raises(SystemExit):
        run(*words, "-h")
    shown = capsys.readouterr().out
    assert len(shown.splitlines()) <= 24
    assert f"impasto models {words[0] if words else 'list'}" in shown.split("example")[-1]
