"""GIMP 3 as its plug-ins see it, as much as Impasto's uses: layers, selections, undo groups.

A stand-in for ``gi.repository``. ``tests/integrations/test_gimp_program.py`` runs the same plug-in
in GIMP itself where that is installed.
"""

from __future__ import annotations

import sys
import types
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from helpers.script_files import imported

PLUG_IN = Path(__file__).parents[2] / "integrations" / "gimp" / "impasto.py"


class Names:
    """An enumeration: every attribute is its own name."""

    def __getattr__(self, name: str) -> str:
        return name


class Rectangle(tuple):
    """(left, top, width, height)."""

    @classmethod
    def new(cls, *sides: int) -> Rectangle:
        return cls(sides)


class Buffer:
    """Pixels, uint8 (H, W, channels)."""

    def __init__(self, pixels: np.ndarray) -> None:
        self.pixels = pixels

    def get(self, place: Rectangle, scale: float, form: str, abyss: str) -> bytes:
        assert (scale, abyss) == (1.0, "NONE")
        left, top, width, height = place
        out = np.zeros((height, width, self.pixels.shape[2]), np.uint8)
        rows, columns = self.pixels.shape[:2]
        ys = slice(max(0, top), min(rows, top + height))
        xs = slice(max(0, left), min(columns, left + width))
        part = self.pixels[ys, xs]
        y, x = max(0, -top), max(0, -left)
        out[y : y + part.shape[0], x : x + part.shape[1]] = part
        if form.endswith("u16"):
            return (out.astype(np.uint16) * 257).tobytes()
        assert form in ("R'G'B'A u8", "Y u8")
        return out.tobytes()


class Layer:
    """A layer with its pixels (H, W, 4)."""

    def __init__(self, pixels: np.ndarray, name: str = "Background") -> None:
        self.pixels, self.name, self.offsets = pixels, name, (0, 0)
        self.mask: Any = None

    def get_width(self) -> int:
        return self.pixels.shape[1]

    def get_height(self) -> int:
        return self.pixels.shape[0]

    def get_offsets(self) -> tuple[bool, int, int]:
        return True, *self.offsets

    def set_offsets(self, left: int, top: int) -> None:
        self.offsets = left, top

    def get_buffer(self) -> Buffer:
        return Buffer(self.pixels)

    def get_name(self) -> str:
        return self.name

    def set_name(self, name: str) -> None:
        self.name = name

    def get_parent(self) -> None:
        return None

    def is_group(self) -> bool:
        return False

    def scale(self, width: int, height: int, local: bool) -> None:
        scaled = Image.fromarray(self.pixels).resize((width, height))
        self.pixels = np.asarray(scaled)

    def create_mask(self, kind: str) -> str:
        return kind

    def add_mask(self, mask: str) -> None:
        self.mask = mask


class Picture:
    """An image of one layer, with a selection (H, W) or none."""

    def __init__(
        self, layer: Layer, selection: np.ndarray | None = None, precision="U8_NON_LINEAR"
    ):
        self.layers, self.selection, self.precision = [layer], selection, precision
        self.undo: list[str] = []

    def get_precision(self) -> str:
        return self.precision

    def get_selection(self) -> Any:
        return types.SimpleNamespace(get_buffer=lambda: Buffer(self.selection[..., None]))

    def get_item_position(self, layer: Layer) -> int:
        return self.layers.index(layer)

    def insert_layer(self, layer: Layer, parent: None, position: int) -> None:
        assert self.undo[-1:] == ["start"], "outside of the undo group"
        self.layers.insert(position, layer)

    def undo_group_start(self) -> None:
        self.undo.append("start")

    def undo_group_end(self) -> None:
        self.undo.append("end")


class Procedure:
    """A procedure and the arguments that it was given."""

    def __init__(self, name: str) -> None:
        self.name, self.arguments, self.menus, self.label = name, {}, [], ""
        self.choices: dict[str, list[str]] = {}

    @classmethod
    def new(cls, plug_in: Any, name: str, *_: Any) -> Procedure:
        return cls(name)

    def get_name(self) -> str:
        return self.name

    def set_menu_label(self, label: str) -> None:
        self.label = label

    def add_menu_path(self, path: str) -> None:
        assert self.label, "GIMP wants the label first"
        self.menus.append(path)

    def _set(self, *_: Any) -> None:
        pass

    set_image_types = set_sensitivity_mask = set_documentation = set_attribution = _set

    def add_double_argument(self, name, label, about, low, high, value, flags) -> None:
        assert low <= value <= high
        self.arguments[name] = value

    add_int_argument = add_double_argument

    def add_string_argument(self, name, label, about, value, flags) -> None:
        self.arguments[name] = value

    def add_file_argument(self, name, label, about, action, none_ok, value, flags) -> None:
        self.arguments[name] = value

    def add_choice_argument(self, name, label, about, choice, value, flags) -> None:
        assert value in choice
        self.arguments[name], self.choices[name] = value, choice

    def new_return_values(self, status: str, error: Any) -> tuple[str, str]:
        return status, str(error or "")

    def config(self, **changes: Any) -> Any:
        """What GIMP hands over with a call."""
        values = {**self.arguments, **{n.replace("_", "-"): v for n, v in changes.items()}}
        specs = [types.SimpleNamespace(name=name) for name in values]
        return types.SimpleNamespace(list_properties=lambda: specs, get_property=values.get)


class Choice(list):
    """A list of names to choose from."""

    new = classmethod(lambda cls: cls())

    def add(self, name: str, number: int, label: str, about: str) -> None:
        assert number == len(self)
        self.append(name)


class File:
    """A file by its path."""

    def __init__(self, path: str) -> None:
        self.path = path

    def get_path(self) -> str:
        return self.path

    new_for_path = classmethod(lambda cls, path: cls(path))


def _load_layer(mode: str, picture: Picture, file: File) -> Layer:
    with Image.open(file.path) as image:
        return Layer(np.asarray(image.convert("RGBA")), "loaded")


def load_plug_in(monkeypatch: pytest.MonkeyPatch, shown: list[float | None]) -> types.ModuleType:
    """The plug-in, imported with the stand-in; what its progress bar shows goes to ``shown``."""
    gimp = types.SimpleNamespace(
        PlugIn=type("PlugIn", (), {"error_quark": staticmethod(lambda: 1)}),
        Layer=Layer,
        Image=Picture,
        Procedure=Procedure,
        ImageProcedure=Procedure,
        Choice=Choice,
        Selection=types.SimpleNamespace(is_empty=lambda picture: picture.selection is None),
        file_load_layer=_load_layer,
        progress_init=lambda text: None,
        progress_update=shown.append,
        progress_pulse=lambda: shown.append(None),
        progress_end=lambda: None,
        displays_flush=lambda: None,
        main=None,
        **dict.fromkeys(
            ("Precision", "RunMode", "PDBStatusType", "PDBProcType", "AddMaskType",
             "FileChooserAction"), Names()
        ),
        ProcedureSensitivityMask=Names(),
        Drawable=Layer, ProcedureConfig=object, ValueArray=tuple,
    )  # fmt: skip
    gegl = types.SimpleNamespace(Rectangle=Rectangle, AbyssPolicy=Names(), init=lambda _: None)
    glib = types.SimpleNamespace(
        Error=types.SimpleNamespace(new_literal=lambda quark, text, code: text)
    )
    gobject = types.SimpleNamespace(ParamFlags=Names())
    repository = types.ModuleType("gi.repository")
    for name, module in {"Gimp": gimp, "Gegl": gegl, "Gio": types.SimpleNamespace(File=File),
                         "GLib": glib, "GObject": gobject}.items():  # fmt: skip
        setattr(repository, name, module)
    gi = types.ModuleType("gi")
    gi.require_version, gi.repository = (lambda name, version: None), repository
    monkeypatch.setitem(sys.modules, "gi", gi)
    monkeypatch.setitem(sys.modules, "gi.repository", repository)
    return imported(PLUG_IN, "impasto_in_gimp")
