"""Completion scripts, asked by real shells: what follows the words typed so far."""

from __future__ import annotations

import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from impasto.cli.main import run
from impasto.cli.options.completion import SHELLS

CASES = {
    "impasto sty": {"stylize"},
    "impasto paint --style-lo": {"--style-loss"},
    "impasto paint --style-loss ga": {"gaussian-ot"},
    "impasto train any": {"any-style"},
    "impasto train any-style --content pho": {"photos"},
    "impasto paint pic": {"picture.png"},
    "impasto paint picture.png pain": {"painting.png"},
    "impasto paint picture.png painting.png -o pict": {"picture.png"},
    "impasto completion z": {"zsh"},
}
"""Words typed → what completes the last of them."""

BASH = """
source "$1"
read -ra COMP_WORDS <<< "$2"
COMP_CWORD=$((${#COMP_WORDS[@]} - 1))
_shtab_impasto impasto "${COMP_WORDS[COMP_CWORD]}" "${COMP_WORDS[COMP_CWORD-1]}"
printf '%s\\n' "${COMPREPLY[@]}"
"""

FISH = 'source $argv[1]; complete -C "$argv[2]"'

ZSH = """
zmodload zsh/zpty
zpty shell zsh -f -i
zpty -w shell "PROMPT=; autoload -U compinit; compinit -u -D; source $1; compdef _shtab_impasto impasto"
zpty -w shell "show() { print -r -- \\"<\\$BUFFER>\\"; zle kill-whole-line; print DO''NE }"
zpty -w shell "zle -N show; bindkey '^I' complete-word '^X' show; print READ''Y"
zpty -r shell seen '*READY*'
zpty -w -n shell "$2"$'\\t\\x18'
zpty -r shell seen '*DONE*'
print -r -- "$seen"
zpty -d shell
"""  # noqa: E501


SHELLS_TESTED = [
    pytest.param(shell, marks=pytest.mark.slow if shell == "zsh" else ()) for shell in SHELLS
]


@pytest.fixture
def scripts(tmp_path, monkeypatch, capsys) -> dict[str, Path]:
    """Shell → its script; a folder with files is the current one."""
    found = {}
    for shell in SHELLS:
        assert run(["completion", shell]) == 0
        found[shell] = tmp_path / f"script.{shell}"
        found[shell].write_text(capsys.readouterr().out, encoding="utf-8")
    here = tmp_path / "here"
    (here / "photos").mkdir(parents=True)
    for name in ("picture.png", "painting.png"):
        (here / name).touch()
    monkeypatch.chdir(here)
    return found


def ask(shell: str, script: Path, typed: str) -> set[str]:
    """What a shell offers for the last word."""
    program = shutil.which(shell)
    if program is None or sys.platform == "win32":  # where bash is that of WSL
        pytest.skip(f"{shell} is not installed")
    words = {
        "bash": ["--norc", "-c", BASH, "-", str(script), typed],
        "fish": ["--no-config", "-c", FISH, str(script), typed],
        "zsh": ["-f", "-c", ZSH, "-", str(script), typed],
    }
    done = subprocess.run(
        [program, *words[shell]], capture_output=True, text=True, timeout=60, check=True
    )
    if shell == "zsh":  # the line after the tabulator
        line = done.stdout.rpartition("<")[2].partition(">")[0]
        return {line.split()[-1].rstrip("/")}
    offered = (line.partition("\t")[0] for line in done.stdout.splitlines())
    return {word.rstrip("/") for word in offered if word}


@pytest.mark.parametrize("shell", SHELLS_TESTED)
def test_a_shell_completes_commands_options_choices_and_paths(shell, scripts):
    found = {typed: ask(shell, scripts[shell], typed) for typed in CASES}
    assert found == CASES


@pytest.mark.parametrize("shell", SHELLS_TESTED)
def test_what_completes_nothing_is_left_alone(shell, scripts):
    found = ask(shell, scripts[shell], "impasto paint --no-such-opt")
    assert found <= {"--no-such-opt"}  # zsh shows the word as it is


def test_an_unknown_shell_is_one_sentence(capsys):
    with pytest.raises(SystemExit) as stopped:
        run(["completion", "cmd"])
    assert stopped.value.code == 2
    (line,) = capsys.readouterr().err.splitlines()
    assert "'bash', 'zsh', 'fish'" in line
