"""``impasto batch``: what a person types, and what they get."""

from __future__ import annotations

import json
import subprocess
import sys

import pytest

from helpers.batches import entries, outputs
from helpers.random_inputs import smooth_picture
from helpers.sentences import check_told
from impasto import images
from impasto.cli.main import run
from impasto.runtime.files import short_lived_files


@pytest.fixture(scope="module")
def photos(tmp_path_factory):
    folder = tmp_path_factory.mktemp("photos")
    with short_lived_files():
        for number in range(3):
            images.write(folder / f"p{number}.png", smooth_picture(36, 40, seed=number))
    return folder


def batch(*words):
    return run(["batch", *map(str, words), "--workers", "0"])


def test_a_folder_is_painted_and_then_kept(photos, tmp_path, capsys):
    words = [photos, tmp_path / "out", "--style", "scream", "--format", "jpg", "--size", "32"]
    assert batch(*words) == 0
    told = capsys.readouterr()
    assert f"{tmp_path / 'out'}: 3 pictures painted in" in told.out
    assert told.err == ""
    assert [*outputs(tmp_path / "out")] == ["p0.jpg", "p1.jpg", "p2.jpg"]
    assert images.read(tmp_path / "out" / "p0.jpg").size == (29, 32)
    assert batch(*words) == 0
    told = capsys.readouterr()
    assert "3 pictures had been painted before: kept" in told.out
    assert "going on with the batch" in told.err


def test_what_failed_is_told_and_the_exit_code_says_so(photos, tmp_path, capsys):
    rows = "\n".join(json.dumps({"content": str(photos / n)}) for n in ("p0.png", "gone.png"))
    (tmp_path / "rows.jsonl").write_text(rows)
    words = [tmp_path / "rows.jsonl", tmp_path / "out", "--style", "scream", "--json"]
    assert batch(*words) == 2
    told = capsys.readouterr()
    summary = json.loads(told.out)
    assert (summary["painted"], summary["failed"], summary["total"]) == (1, 1, 2)
    assert summary["errors"][0]["id"] == "1"
    assert "gone.png" in told.err
    assert len(told.err.splitlines()) == 1
    assert batch(*words) == 2  # still honest
    assert json.loads(capsys.readouterr().out)["failed_before"] == 1


@pytest.mark.parametrize(
    ("words", "named"),
    [
        (["--style", "scream", "--workers", "-1"], "--workers must be 0 or more"),
        (["--style", "scream", "--shard-size", "-5"], "--shard-size"),
        (["--style", "scream", "--max-errors", "-1"], "--max-errors"),
        (["--style", "scream", "--workers-per-device", "0"], "--workers-per-device"),
        (["--style", "scream", "--style-weight", "2"], "add --paint"),
        (["--style", "scream", "--recipe", "photo"], "add --paint"),
        (["--style", "x.png", "--paint", "--precision", "bfloat16", "--model", "any"], "one pass"),
        (["--style", "scream", "--strength", "7"], "--strength must be from 0 to 1"),
        (["--style", "scream", "--quality", "0"], "quality"),
    ],
)
def test_mistakes_are_one_sentence(photos, tmp_path, capsys, words, named):
    assert run(["batch", str(photos), str(tmp_path / "out"), *words]) == 2
    check_told(capsys, named)
    assert not (tmp_path / "out" / "_batch" / "plan.json").exists()


def test_unknown_columns_are_refused_or_ignored(photos, tmp_path, capsys):
    (tmp_path / "rows.csv").write_text(f"content,caption\n{photos}/p0.png,a cat\n")
    words = [tmp_path / "rows.csv", tmp_path / "out", "--style", "scream"]
    assert batch(*words) == 2
    check_told(capsys, "Unknown column 'caption'")
    assert batch(*words, "--ignore", "caption") == 0
    assert len(entries(tmp_path / "out")) == 1


def test_two_at_once_in_the_same_folder_are_refused(photos, tmp_path, capsys):
    from impasto.runtime.locks import locked

    (tmp_path / "out" / "_batch").mkdir(parents=True)
    with locked(tmp_path / "out" / "_batch", remedy=""):
        assert batch(photos, tmp_path / "out", "--style", "scream") == 2
    check_told(capsys, "is in use by process")


def test_help_loads_neither_ray_nor_torch():
    code = (
        "import sys\nfrom impasto.cli.main import run\n"
        "try:\n    run(['batch', '-h'])\nexcept SystemExit:\n    pass\n"
        "print([m for m in ('ray', 'torch', 'fsspec', 'pyarrow', 'PIL') if m in sys.modules])"
    )
    ended = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert ended.stdout.endswith("[]\n")
    assert "--address ADDRESS" in ended.stdout
