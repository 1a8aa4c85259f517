"""Builds wheel and sdist, twice, and refuses what should not be published.

    pip install '.[release]'
    python scripts/check_distributions.py dist

Both builds must be equal to the byte, pass ``twine check`` and ``check-wheel-contents``, and have
the version of the sources; the wheel has at most 16 MB, and the manual pages. Files in them have
the time of ``SOURCE_DATE_EPOCH``, or a fixed one.
"""

from __future__ import annotations

import hashlib
import os
import subprocess
import sys
import tempfile
import zipfile
from pathlib import Path

from release_notes import declared_version

ROOT = Path(__file__).parents[1]
LARGEST_WHEEL = 16_000_000
"""Bytes."""


def main() -> int:
    """Build into the folder on the command line, and print what was built."""
    (name,) = sys.argv[1:]
    folder = Path(name).resolve()
    problems = check(folder)
    for path in sorted(folder.iterdir()):
        digest = hashlib.sha256(path.read_bytes()).hexdigest()
        print(f"{path.name}: {path.stat().st_size} bytes, sha256 {digest}")
    for problem in problems:
        print(problem, file=sys.stderr)
    return int(bool(problems))


def check(folder: Path) -> list[str]:
    """Build wheel and sdist into a folder, and say what is wrong with them."""
    folder.mkdir(parents=True, exist_ok=True)
    if any(folder.iterdir()):
        return [f"{folder} is not empty."]
    problems: list[str] = []
    build(folder)
    with tempfile.TemporaryDirectory() as again:
        build(Path(again), COLUMNS="40", TZ="Asia/Tokyo", PYTHONHASHSEED="7")
        problems += [
            f"{path.name}: two builds differ."
            for path in folder.iterdir()
            if path.read_bytes() != (Path(again) / path.name).read_bytes()
        ]
    (wheel,) = folder.glob("*.whl")
    (sdist,) = folder.glob("*.tar.gz")
    version = declared_version(ROOT)
    if not (wheel.name.startswith(f"impasto-{version}-") and version in sdist.name):
        problems.append(f"{wheel.name}, {sdist.name}: the version of the sources is {version}.")
    if wheel.stat().st_size > LARGEST_WHEEL:
        problems.append(f"{wheel.name} has {wheel.stat().st_size} bytes.")
    with zipfile.ZipFile(wheel) as archive:
        names = archive.namelist()
    if not any(name.endswith("share/man/man1/impasto.1") for name in names):
        problems.append(f"{wheel.name} has no manual pages.")
    for tool in (["twine", "check", "--strict", wheel, sdist], ["check_wheel_contents", wheel]):
        done = run(tool)
        if done.returncode:
            problems.append(f"{tool[0]}: {done.stdout}{done.stderr}")
    return problems


def build(folder: Path, **environment: str) -> None:
    """Build an sdist, and a wheel from it."""
    done = run(["build", ROOT, "--outdir", folder], **environment)
    if done.returncode:
        raise RuntimeError(done.stdout[-2000:] + done.stderr[-2000:])


def run(words: list[str | Path], **environment: str) -> subprocess.CompletedProcess[str]:
    """Run a module of this Python."""
    command = [sys.executable, "-m", *map(str, words)]
    given = {**os.environ, **environment}
    # check-wheel-contents reads what it may ignore from pyproject.toml in the current folder.
    return subprocess.run(command, cwd=ROOT, env=given, capture_output=True, text=True, check=False)


if __name__ == "__main__":
    sys.exit(main())
