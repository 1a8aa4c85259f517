"""Printing never stops the work, and the exit code says whether the result is there."""

from __future__ import annotations

import ast
import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

import impasto
from impasto import images
from impasto.cli.main import run

PACKAGE = Path(impasto.__file__).parent
IMPASTO = f"{sys.executable} -m impasto"
PAINT = "paint a.png b.png -o out.png --size 48 --steps 2 --scales 1"

pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="a POSIX shell")
needs_full = pytest.mark.skipif(not Path("/dev/full").exists(), reason="there is no /dev/full here")


@pytest.fixture(autouse=True)
def place(folder_of_two):
    return folder_of_two


def shell(line: str) -> subprocess.CompletedProcess[str]:
    environment = {**os.environ, "OMP_NUM_THREADS": "1"}
    return subprocess.run(["bash", "-c", line], capture_output=True, text=True, check=False,
                          env=environment)  # fmt: skip


@pytest.mark.parametrize(
    "streams",
    [
        "2>&1 | true; exit ${PIPESTATUS[0]}",
        pytest.param("2>/dev/full", marks=needs_full),
        pytest.param(">/dev/full", marks=needs_full),
        ">&-",
        ">&- 2>&- <&-",
    ],
)
def test_a_picture_is_painted_whatever_becomes_of_the_output(streams, place):
    ended = shell(f"{IMPASTO} {PAINT} {streams}")
    assert (ended.returncode, ended.stderr.count("Traceback")) == (0, 0)
    assert images.read("out.png").size == (36, 48)


@pytest.mark.parametrize("command", ["features a.png", "edges a.png", f"{PAINT} --json --quiet"])
@needs_full
def test_text_that_is_the_result_must_arrive(command):
    ended = shell(f"{IMPASTO} {command} >/dev/full")
    assert ended.returncode == 2
    assert ended.stderr == (
        "impasto: The output could not be printed (No space left on device): print it elsewhere.\n"
    )


def test_a_reader_may_close_the_pipe():
    ended = shell(f"{IMPASTO} features a.png | true; exit ${{PIPESTATUS[0]}}")
    assert (ended.returncode, ended.stderr) == (0, "")


# --- control sequences ----------------------------------------------------------------------------

TRAINING = ["--content", ".", "--style", ".", "-o", "x.safetensors"]
HOSTILE = "x\x1b]0;owned\x07\x1b[2J\x9b1A"


def commands(name: str) -> list[list[str]]:
    """Each command with a hostile name in the place of each file."""
    return [
        ["paint", name, "b.png", "-o", "out.png"],
        ["paint", "a.png", name, "-o", "out.png"],
        ["paint", "a.png", "b.png", "-o", f"{name}/no.xyz"],
        ["paint", "a.png", "b.png", "-o", "out.png", "--recipe", name],
        ["paint", "a.png", "b.png", "-o", "out.png", "--region", f"{name}={name}"],
        ["paint", "a.png", "b.png", "-o", "out.png", "--encoder", name],
        ["paint", "a.png", "b.png", "-o", "out.png", f"--{name}"],
        ["paint", "a.png", "b.png", "-o", "out.png", "--steps", name],
        ["stylize", name, "--style", "b.png", "-o", "out.png"],
        ["stylize", "a.png", "--style", name, "-o", "out.png"],
        ["stylize", "a.png", "--style", "b.png", "-o", "out.png", "--model", name],
        ["texture", name, "-o", "out.png"],
        ["texture", "b.png", "-o", "out.png", "--size", name],
        ["reconstruct", name, "-o", "out.png", "--layer", "relu4_1"],
        ["reconstruct", "a.png", "-o", "out.png", "--layer", name],
        ["compare", name, "b.png", "-o", "out.png", "--sweep", "seed=1,2"],
        ["compare", "a.png", "b.png", "-o", "out.png", "--sweep", name],
        ["inspect", name, "-o", "out.png"],
        ["inspect", "a.png", "-o", "out.png", "--layer", name],
        ["features", name],
        ["edges", name],
        ["evaluate", name, "--content", "a.png", "--style", "b.png"],
        ["gallery", name],
        ["rerun", name],
        ["models", "fetch", name],
        ["models", "add", name, name],
        ["train", "encoder", "--teacher", name, *TRAINING],
        [name],
    ]


@pytest.mark.parametrize("number", range(len(commands(""))))
def test_control_sequences_in_names_are_escaped(number, place, capsys):
    try:
        code = run(commands(HOSTILE)[number])
    except SystemExit as ended:
        code = ended.code
    printed = "".join(capsys.readouterr())
    assert code == 2
    assert r"\x1b]0;owned\x07" in printed
    assert all(letter.isprintable() or letter in "\n\t" for letter in printed)


def test_control_sequences_in_what_is_made_are_escaped(place, capsys):
    name = f"{HOSTILE}.png"
    (place / name).write_bytes((place / "a.png").read_bytes())
    for words in (
        ["stylize", name, "--style", "b.png", "-o", f"2{name}"],
        ["edges", name],
        ["edges", name, "--json"],
        ["evaluate", name, "--content", "a.png", "--style", "b.png", "--metrics", "ssim"],
        ["evaluate", ".", name, "--content", "a.png", "--style", "b.png", "--metrics", "ssim"],
        ["stylize", name, "--style", "b.png", "-o", f"3{name}", "--json"],
        ["rerun", f"2{name}", "--show"],
    ):
        run(words)
        printed = "".join(capsys.readouterr())
        assert printed
        assert all(letter.isprintable() or letter in "\n\t" for letter in printed), words


def test_json_stays_json(place, capsys):
    name = f"{HOSTILE}\udce9.png"
    (place / name).write_bytes((place / "a.png").read_bytes())
    assert run(["edges", name, "--json"]) == 0
    assert json.loads(capsys.readouterr().out)[0]["picture"] == name


def test_commands_print_through_one_module():
    """What calls ``print`` or opens a console of its own would be neither safe nor escaped."""
    found = []
    for path in sorted(PACKAGE.rglob("*.py")):
        name = path.relative_to(PACKAGE).as_posix()
        allowed = {"cli/shared/messages.py", "jobs/display.py", "runtime/terminal.py"}
        for node in ast.walk(ast.parse(path.read_text("utf-8"))):
            called = node.func if isinstance(node, ast.Call) else None
            prints = isinstance(called, ast.Name) and called.id in ("print", "Console")
            if prints and name not in allowed:
                found.append(f"{name}:{node.lineno}")
    assert found == []


def test_text_files_name_their_encoding():
    """The locale's encoding would lose names, and differ between machines."""
    found = []
    for path in sorted(PACKAGE.rglob("*.py")):
        for node in ast.walk(ast.parse(path.read_text("utf-8"))):
            if isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute | ast.Name):
                function = getattr(node.func, "attr", getattr(node.func, "id", ""))
                values = [a.value for a in node.args if isinstance(a, ast.Constant)]
                modes = [v for v in values if isinstance(v, str) and set(v) <= set("rwaxt+")]
                module = getattr(getattr(node.func, "value", None), "id", "")
                is_open = function == "open" and module != "av" and modes  # av.open: of a video
                is_text = function in ("read_text", "write_text") or is_open
                if is_text and "encoding" not in {k.arg for k in node.keywords}:
                    found.append(f"{path.relative_to(PACKAGE)}:{node.lineno}")
    assert [f for f in found if "downloads.py" not in f] == []  # an empty file, to be locked
