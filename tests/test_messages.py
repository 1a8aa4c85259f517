"""The library names options as Python does; only the command line writes flags."""

from __future__ import annotations

import ast
import re
from pathlib import Path

import pytest

import impasto
from impasto.cli.shared.messages import sentence
from impasto.errors import (
    ImpastoError,
    OptionError,
    counted_noun,
    option,
    unknown_name,
    with_file_name,
)

SOURCE = Path(impasto.__file__).parent
FLAG = re.compile(r"(?<![\w-])--[a-z][a-z-]+")

SHELL = {"jobs/as_command.py", "reports/gallery_commands.py"}
"""Modules that write shell commands, which is what they are for."""


def texts(tree: ast.AST) -> list[str]:
    """The string constants of a module, docstrings left out."""
    docstrings = {
        id(node.value)
        for node in ast.walk(tree)
        if isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant)
    }
    return [
        node.value
        for node in ast.walk(tree)
        if isinstance(node, ast.Constant)
        and isinstance(node.value, str)
        and id(node) not in docstrings
    ]


def test_no_library_module_knows_a_flag():
    found = {}
    for path in sorted(SOURCE.rglob("*.py")):
        name = path.relative_to(SOURCE).as_posix()
        if name.startswith("cli/") or name in SHELL:
            continue
        flags = [t for t in texts(ast.parse(path.read_text("utf-8"))) if FLAG.search(t)]
        if flags:
            found[name] = flags
    assert found == {}


def test_the_check_sees_a_flag():
    assert FLAG.search("give a smaller --size.")
    assert texts(ast.parse('"""Doc --size."""\nraise E(f"{x}: give --size")')) == [": give --size"]


def test_an_error_is_rendered_by_each_interface():
    error = OptionError(
        f"{option('style_weight')} must be 0 or more: lower {option('size')}.", got=-1
    )
    assert str(error) == "style_weight must be 0 or more: lower size."
    assert sentence(error) == "--style-weight must be 0 or more: lower --size."
    assert error.render(str.upper) == "STYLE_WEIGHT must be 0 or more: lower SIZE."
    assert (error.field, error.got, error.allowed) == ("style_weight", -1, None)


def test_names_in_a_message_survive_being_part_of_another():
    error = OptionError(f"Give {option('memory')}.")
    assert sentence(with_file_name("a.png", error)) == "a.png: Give --memory."
    assert with_file_name("a.png", ImpastoError("a.png is no picture.")).message.count("a.png") == 1
    assert sentence(OptionError(f"The recipe is not usable: {error.message}")).endswith("--memory.")


def test_unknown_names_carry_what_was_got_and_what_is_allowed():
    error = unknown_name("layer", "relu1_2x", ["relu1_1", "relu1_2"])
    assert (error.got, error.allowed) == ("relu1_2x", ["relu1_1", "relu1_2"])
    assert str(error).endswith("Did you mean 'relu1_2'?")


@pytest.mark.parametrize("kind", [ImpastoError, OptionError])
def test_a_remedy_ends_the_sentence(kind):
    assert str(kind("The disk is full.", remedy="Free some space.")) == (
        "The disk is full. Free some space."
    )


def test_counts_have_nouns_that_agree():
    """A number before a fixed plural is "1 pictures" where the number is one."""
    assert [counted_noun(n, "style", "need") for n in (0, 1, 2)] == [
        "0 styles need", "1 style needs", "2 styles need",
    ]  # fmt: skip
    nouns = "pictures|styles|steps|images|frames|pages|snapshots|regions|results|weights|cells"
    fixed = re.compile(rf"\{{(?:len\([^{{}}]*\)|count|number|steps|total)\}} (?:{nouns})\b")
    allowed = {
        "training/crops.py": 1,  # a name, by which checkpoints know their pictures
        "jobs/inputs.py": 1, "evaluation/matching.py": 1, "painting/objective_builder.py": 1,
        "regions/regions.py": 1, "cli/commands/train_networks.py": 1,  # never of one
    }  # fmt: skip
    found = {
        path.relative_to(SOURCE).as_posix(): count
        for path in SOURCE.rglob("*.py")
        if (count := len(fixed.findall(path.read_text(encoding="utf-8"))))
    }
    assert found == {name: n for name, n in allowed.items() if name in found}
