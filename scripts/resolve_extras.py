"""Whether pip can install Impasto with each extra, for each Python version and system.

    pip install uv
    python scripts/resolve_extras.py
    python scripts/resolve_extras.py --python 3.14 --system windows --extra live web

Nothing is installed: ``uv pip compile`` reads the metadata that the package index has. Only wheels
count, so that nobody needs a compiler; the tests need a few packages that have none.
"""

from __future__ import annotations

import argparse
import os
import subprocess
import sys
from itertools import product
from pathlib import Path

if sys.version_info >= (3, 11):
    import tomllib
else:
    import tomli as tomllib

PROJECT = Path(__file__).parents[1] / "pyproject.toml"
PYTHONS = ("3.10", "3.11", "3.12", "3.13", "3.14")
SYSTEMS = {
    "linux": "x86_64-manylinux_2_28",
    "macos": "aarch64-apple-darwin",
    "windows": "x86_64-pc-windows-msvc",
}
"""Name → uv's name of the platform."""
MACOS = {"MACOSX_DEPLOYMENT_TARGET": "14.0"}
"""The oldest macOS that counts: ONNX Runtime has no wheels for older ones."""


def main() -> int:
    """Resolve all, print a line for each, and return 1 if any has no solution."""
    declared = tomllib.loads(PROJECT.read_text(encoding="utf-8"))["project"]
    extras = ("", *declared["optional-dependencies"])
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--python", nargs="+", default=PYTHONS, choices=PYTHONS)
    parser.add_argument("--system", nargs="+", default=list(SYSTEMS), choices=SYSTEMS)
    parser.add_argument("--extra", nargs="+", default=extras, choices=extras)
    args = parser.parse_args()
    failed = 0
    for python, system, extra in product(args.python, args.system, args.extra):
        problem = resolve(python, system, extra)
        failed += bool(problem)
        name = f"impasto[{extra}]" if extra else "impasto"
        print(f"{python} {system:8} {name:22} {problem or 'ok'}", flush=True)
    return int(failed > 0)


def resolve(python: str, system: str, extra: str) -> str:
    """Why there is no set of packages; empty if there is one."""
    command = ["uv", "pip", "compile", str(PROJECT), "--quiet", "--no-header"]
    command += ["--python-version", python, "--python-platform", SYSTEMS[system]]
    command += ["--extra", extra] if extra else []
    command += ["--only-binary", ":all:"] if extra != "test" else []
    environment = {**os.environ, **MACOS}
    done = subprocess.run(command, env=environment, capture_output=True, text=True, check=False)
    return " ".join(done.stderr.split()) if done.returncode else ""


if __name__ == "__main__":
    sys.exit(main())
