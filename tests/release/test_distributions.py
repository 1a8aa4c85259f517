"""Wheel and sdist, built as for a release, and installed where nothing else is."""

from __future__ import annotations

import email
import shutil
import subprocess
import sys
import venv
import zipfile
from pathlib import Path

import pytest

import impasto

ROOT = Path(__file__).parents[2]
SCRIPT = ROOT / "scripts" / "check_distributions.py"

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def wheel(tmp_path_factory) -> Path:
    """The wheel, after both builds were compared and checked."""
    folder = tmp_path_factory.mktemp("dist")
    command = [sys.executable, str(SCRIPT), str(folder)]
    done = subprocess.run(command, capture_output=True, text=True, timeout=600, check=False)
    assert (done.returncode, done.stderr) == (0, "")
    (found,) = folder.glob("*.whl")
    return found


def test_the_version_and_the_page_are_those_of_the_sources(wheel):
    with zipfile.ZipFile(wheel) as archive:
        (name,) = (n for n in archive.namelist() if n.endswith(".dist-info/METADATA"))
        metadata = email.message_from_bytes(archive.read(name))
    assert metadata["Version"] == impasto.__version__
    page = str(metadata.get_payload())
    assert "\n## Quick start\n" in page
    assert "](docs/" not in page  # there are no such files on a package index
    assert "](https://github.com/impasto/impasto/blob/main/docs/" in page


def test_the_wheel_works_in_an_environment_without_torch(wheel, tmp_path):
    """Help, completion and manual pages need only the small packages."""
    venv.create(tmp_path / "env", with_pip=True)
    scripts = tmp_path / "env" / ("Scripts" if sys.platform == "win32" else "bin")
    small = ["platformdirs", "shtab", *(["tomli"] if sys.version_info < (3, 11) else [])]
    for packages in (["--no-deps", str(wheel)], small):
        install = [str(scripts / "python"), "-m", "pip", "install", "-q", *packages]
        subprocess.run(install, check=True, timeout=300)
    program = str(scripts / "impasto")
    for words in (["--version"], ["-h"], ["paint", "-h", "all"], ["completion", "bash"]):
        done = subprocess.run([program, *words], capture_output=True, text=True, check=True)
        assert done.stdout
        assert done.stderr == ""
    module = [str(scripts / "python"), "-m", "impasto", "--version"]
    done = subprocess.run(module, capture_output=True, text=True, check=True)
    assert done.stdout == f"impasto {impasto.__version__}\n"
    shared = tmp_path / "env" / "share"
    assert (shared / "bash-completion" / "completions" / "impasto").is_file()
    assert (shared / "man" / "man1" / "impasto-train-any-style.1").is_file()
    if sys.platform == "linux" and shutil.which("man"):
        path = f"{scripts}:/usr/bin:/bin"
        found = subprocess.run(
            ["man", "-w", "impasto-paint"], capture_output=True, text=True, env={"PATH": path}
        )
        assert found.stdout.strip() == str(shared / "man" / "man1" / "impasto-paint.1")
