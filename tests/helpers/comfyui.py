"""ComfyUI's interface to nodes, recorded: as much of it as the nodes in ``integrations`` use.

The names, signatures and meanings are those of ComfyUI's own modules ``comfy.utils``,
``comfy.model_management`` and ``folder_paths``. ComfyUI is in no package registry, so it cannot be
installed for tests.
"""

from __future__ import annotations

import importlib.util
import os
import sys
import types
from pathlib import Path

import pytest
import torch
from PIL import Image

NODES = Path(__file__).parents[2] / "integrations" / "comfyui"


class InterruptProcessingException(Exception):  # noqa: N818 - ComfyUI's own name
    """Raised in a node when the user has cancelled."""


class ComfyUI:
    """A recorded ComfyUI: what it was told, and its folder of models.

    Attributes:
        shown: (value, total) of every update of a progress bar.
        previews: Every preview: format, picture, longest side.
        interrupt_at: Share of a bar from which the user has cancelled.
    """

    def __init__(self, models: Path) -> None:
        self.models = models
        self.shown: list[tuple[float, float]] = []
        self.previews: list[tuple[str, Image.Image, int | None]] = []
        self.interrupt_at = 2.0
        self.is_interrupted = False
        self.folders: dict[str, list[str]] = {}

    def install(self, monkeypatch: pytest.MonkeyPatch) -> None:
        """Put the modules where nodes import them from."""
        utils, management = types.ModuleType("comfy.utils"), types.ModuleType("")
        utils.ProgressBar = self._bar_class()
        management.InterruptProcessingException = InterruptProcessingException
        management.throw_exception_if_processing_interrupted = self._throw
        management.get_torch_device = lambda: torch.device("cpu")
        comfy = types.ModuleType("comfy")
        comfy.utils, comfy.model_management = utils, management
        paths = types.ModuleType("folder_paths")
        paths.models_dir = str(self.models)
        paths.add_model_folder_path = self._add_folder
        paths.get_filename_list = self._names
        paths.get_full_path = self._full_path
        for name, module in {
            "comfy": comfy,
            "comfy.utils": utils,
            "comfy.model_management": management,
            "folder_paths": paths,
        }.items():
            monkeypatch.setitem(sys.modules, name, module)

    def load_nodes(self, monkeypatch: pytest.MonkeyPatch) -> types.ModuleType:
        """Import the folder of nodes as ComfyUI does: under the name of its path."""
        name = str(NODES).replace(".", "_x_")
        spec = importlib.util.spec_from_file_location(name, NODES / "__init__.py")
        assert spec is not None
        assert spec.loader is not None
        module = importlib.util.module_from_spec(spec)
        for part in ("nodes", "running", "values"):
            monkeypatch.delitem(sys.modules, f"{name}.{part}", raising=False)
        monkeypatch.setitem(sys.modules, name, module)
        spec.loader.exec_module(module)
        return module

    def _bar_class(self) -> type:
        ui = self

        class ProgressBar:
            def __init__(self, total: float, node_id: str | None = None) -> None:
                self.total = total

            def update_absolute(
                self,
                value: float,
                total: float | None = None,
                preview: tuple[str, Image.Image, int | None] | None = None,
            ) -> None:
                self.total = self.total if total is None else total
                value = min(value, self.total)
                ui.shown.append((value, self.total))
                ui.is_interrupted = ui.is_interrupted or value >= ui.interrupt_at * self.total
                if preview is not None:
                    ui.previews.append(preview)

        return ProgressBar

    def _throw(self) -> None:
        if self.is_interrupted:
            self.is_interrupted = False
            raise InterruptProcessingException

    def _add_folder(self, name: str, path: str, is_default: bool = False) -> None:
        self.folders.setdefault(name, []).append(path)

    def _names(self, name: str) -> list[str]:
        found = [path for folder in self.folders[name] for path in Path(folder).rglob("*.*")]
        return sorted(str(path.relative_to(self.models / name)) for path in found)

    def _full_path(self, name: str, filename: str) -> str | None:
        inside = os.path.relpath(os.path.join("/", filename), "/")
        paths = (os.path.join(folder, inside) for folder in self.folders[name])
        return next(filter(os.path.isfile, paths), None)
