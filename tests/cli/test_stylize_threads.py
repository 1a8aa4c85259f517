"""A folder painted several pictures at a time: pictures, messages and codes of one at a time."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
import torch

from helpers.random_inputs import smooth_picture
from impasto import images
from impasto.cli.main import run
from impasto.images.samples import PAIRS

STYLE = str(PAIRS["tuebingen-starry-night"].style_path)


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("photos")
    for number in range(5):
        tensor = smooth_picture(64 + 8 * number, 96, seed=number)
        images.write(folder / f"{number}.png", tensor)
    return folder


@pytest.fixture
def two_threads() -> Iterator[None]:
    torch.set_num_threads(2)
    yield
    torch.set_num_threads(1)


def paint(*words: object) -> int:
    return run(["stylize", *map(str, words), "--style", STYLE])


@pytest.mark.slow
def test_pictures_are_those_of_one_at_a_time(
    folder: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str], two_threads: None
) -> None:
    assert paint(folder, "-o", tmp_path / "two", "--json") == 0
    made = json.loads(capsys.readouterr().out)["made"]
    assert [Path(entry["output"]).name for entry in made] == [f"{n}.png" for n in range(5)]
    assert torch.get_num_threads() == 2
    for number in range(5):
        assert paint(folder / f"{number}.png", "-o", tmp_path / f"{number}.png", "--quiet") == 0
        files = tmp_path / f"{number}.png", tmp_path / f"two/{number}.png"
        assert torch.equal(*(images.read(file).tensor for file in files))


def test_a_bad_picture_is_one_sentence_and_the_rest_goes_on(
    folder: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str], two_threads: None
) -> None:
    bad = tmp_path / "bad.png"
    bad.write_bytes((folder / "0.png").read_bytes()[:99])
    code = paint(folder, bad, "-o", tmp_path / "out", "--json")
    printed = capsys.readouterr()
    assert code == 2
    assert len(json.loads(printed.out)["made"]) == 5
    (line,) = printed.err.splitlines()
    assert "bad.png" in line


@pytest.mark.skipif(sys.platform == "win32", reason="there Ctrl-C is no signal to a process")
@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_a_stop_finishes_what_is_begun(
    number: signal.Signals, folder: Path, tmp_path: Path
) -> None:
    many = tmp_path / "many"
    many.mkdir()
    for copy in range(200):
        (many / f"{copy:03}.png").symlink_to(folder / "4.png")
    process = subprocess.Popen(
        [sys.executable, "-m", "impasto", "stylize", str(many), "--style", STYLE,
         "--size", "190", "-o", str(tmp_path / "out")],
        env={**os.environ, "OMP_NUM_THREADS": "2"},
        stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
    )  # fmt: skip
    try:
        until = time.monotonic() + 120
        while not list((tmp_path / "out").glob("*.png")) and time.monotonic() < until:
            time.sleep(0.02)
        process.send_signal(number)
        output, _ = process.communicate(timeout=60)
    finally:
        process.kill()
    assert process.returncode == 130
    assert "stopped" in output
    made = sorted((tmp_path / "out").iterdir())
    assert 0 < len(made) < 200
    for file in made:
        assert max(images.read(file).size) == 190
