"""Manual pages and completion scripts, made from the parser while the wheel is built.

They are installed beside the program: ``share/man/man1``, and where bash, zsh and fish look for
completions. The parser needs few packages (``build-system.requires`` in ``pyproject.toml``), and
not PyTorch. An editable installation has none of them.
"""

from __future__ import annotations

import shutil
import sys
import tempfile
from pathlib import Path
from typing import Any

from hatchling.builders.hooks.plugin.interface import BuildHookInterface

COMPLETIONS = {
    "bash": "share/bash-completion/completions/impasto",
    "zsh": "share/zsh/site-functions/_impasto",
    "fish": "share/fish/vendor_completions.d/impasto.fish",
}
"""Shell → where its script is looked for, below the prefix of the installation."""


class SharedFiles(BuildHookInterface):  # type: ignore[type-arg]
    """Adds the pages and scripts to a wheel."""

    PLUGIN_NAME = "custom"

    def initialize(self, version: str, build_data: dict[str, Any]) -> None:
        """Write them into a temporary folder, and tell hatchling where they go."""
        if self.target_name != "wheel" or version == "editable":
            return
        sys.path.insert(0, str(Path(self.root) / "src"))
        from impasto.cli.main import whole_parser
        from impasto.cli.shared.completion import completion_script
        from impasto.cli.shared.man_pages import man_pages

        parser = whole_parser(plug_ins=False)
        files = {
            f"share/man/man1/{name}": text
            for name, text in man_pages(parser, self.metadata.version).items()
        }
        files |= {path: completion_script(parser, shell) for shell, path in COMPLETIONS.items()}
        self.folder = Path(tempfile.mkdtemp(prefix="impasto-shared-"))
        for path, text in files.items():
            file = self.folder / path
            file.parent.mkdir(parents=True, exist_ok=True)
            file.write_text(text, encoding="utf-8", newline="\n")
            build_data["shared_data"][str(file)] = path

    def finalize(self, version: str, build_data: dict[str, Any], artifact_path: str) -> None:
        """Remove the temporary folder."""
        if hasattr(self, "folder"):
            shutil.rmtree(self.folder)
