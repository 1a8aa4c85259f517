"""The styles in the examples at the end of ``-h`` exist."""

from __future__ import annotations

import importlib
import itertools
import shlex
from pathlib import Path

import pytest

from impasto.cli.main import COMMANDS
from impasto.cli.options import stylize, train, train_networks
from impasto.networks.catalogue import networks, style_names

EPILOGS = [
    getattr(importlib.import_module(f"impasto.cli.options.{name}"), "EXAMPLES", "")
    for name in COMMANDS
]


def styles(epilog: str) -> list[str]:
    """Every value of --style in an epilog, without weights."""
    found = []
    for line in epilog.replace("\\\n", " ").splitlines():
        words = iter(shlex.split(line) if line.strip().startswith("impasto ") else [])
        for word in words:
            if word == "--style":
                found += itertools.takewhile(lambda word: not word.startswith("-"), words)
    return [style.partition(":")[0] for style in found]


def test_styles_are_read_from_the_examples():
    assert styles(stylize.EXAMPLES).count("painting.jpg") > 1
    assert "great-wave" in styles(stylize.EXAMPLES)


@pytest.mark.parametrize("epilog", [*EPILOGS, train.EXAMPLES, train_networks.EXAMPLES])
def test_each_style_is_a_known_name_or_a_file(epilog):
    known = {style for model in networks() for style in style_names(model)}
    unknown = [
        s for s in styles(epilog) if s not in known and not (Path(s).suffix or s.endswith("/"))
    ]
    assert unknown == []
