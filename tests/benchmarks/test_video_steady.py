"""The benchmark of steadiness runs to its end, and its table says what it promises."""

import json
import subprocess
import sys
from pathlib import Path

import pytest

from helpers.clips import make_clip

PROGRAM = Path(__file__).parents[2] / "benchmarks" / "video_steady.py"
FIGURES = ["warp 1", "warp 10", "lpips 1", "lpips 10", "style", "sharp", "s/frame", "flow"]


@pytest.mark.slow
def test_it_prints_a_table_and_writes_sheets(tmp_path):
    clip = make_clip(tmp_path / "clip.mp4", 14, size=(72, 96))
    command = [
        sys.executable, str(PROGRAM), str(clip), "--size", "96", "--frames", "12",
        "--steady", "0", "1", "--sheets", str(tmp_path / "sheets"),
        "--json", str(tmp_path / "figures.json"),
    ]  # fmt: skip
    printed = subprocess.run(command, capture_output=True, text=True, timeout=300, check=True)
    rows = [
        [cell.strip() for cell in line.strip("| ").split("|")]
        for line in printed.stdout.splitlines()
        if line.startswith("|")
    ]
    assert rows[0] == ["steady", *FIGURES]
    assert [row[0] for row in rows[2:]] == ["0", "1", "relative to 0"]
    figures = json.loads((tmp_path / "figures.json").read_text(encoding="utf-8"))
    (single,), (steady,) = figures["0"], figures["1"]
    assert steady["warp 1"] < single["warp 1"]
    assert steady["lpips 1"] < single["lpips 1"]
    for name in ("clip-sheet.png", "clip-slice.png"):
        assert (tmp_path / "sheets" / name).is_file()
