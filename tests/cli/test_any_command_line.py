"""Any command line ends in an exit code: no traceback, no changed input, nothing half-written.

The options are read from the parsers, so that a new one is part of this test by itself. Values are
at and beyond their ranges; files exist, are missing, or are something else.
"""

from __future__ import annotations

import argparse
import contextlib
import hashlib
import io
import json
import os
import signal
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, note, settings
from hypothesis import strategies as st

from helpers.random_inputs import smooth_picture
from impasto import images
from impasto.cli import main
from impasto.recipes.recipe import FIELDS
from impasto.runtime.safetensors import read_safetensors
from impasto.weights.store import downloads_refused

SECONDS = 30.0
"""Budget of all examples; those that remain after it pass untried."""

LONGEST = 30
"""Seconds after which an example counts as endless."""

QUICK = ["--size", "48", "--scales", "1", "--steps", "2", "--final-steps", "1"]
TRAIN = ["--steps", "1", "--batch", "1", "--crop", "64", "--validate-every", "1"]

COMMANDS: dict[str, list[str]] = {
    "paint": ["in/a.png", "in/b.png", "-o", "out.png", *QUICK],
    "stylize": ["in/a.png", "--style", "in/b.png", "-o", "out.png"],
    "texture": ["in/b.png", "-o", "out.png", "--size", "48", *QUICK[2:]],
    "reconstruct": ["in/a.png", "-o", "out.png", "--layer", "relu2_1", *QUICK],
    "compare": ["in/a.png", "in/b.png", "-o", "out.png", "--sweep", "tv-weight=0,1", *QUICK],
    "inspect": ["in/a.png", "-o", "out.png", "--size", "64", "--count", "2", "--steps", "1"],
    "features": ["in/a.png", "--size", "64"],
    "edges": ["in/a.png", "-o", "out.png"],
    "evaluate": ["in/a.png", "--content", "in/a.png", "--style", "in/b.png", "--no-plot"],
    "gallery": ["in/folder", "-o", "out.html"],
    "rerun": ["in/made.png", "-o", "out.png"],
    "models list": [],
    "models verify": ["compact"],
    "models add": ["mine", "in/text.txt"],
    "train per-style": ["--content", "in/folder", "--style", "in/b.png",
                        "-o", "out.safetensors", *TRAIN],
    "train encoder": ["--teacher", "compact", "--content", "in/folder", "--style", "in/folder",
                      "-o", "out.safetensors", "--painted", "0", *TRAIN[:2], "--crop", "64"],
}  # fmt: skip

SLOW = {"train per-style": 0.1, "train encoder": 0.1, "compare": 0.5}
"""Share of the examples of a command, if it is not 1."""

FILES = [
    "in/a.png", "in/b.png", "in/made.png", "in/missing.png", "in/folder", "in/text.txt",
    "in/empty.png", "in/cut.png", "in/a,b.png", "in/x@2x.png", "in/12:30.png", "in/recipe.toml",
    "in/broken.toml", "in/broken.safetensors", "in/caf\udce9.png", "in/deep.png", "/dev/null", ".",
    "in/a.png/x", "out.png", "in/mask.png", "x" * 300, "in/\x1b[2J.png",
]  # fmt: skip
OUTPUTS = [
    "out.png", "out.jpg", "out.gif", "new/out.webp", "out.xyz", "in/a.png", "in", "", "out",
    "in/text.txt/x.png", "/proc/out.png", "out.html", "out.csv", "x" * 300 + ".png",
]  # fmt: skip
INTEGERS = [-1, 0, 1, 2, 3, 48, 65, 10**6, 10**12, 10**400]
FLOATS = [-1.0, 0.0, 1e-30, 0.5, 1.0, 2.0, 1e30, float("inf"), float("nan")]
FEW = [-1, 0, 1, 2]
"""For what would take time: steps and the like."""

BOUNDED: dict[str, list[Any]] = {
    "steps": FEW, "final_steps": FEW, "touch_up_steps": FEW, "snapshots": [*FEW, 10**9],
    "workers": [-1, 0, 1],
    "batch": [-1, 0, 1], "crop": [-1, 0, 64], "painted": [-1, 0], "blocks": [-1, 0, 1],
    "memory": ["1GB", "0", "-1", "x", "1", "1e400GB", "nan", "50MB"],
    "canvas": ["48", "64x48", "0", "x", "48x", "30000x30000", "1e3", "9" * 400],
    "encoder": ["compact", "nope", "in/broken.safetensors", "in/missing.safetensors"],
    "teacher": ["compact", "nope", "in/broken.safetensors"],
    "model": ["any", "multi", "nope", "in/broken.safetensors", "compact"],
    "name": ["compact", "nope", "a/b", "..", "x" * 300],
    "device": ["cpu", "cuda", "nope", ""],
    "study": ["nope"], "cell_height": [-1, 15, 16, 10**12],
    "sweep": ["seed=1,2", "seed=", "=1", "size=48,x", "init=content,in/missing.png",
              "layers=relu1_1,+relu2_1", "style-loss=gram,nope", "steps=1,0"],
    "regions": ["up=in/mask.png@in/b.png", "up=in/mask.png", "=", "up=", "up=in/missing.png",
                "rest=in/mask.png", "@", ":", "up=in/mask.png@great-wave"],
    "metrics": ["ssim", "nope", ",", "gram,ssim", "fid"],
    "layers": ["relu1_1", "nope", ",", "relu1_1,relu1_1"],
    "style_layers": ["relu1_1", "relu1_1=0", "relu9_9", "=1", "relu1_1=x", "relu1_1=nan"],
    "content_layers": ["relu2_2", "relu2_2=0", "relu9_9", "=", "relu2_2=-1"],
    "recipe": ["default", "photo", "texture", "nope", "in/recipe.toml", "in/broken.toml", "in"],
    "init": ["content", "noise", "any", "nope", "in/b.png", "in/text.txt"],
    "run": ["new", "in/text.txt"], "snapshots_to": ["steps", "x.gif", "x.mp4", "in/text.txt", "in"],
}  # fmt: skip


@pytest.fixture(scope="module", autouse=True)
def inputs(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """The folder of inputs."""
    folder = tmp_path_factory.mktemp("lines") / "in"
    before = os.getcwd()
    (folder / "folder").mkdir(parents=True)
    picture = smooth_picture(48, 64, seed=1)
    for name in ("a.png", "a,b.png", "x@2x.png", "12:30.png", "folder/c.png", "caf\udce9.png",
                 "\x1b[2J.png"):  # fmt: skip
        images.write(folder / name, picture)
    images.write(folder / "b.png", smooth_picture(64, 48, seed=2))
    images.write(folder / "folder" / "d.png", smooth_picture(80, 96, seed=3))
    mask = picture * 0
    mask[..., :24, :] = 1
    images.write(folder / "mask.png", mask)
    whole = (folder / "a.png").read_bytes()
    (folder / "cut.png").write_bytes(whole[: len(whole) // 2])
    (folder / "empty.png").write_bytes(b"")
    (folder / "text.txt").write_text("no picture\n", encoding="utf-8")
    (folder / "recipe.toml").write_text("tv_weight = 2.0\n", encoding="utf-8")
    (folder / "broken.toml").write_text("size = [", encoding="utf-8")
    (folder / "broken.safetensors").write_bytes(b"\x08\0\0\0\0\0\0\0{}")
    deep = {"request": "[" * 100_000, "style": "[" * 100_000, "losses": "x"}
    images.write(folder / "deep.png", picture, metadata=deep)
    os.chdir(folder.parent)
    with contextlib.redirect_stdout(io.StringIO()):
        assert main.run(["stylize", "in/a.png", "--style", "in/b.png", "-o", "in/made.png"]) == 0
    yield folder
    os.chdir(before)


def actions(command: str) -> list[argparse.Action]:
    """The options and arguments of a command."""
    first, _, second = command.partition(" ")
    parser: Any = main._parser(first)
    for name in filter(None, (first, second)):
        parser = parser._subparsers._group_actions[0].choices[name]
    return [a for a in parser._actions if a.dest != "help"]


def values(action: argparse.Action) -> st.SearchStrategy[str]:
    """Words for one option: at and beyond its range, and none of its type."""
    declared = FIELDS.get(action.dest)
    if action.dest in BOUNDED:
        return st.sampled_from([str(value) for value in BOUNDED[action.dest]])
    if action.choices is not None:
        return st.sampled_from([*map(str, action.choices), "nope"])
    if declared is not None and declared.range is not None:
        least, most = declared.range
        near: list[Any] = [least, most, 2 * most + 1, least - 1, "x"]
        exact = [int(n) if declared.kind is int and n != "x" and abs(n) < 1e15 else n for n in near]
        return st.sampled_from([str(value) for value in exact])
    if action.type is int:
        return st.sampled_from([*map(str, INTEGERS), "x", "1.5"])
    if action.type is float:
        return st.sampled_from([*map(str, FLOATS), "x"])
    if action.dest in ("output", "log", "report", "save_style", "cells"):
        return st.sampled_from(OUTPUTS)
    return st.sampled_from(FILES)


@st.composite
def command_lines(draw: st.DrawFn) -> list[str]:
    """A command with some of its options; later ones replace those of the quick run."""
    command = draw(st.sampled_from(list(COMMANDS)))
    if command in SLOW and draw(st.floats(0, 1)) > SLOW[command]:
        command = "features"
    words = [*command.split(), *COMMANDS[command]]
    offered = actions(command)
    for action in draw(st.lists(st.sampled_from(offered), max_size=4)) if offered else []:
        flag = action.option_strings[-1] if action.option_strings else None
        value = [] if action.nargs == 0 else [draw(values(action))]
        if flag is not None:
            words += [flag, *value]
        elif draw(st.booleans()):  # another argument
            words += value
        else:
            place = len(command.split())
            words[place : place + 1] = value
    return words


def digests(folder: Path) -> dict[str, str]:
    return {
        str(path): hashlib.sha256(path.read_bytes()).hexdigest()
        for path in sorted(folder.rglob("*"))
        if path.is_file()
    }


class TooLongError(BaseException):
    """Not an Exception, so that no command takes it for its own."""


@contextlib.contextmanager
def limited(seconds: int) -> Iterator[None]:
    if not hasattr(signal, "SIGALRM"):
        yield
        return

    def stop(*_: object) -> None:
        raise TooLongError

    before = signal.signal(signal.SIGALRM, stop)
    signal.alarm(seconds)
    try:
        yield
    finally:
        signal.alarm(0)
        signal.signal(signal.SIGALRM, before)


def check_whole(folder: Path) -> None:
    """Every file in the folder is complete, and none is temporary."""
    for path in folder.rglob("*"):
        name = path.name
        if path.is_dir() or name == ".lock":  # of a training's folder
            continue
        assert not name.startswith("."), f"{name} was left behind"
        if path.suffix in images.FORMATS:
            images.read(path)
        elif path.suffix == ".safetensors":
            read_safetensors(path)
        elif path.suffix == ".json":
            json.loads(path.read_text(encoding="utf-8"))
        elif path.suffix in (".html", ".htm"):
            assert path.read_text(encoding="utf-8").rstrip().endswith("</html>")


def attempt(words: list[str]) -> tuple[int, str]:
    """Run a command line; its exit code, and what it printed on stderr."""
    errors = io.StringIO()
    with contextlib.redirect_stdout(io.StringIO()), contextlib.redirect_stderr(errors):
        try:
            with downloads_refused(), limited(LONGEST):
                code = main.run(words)
        except SystemExit as ended:
            code = int(ended.code or 0)
    return code, errors.getvalue()


until: dict[str, float] = {}
"""When the budget ends, from the first example on."""


@pytest.mark.slow
@pytest.mark.filterwarnings("default")
@settings(
    max_examples=150, deadline=None, database=None, derandomize=True,
    suppress_health_check=list(HealthCheck),
)  # fmt: skip
@given(words=command_lines())
def test_any_command_line_ends_well(words: list[str]) -> None:
    if time.monotonic() > until.setdefault("end", time.monotonic() + SECONDS):
        return
    note(" ".join(map(repr, words)))
    before = digests(Path("in"))
    with tempfile.TemporaryDirectory(dir=".") as place:
        (Path(place) / "in").symlink_to(Path("in").resolve())
        home = os.getcwd()
        os.chdir(place)
        try:
            code, errors = attempt(words)
            (Path("in")).unlink()
            check_whole(Path())
        finally:
            os.chdir(home)
    assert code in (0, 1, 2, 130)
    assert "Traceback" not in errors
    assert all(letter.isprintable() or letter in "\n\t" for letter in errors)
    if code == 2:
        assert "impasto: " in errors
        assert len(errors) < 5000
    assert digests(Path("in")) == before


@pytest.mark.parametrize("command", COMMANDS)
def test_the_command_line_of_the_examples_works(command: str) -> None:
    """Else the test above would only meet the same mistake again and again."""
    if command.startswith("train"):
        pytest.skip("takes seconds; has tests of its own")
    home = os.getcwd()
    with tempfile.TemporaryDirectory(dir=".") as place:
        (Path(place) / "in").symlink_to(Path("in").resolve())
        os.chdir(place)
        try:
            code, errors = attempt([*command.split(), *COMMANDS[command]])
        finally:
            os.chdir(home)
    assert code == (2 if command == "models add" else 0), errors
