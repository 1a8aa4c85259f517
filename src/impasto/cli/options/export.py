"""Options of ``impasto export``."""

from __future__ import annotations

import argparse
from pathlib import Path

from impasto.cli.shared.save_options import add_overwrite
from impasto.export.options import FORMATS, PRECISIONS

EXAMPLES = """\
examples:
  impasto export any -o any-onnx/
  impasto export multi -o multi-onnx/ --precision float32 float16 int8
  impasto export trained.safetensors -o trained/ --format onnx pt2

The folder describes itself in model.json. docs/export.md shows how to paint
with it from Python and JavaScript, without Impasto and without PyTorch.
"""


def configure(parser: argparse.ArgumentParser) -> None:
    """Add the options of ``export``."""
    add = parser.add_argument
    add("model", metavar="MODEL", help="a one-pass model of `impasto models list`, or its file")
    add("-o", "--output", metavar="DIR", type=Path, required=True, help="the folder to write")
    add("--format", nargs="+", choices=FORMATS, default=["onnx"],
        help="ONNX, or the archive of torch.export [onnx]")  # fmt: skip
    add("--precision", nargs="+", choices=PRECISIONS, default=["float32"],
        help="of the ONNX files: one or several [float32]")  # fmt: skip
    add_overwrite(parser)
    add("--quiet", action="store_true", help="show no progress")
    add("--json", action="store_true", help="print the description as JSON")
