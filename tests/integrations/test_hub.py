"""``torch.hub`` loads models from the repository, without an installation."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
import torch

import impasto
from helpers.random_inputs import smooth_picture
from helpers.script_files import imported

if sys.version_info >= (3, 11):
    import tomllib
else:
    import tomli as tomllib

ROOT = Path(__file__).parents[2]

COMMAND_LINE_ONLY = {"shtab"}
ENTRIES = ["any_style", "multi", "one_pass", "paint"]


def load(entry: str, *args: object) -> object:
    return torch.hub.load(str(ROOT), entry, *args, source="local")


def batch() -> torch.Tensor:
    return torch.cat([smooth_picture(48, 64, seed=seed) for seed in range(2)])


@pytest.fixture(scope="module")
def hubconf():
    return imported(ROOT / "hubconf.py", "hubconf_of_tests")


def test_the_entries_are_what_the_hub_lists_and_explained(hubconf):
    """It lists all callables of the module that do not begin with an underscore."""
    values = {name: getattr(hubconf, name) for name in dir(hubconf)}
    listed = {n: v for n, v in values.items() if callable(v) and not n.startswith("_")}
    assert sorted(listed) == ENTRIES
    assert all("Returns:" in entry.__doc__ for entry in listed.values())


def test_named_styles():
    model = load("multi")
    assert isinstance(model, torch.nn.Module)
    assert set(model.style_names) == set(impasto.named_styles()["multi"])
    painted = model(batch(), "kiss", strength=0.7)
    assert painted.shape == (2, 3, 48, 64)
    for index, picture in enumerate(batch()):
        wanted = impasto.stylize(picture, "kiss", strength=0.7, device="cpu").tensor
        torch.testing.assert_close(painted[index : index + 1], wanted)


def test_any_style_and_own_files(tmp_path):
    style = smooth_picture(64, 64, seed=9)
    painted = load("any_style")(batch(), style)
    wanted = impasto.stylize(batch()[0], style, device="cpu").tensor
    torch.testing.assert_close(painted[:1], wanted)
    path = Path(impasto.__file__).parent / "data" / "any.safetensors"
    torch.testing.assert_close(load("one_pass", str(path))(batch(), style), painted)
    with pytest.raises(impasto.ImpastoError, match="model"):
        load("one_pass", "nowhere")


def test_paint_is_the_function():
    assert load("paint") is impasto.paint


def test_dependencies_are_those_of_the_package(hubconf):
    """torch.hub installs nothing, so it has to name all that is needed."""
    project = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))["project"]
    always = [line for line in project["dependencies"] if ";" not in line]
    names = [re.split(r"[<>=]", line)[0].replace("-", "_") for line in always]
    modules = {"PIL" if name == "pillow" else name for name in names}
    assert set(hubconf.dependencies) == modules - COMMAND_LINE_ONLY


@pytest.mark.slow
def test_a_clone_is_enough(tmp_path):
    """Without an installation, as torch.hub leaves it in its cache."""
    shutil.copy(ROOT / "hubconf.py", tmp_path)
    shutil.copytree(ROOT / "src", tmp_path / "src", ignore=shutil.ignore_patterns("__pycache__"))
    program = (
        "import sys; sys.path = [p for p in sys.path if not p.endswith('src')]\n"
        "sys.meta_path = [f for f in sys.meta_path if 'editable' not in repr(f)]\n"
        "import torch; model = torch.hub.load(sys.argv[1], 'multi', source='local')\n"
        "print(tuple(model(torch.rand(1, 3, 32, 48), 'scream').shape))\n"
        "import impasto; print(impasto.__file__)\n"
    )
    told = subprocess.run(
        [sys.executable, "-c", program, str(tmp_path)],
        check=True, capture_output=True, text=True, timeout=120,
        cwd=tmp_path, env={**os.environ, "OMP_NUM_THREADS": "1"},
    ).stdout.splitlines()  # fmt: skip
    assert told == ["(1, 3, 32, 48)", str(tmp_path / "src" / "impasto" / "__init__.py")]
