"""Every program in examples/ runs, at a small size, and writes the pictures that it promises."""

from __future__ import annotations

import ast
import json
import re
import runpy
import sys
from pathlib import Path

import pytest
import torch

import impasto
from impasto import images
from impasto.images.samples import SAMPLES
from impasto.losses.statistics import STATISTICS
from impasto.recipes.presets import RECIPES
from impasto.weights.open import ENCODERS

EXAMPLES = Path(__file__).parents[1] / "examples"
SIZE = 64

PROGRAMS = {
    "gatys_in_60_lines.py": (["--steps", "2"], ["gatys.png"]),
    "gatys_plain_pytorch.py": (["--steps", "2"], ["gatys-plain.png"]),
    "own_statistic.py": (["--final-steps", "2"], ["three-moments.png", "gram.png"]),
    "own_encoder.py": (["--final-steps", "2"], ["own-encoder.png"]),
    "regions.py": (["--final-steps", "2"], ["regions-painted.png", "regions-one-pass.png"]),
    "pictures_in_memory.py": (["--final-steps", "2"], ["in-memory.png"]),
    "folder_with_progress_bar.py": (
        ["--steps", "1", "--final-steps", "2"],
        [f"folder/{path.stem}.png" for path in SAMPLES.glob("*.jpg")],
    ),
}
"""Program → options that make it quick, and the pictures that it writes into out/."""


@pytest.fixture(autouse=True)
def in_an_empty_folder(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    # What an example registers is forgotten after its test.
    for registry in (STATISTICS, ENCODERS):
        monkeypatch.setattr(registry, "_entries", dict(registry._entries))


def run(name: str, options: list[str], monkeypatch: pytest.MonkeyPatch) -> dict[str, object]:
    monkeypatch.setattr(sys, "argv", [name, *options])
    return runpy.run_path(str(EXAMPLES / name), run_name="__main__")


def test_every_program_is_tested():
    assert {path.name for path in EXAMPLES.glob("*.py")} == PROGRAMS.keys()
    listed = re.findall(r"^\| \[`([\w.]+)`\]\(\1\)", (EXAMPLES / "README.md").read_text(), re.M)
    assert sorted(listed) == sorted([*PROGRAMS, "notebook.ipynb"])


@pytest.mark.parametrize("name", PROGRAMS)
def test_program_writes_its_pictures(name, tmp_path, monkeypatch):
    options, outputs = PROGRAMS[name]
    run(name, ["--size", str(SIZE), *options], monkeypatch)
    for output in outputs:
        assert max(images.read(tmp_path / "out" / output).size) == SIZE, output


def test_gatys_takes_sixty_lines():
    lines = (EXAMPLES / "gatys_in_60_lines.py").read_text(encoding="utf-8").splitlines()
    assert len(lines) <= 60


def test_gatys_in_plain_pytorch_has_the_same_loss():
    """At the photograph, at the photograph with noise, and at noise alone."""
    ours = runpy.run_path(str(EXAMPLES / "gatys_in_60_lines.py"))
    plain = runpy.run_path(str(EXAMPLES / "gatys_plain_pytorch.py"))
    content = impasto.read_image(SAMPLES / "tuebingen.jpg", long_side=96)
    style = impasto.read_image(SAMPLES / "hokusai-great-wave.jpg", long_side=80)
    objective = ours["objective"](content, style, 0.05)
    loss = plain["Loss"](content.tensor, style.tensor, 0.05)
    noise = torch.rand(content.tensor.shape, generator=torch.Generator().manual_seed(1))
    for image in (content.tensor, content.tensor.lerp(noise, 0.3), noise):
        expected = sum(value.item() for value in objective(image).values())
        assert loss(image).item() == pytest.approx(expected, rel=1e-4)


def test_gatys_in_plain_pytorch_reduces_the_loss(monkeypatch, capsys):
    run("gatys_plain_pytorch.py", ["--size", "64", "--steps", "4"], monkeypatch)
    first, *_, last = map(float, re.findall(r"loss ([\d.]+)", capsys.readouterr().out))
    assert last < 0.9 * first


def test_own_statistic_is_registered_and_zero_at_the_style():
    """The example's statistic ignores the order of positions, and nothing else of the moments."""
    example = runpy.run_path(str(EXAMPLES / "own_statistic.py"))
    features = torch.rand(2, 3, 4, 5, generator=torch.Generator().manual_seed(0))
    target = example["summary"](features, None)
    mirrored = example["summary"](features.flip(-1), None)
    assert example["distance"](mirrored, target) == pytest.approx([0, 0], abs=1e-9)
    assert (example["distance"](example["summary"](2 * features, None), target) > 0.5).all()


def test_own_encoder_has_the_shapes_that_it_documents():
    example = runpy.run_path(str(EXAMPLES / "own_encoder.py"))
    features = example["encoder"](torch.rand(2, 3, 16, 24), ["fine", "coarse"])
    shapes = {name: tuple(value.shape) for name, value in features.items()}
    assert shapes == {"fine": (2, 30, 16, 24), "coarse": (2, 30, 4, 6)}


def test_notebook_runs(monkeypatch, tmp_path):
    """Cell by cell; pictures and losses are displayed."""
    monkeypatch.setitem(RECIPES, "default", RECIPES["default"].replace(steps=2, final_steps=2))
    notebook = json.loads((EXAMPLES / "notebook.ipynb").read_text(encoding="utf-8"))
    assert all(not cell.get("outputs") for cell in notebook["cells"])
    scope: dict[str, object] = {}
    displayed = []
    for cell in notebook["cells"]:
        if cell["cell_type"] == "code":
            source = "".join(cell["source"]).replace("size = 256", f"size = {SIZE}")
            displayed.append(run_cell(source, scope))
    pictures = [value for value in displayed if hasattr(value, "_repr_png_")]
    assert [value._repr_png_()[1:4] for value in pictures] == [b"PNG"] * 3
    (losses,) = (value for value in displayed if isinstance(value, dict))
    assert {"content.relu4_2", "tv"} < losses.keys()
    assert (tmp_path / "out" / "notebook.png").exists()


def run_cell(source: str, scope: dict[str, object]) -> object:
    """Run a cell as Jupyter does; the value of its last expression, if it ends in one."""
    module = ast.parse(source)
    value = ast.Expression(ast.Constant(None))
    if isinstance(module.body[-1], ast.Expr):
        value = ast.Expression(module.body.pop().value)
    exec(compile(module, "notebook", "exec"), scope)
    return eval(compile(ast.fix_missing_locations(value), "notebook", "eval"), scope)
