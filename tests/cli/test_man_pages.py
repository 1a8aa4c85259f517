"""Manual pages: all that the parser has, in a format that readers of manual pages accept."""

from __future__ import annotations

import argparse
import shutil
import subprocess

import pytest

from impasto.cli.main import COMMANDS, whole_parser
from impasto.cli.shared.completion import actions
from impasto.cli.shared.man_pages import man_pages


@pytest.fixture(scope="module")
def pages() -> dict[str, str]:
    return man_pages(whole_parser(plug_ins=False), "1.2.3")


def test_every_command_has_a_page(pages):
    below = ["train-any-style", "train-encoder", "models-add"]
    assert {f"impasto-{name}.1" for name in [*COMMANDS, *below]} | {"impasto.1"} <= set(pages)


def test_every_option_is_named_with_its_help(pages):
    parser = whole_parser(plug_ins=False)
    text = " ".join("".join(pages.values()).replace("\\-", "-").replace("\\fB", "").split())
    for action in actions(parser):
        if action.help != argparse.SUPPRESS:
            for name in action.option_strings:
                assert f"{name}\\fR" in text


def test_pages_do_not_depend_on_the_terminal(pages, monkeypatch):
    monkeypatch.setenv("COLUMNS", "30")
    monkeypatch.setenv("FORCE_COLOR", "1")
    assert man_pages(whole_parser(plug_ins=False), "1.2.3") == pages
    assert "\x1b" not in "".join(pages.values())


def test_text_means_itself():
    parser = argparse.ArgumentParser(prog="pro-gram", description="A back\\slash.", add_help=False)
    parser.add_argument("--dot", metavar="X", help=".gif, a 'quote', 100%% and \"more\"")
    page = man_pages(parser, "1")["pro-gram.1"]
    assert "A back\\eslash." in page
    assert "\n\\&.gif, a 'quote', 100% and \\(dqmore\\(dq\n" in page
    assert "\\fB\\-\\-dot\\fR \\fIX\\fR" in page
    assert ".SH NAME\npro\\-gram \\- A back\\eslash\n" in page


def test_a_reader_of_manual_pages_finds_no_fault(pages, tmp_path):
    mandoc = shutil.which("mandoc")
    if mandoc is None:
        pytest.skip("mandoc is not installed")
    for name, text in pages.items():
        (tmp_path / name).write_text(text, encoding="utf-8")
    command = [mandoc, "-T", "lint", "-W", "warning", *sorted(pages)]
    done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, check=False)
    faults = [line for line in done.stdout.splitlines() if "missing date" not in line]
    assert faults == []
    shown = subprocess.run(
        [mandoc, "-T", "utf8", "impasto-paint.1"], cwd=tmp_path, capture_output=True, check=True
    ).stdout.decode()
    assert "impasto paint photo.jpg painting.jpg -o out.png" in shown
    assert "impasto 1.2.3" in shown
