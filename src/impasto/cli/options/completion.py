"""Options of ``impasto completion``."""

from __future__ import annotations

import argparse

SHELLS = ("bash", "zsh", "fish")

EXAMPLES = """\
examples:
  impasto completion bash > ~/.local/share/bash-completion/completions/impasto
  impasto completion zsh > ~/.zfunc/_impasto
  impasto completion fish > ~/.config/fish/completions/impasto.fish

The folders must exist. For zsh, ~/.zshrc needs `fpath+=~/.zfunc` before `compinit`. Open a new
shell afterwards, and print the script again after an update of Impasto.
"""


def configure(parser: argparse.ArgumentParser) -> None:
    """Add the options of ``completion``."""
    parser.add_argument(
        "shell", metavar="SHELL", choices=SHELLS, help=f"one of {', '.join(SHELLS)}"
    )
