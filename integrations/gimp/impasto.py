#!/usr/bin/env python3
"""Impasto in GIMP 3: the active layer, or what is selected of it, painted in the style of another.

GIMP comes with a Python of its own, which has no PyTorch. So this plug-in calls the command
``impasto``, wherever it is installed. The result is a new layer above the old one, which is not
changed; it has the selection as its mask.
"""

from __future__ import annotations

import array
import json
import os
import queue
import shutil
import struct
import subprocess
import sys
import tempfile
import threading
import zlib
from collections.abc import Callable
from pathlib import Path

import gi

gi.require_version("Gimp", "3.0")
gi.require_version("Gegl", "0.4")
from gi.repository import Gegl, Gimp, Gio, GLib, GObject  # noqa: E402

STYLIZE, PAINT = "plug-in-impasto-stylize", "plug-in-impasto-paint"

COLOURS = {
    "style": "Those of the style",
    "content": "Those of the photograph",
    "luminance": "Those of the photograph, painted in greys",
    "match": "The style recoloured first",
}

RECIPES = {
    "default": "Default",
    "photo": "Photo: faces and letters stay readable",
    "quick": "Quick",
}

NO_NAME = "picture"
"""Choice of a style by its picture, not by its name."""

_WAIT_SECONDS = 0.2
_LISTING_SECONDS = 20.0


class ImpastoError(Exception):
    """A sentence for the user."""


def command() -> str:
    """The command ``impasto``: that of the environment variable, of the path, or its name."""
    return os.environ.get("IMPASTO_COMMAND") or shutil.which("impasto") or "impasto"


def environment() -> dict[str, str]:
    """The environment of the command, without what GIMP sets for its own Python."""
    removed = {"PYTHONHOME", "PYTHONPATH"}
    if "APPIMAGE" in os.environ:
        removed.add("LD_LIBRARY_PATH")
    changed = {name: value for name, value in os.environ.items() if name not in removed}
    return {**changed, "PYTHONIOENCODING": "utf-8"}


def named_styles(program: str) -> list[str]:
    """The styles that Impasto knows by name; none if it cannot be asked."""
    try:
        told = subprocess.run(
            [program, "models", "list", "--json"],
            capture_output=True,
            timeout=_LISTING_SECONDS,
            check=True,
            env=environment(),
            creationflags=_hidden(),
        ).stdout
        models = json.loads(told)
    except (OSError, subprocess.SubprocessError, ValueError):
        return []
    return sorted({name for model in models for name in model.get("styles", [])})


def arguments(name: str, config: dict[str, object], size: tuple[int, int]) -> list[str]:
    """The words of the command after the picture and before the output.

    Args:
        name: Of the procedure.
        config: Its arguments by name.
        size: Width and height of the layer.

    Raises:
        ImpastoError: If there is no style.
    """
    picture = config.get("picture")
    if name == PAINT:
        if not picture:
            raise ImpastoError("Choose the picture whose style the layer is painted in.")
        long_side = config["size"] or max(size)
        words = [str(picture), "--size", str(long_side), "--recipe", str(config["recipe"])]
        words += ["--style-weight", f"{config['style-weight']:g}", "--events"]
    else:
        style = str(picture or config["style"])
        if style == NO_NAME:
            raise ImpastoError("Choose a style by its name, or a picture.")
        words = ["--style", style, "--quiet"]
    for entry in ("strength", "style-scale", "feather"):
        words += [f"--{entry}", f"{config[entry]:g}"]
    return [*words, "--colour", str(config["colour"])]


def run(words: list[str], show: Callable[[float | None], object]) -> None:
    """Run the command.

    Args:
        words: The program and its words.
        show: Called with the share of the work that is done; with None while it is not known.

    Raises:
        ImpastoError: If there is no such program, or with its last message if it fails.
    """
    with tempfile.TemporaryFile() as errors:
        try:
            process = subprocess.Popen(
                words,
                stdin=subprocess.DEVNULL,
                stdout=subprocess.PIPE,
                stderr=errors,
                env=environment(),
                encoding="utf-8",
                creationflags=_hidden(),
            )
        except OSError as error:
            raise ImpastoError(
                f"The command {words[0]} cannot be run ({error.strerror}): install Impasto, and "
                "give the path of the command in the dialog."
            ) from error
        assert process.stdout is not None
        lines: queue.Queue[str | None] = queue.Queue()
        reader = threading.Thread(target=_read, args=(process, lines), daemon=True)
        reader.start()
        try:
            while (line := _next(lines)) is not None:
                show(_share(line))
            process.wait()
        finally:
            process.kill()  # of no effect if it has ended
            process.wait()
            reader.join()
            process.stdout.close()
        errors.seek(0)
        told = errors.read().decode("utf-8", "replace").strip().splitlines()
    if process.returncode:
        message = told[-1].removeprefix("impasto: ") if told else "it gave no reason"
        raise ImpastoError(f"Impasto could not paint: {message}")


def write_png(path: Path, size: tuple[int, int], channels: int, depth: int, pixels: bytes) -> None:
    """Write pixels as a PNG picture.

    Args:
        path: The file.
        size: Width and height.
        channels: 1 for grey, 4 for red, green, blue and alpha.
        depth: Bits a sample: 8, or 16 in the machine's byte order.
        pixels: Row by row.
    """
    width, height = size
    if depth == 16 and sys.byteorder == "little":
        samples = array.array("H", pixels)
        samples.byteswap()
        pixels = samples.tobytes()
    row = width * channels * depth // 8
    rows = b"".join(b"\0" + pixels[at : at + row] for at in range(0, row * height, row))
    colour_type = {1: 0, 4: 6}[channels]
    header = struct.pack(">IIBBBBB", width, height, depth, colour_type, 0, 0, 0)
    with path.open("wb") as file:
        file.write(b"\x89PNG\r\n\x1a\n")
        for kind, data in ((b"IHDR", header), (b"IDAT", zlib.compress(rows, 1)), (b"IEND", b"")):
            file.write(struct.pack(">I", len(data)) + kind + data)
            file.write(struct.pack(">I", zlib.crc32(kind + data)))


def _read(process: subprocess.Popen[str], lines: queue.Queue[str | None]) -> None:
    """Put every line that a process prints into a queue, and None at the end."""
    assert process.stdout is not None
    for line in process.stdout:
        lines.put(line)
    lines.put(None)


def _next(lines: queue.Queue[str | None]) -> str | None:
    """The next line; empty if there is none for a while, None at the end."""
    try:
        return lines.get(timeout=_WAIT_SECONDS)
    except queue.Empty:
        return ""


def _share(line: str) -> float | None:
    try:
        event = json.loads(line)
    except ValueError:
        return None
    return event.get("share") if isinstance(event, dict) else None


def _hidden() -> int:
    """On Windows: no window for the command."""
    return getattr(subprocess, "CREATE_NO_WINDOW", 0)


# --- the layer ------------------------------------------------------------------------------------


def paint_layer(name: str, image: Gimp.Image, layer: Gimp.Layer, config: dict[str, object]) -> None:
    """Paint a layer into a new one above it.

    Raises:
        ImpastoError: If it cannot be painted.
    """
    size = layer.get_width(), layer.get_height()
    words = arguments(name, config, size)
    _, left, top = layer.get_offsets()
    area = Gegl.Rectangle.new(0, 0, *size)
    # GIMP converts to sRGB, whatever the profile of the image.
    depth = 8 if image.get_precision() in _EIGHT_BITS else 16
    pixels = layer.get_buffer().get(area, 1.0, f"R'G'B'A u{depth}", Gegl.AbyssPolicy.NONE)
    outside = None
    has_selection = not Gimp.Selection.is_empty(image)
    if has_selection:
        place = Gegl.Rectangle.new(left, top, *size)
        selection = image.get_selection().get_buffer()
        inside = bytes(selection.get(place, 1.0, "Y u8", Gegl.AbyssPolicy.NONE))
        if not any(inside):
            raise ImpastoError("The selection is beside the layer: nothing would be painted.")
        outside = inside.translate(bytes(range(255, -1, -1)))
    with tempfile.TemporaryDirectory(prefix="impasto-") as folder:
        photo, mask, made = (Path(folder) / file for file in ("layer.png", "mask.png", "out.png"))
        write_png(photo, size, 4, depth, bytes(pixels))
        if outside is not None and any(outside):
            write_png(mask, size, 1, 8, outside)
            words += ["--region", f"outside={mask}"]
        kind = "paint" if name == PAINT else "stylize"
        depths = ["--depth", str(depth)]
        words = [str(config["command"]), kind, str(photo), *words, *depths, "-o", str(made)]
        try:
            run(words, _show)
        except ImpastoError as error:  # the file is none of the user's
            raise ImpastoError(str(error).replace(f"{photo}: ", "")) from error
        painted = Gimp.file_load_layer(
            Gimp.RunMode.NONINTERACTIVE, image, Gio.File.new_for_path(str(made))
        )
    if painted is None:
        raise ImpastoError("The painted picture could not be loaded.")
    painted.set_name(f"{layer.get_name()} ({_title(config)})")
    image.insert_layer(painted, layer.get_parent(), image.get_item_position(layer))
    if (painted.get_width(), painted.get_height()) != size:
        painted.scale(*size, False)
    painted.set_offsets(left, top)
    if has_selection:
        painted.add_mask(painted.create_mask(Gimp.AddMaskType.SELECTION))


_EIGHT_BITS = (
    Gimp.Precision.U8_LINEAR,
    Gimp.Precision.U8_NON_LINEAR,
    Gimp.Precision.U8_PERCEPTUAL,
)


def _show(share: float | None) -> None:
    if share is None:
        Gimp.progress_pulse()
    else:
        Gimp.progress_update(share)


def _title(config: dict[str, object]) -> str:
    picture = config.get("picture")
    return Path(str(picture)).stem if picture else str(config["style"])


def _run(
    procedure: Gimp.Procedure,
    run_mode: Gimp.RunMode,
    image: Gimp.Image,
    drawables: list[Gimp.Drawable],
    config: Gimp.ProcedureConfig,
    _: object,
) -> Gimp.ValueArray:
    """What GIMP calls."""
    status = Gimp.PDBStatusType
    if len(drawables) != 1 or not isinstance(drawables[0], Gimp.Layer) or drawables[0].is_group():
        return _failed(procedure, status.CALLING_ERROR, "Choose one layer, no group and no mask.")
    if run_mode == Gimp.RunMode.INTERACTIVE and not _ask(procedure, config):
        return procedure.new_return_values(status.CANCEL, None)
    Gegl.init(None)
    Gimp.progress_init("Impasto")
    values = {spec.name: config.get_property(spec.name) for spec in config.list_properties()}
    if isinstance(values.get("picture"), Gio.File):
        values["picture"] = values["picture"].get_path()
    image.undo_group_start()
    try:
        paint_layer(procedure.get_name(), image, drawables[0], values)
    except ImpastoError as error:
        return _failed(procedure, status.EXECUTION_ERROR, str(error))
    finally:
        image.undo_group_end()
        Gimp.progress_end()
    Gimp.displays_flush()
    return procedure.new_return_values(status.SUCCESS, None)


def _ask(procedure: Gimp.Procedure, config: Gimp.ProcedureConfig) -> bool:
    gi.require_version("GimpUi", "3.0")
    from gi.repository import GimpUi

    GimpUi.init(procedure.get_name())
    dialog = GimpUi.ProcedureDialog.new(procedure, config, "Impasto")
    dialog.fill(None)
    agreed = dialog.run()
    dialog.destroy()
    return agreed


def _failed(procedure: Gimp.Procedure, status: Gimp.PDBStatusType, text: str) -> Gimp.ValueArray:
    error = GLib.Error.new_literal(Gimp.PlugIn.error_quark(), text, 0)
    return procedure.new_return_values(status, error)


# --- what GIMP is told ----------------------------------------------------------------------------


class Impasto(Gimp.PlugIn):
    """Two procedures: in one pass, and by optimization."""

    def do_set_i18n(self, _: str) -> bool:
        """No translations."""
        return False

    def do_query_procedures(self) -> list[str]:
        """Their names."""
        return [STYLIZE, PAINT]

    def do_create_procedure(self, name: str) -> Gimp.Procedure:
        """One of them, with its arguments."""
        procedure = Gimp.ImageProcedure.new(self, name, Gimp.PDBProcType.PLUGIN, _run, None)
        procedure.set_image_types("RGB*, GRAY*")
        procedure.set_sensitivity_mask(Gimp.ProcedureSensitivityMask.DRAWABLE)
        procedure.set_attribution("The Impasto developers", "The Impasto developers", "2026")
        if name == STYLIZE:
            procedure.set_menu_label("_Stylize...")
            procedure.set_documentation(
                "Paint the layer in the style of a picture, in one pass",
                "A new layer, in the style of a picture or of a work by name, in a second.",
                name,
            )
            styles = {NO_NAME: "Of the picture below"}
            styles |= {style: style for style in named_styles(command())}
            default = "great-wave" if "great-wave" in styles else NO_NAME
            _choice(procedure, "style", "_Style", styles, default)
            _file(procedure, "picture", "Or a _picture", "Its style is used instead of the name")
        else:
            procedure.set_menu_label("_Paint...")
            procedure.set_documentation(
                "Paint the layer in the style of a picture, by optimization",
                "A new layer, in the best quality, in seconds to minutes.",
                name,
            )
            _file(procedure, "picture", "Style _picture", "The picture to paint like")
            procedure.add_int_argument(
                "size", "Long si_de", "In pixels, of what is painted; 0: that of the layer",
                0, 65536, 0, _FLAGS,
            )  # fmt: skip
            _choice(procedure, "recipe", "_Recipe", RECIPES, "default")
            _number(procedure, "style-weight", "Style _weight", "More of the style", (0, 100), 1.0)
        procedure.add_menu_path("<Image>/Filters/Artistic/Impasto")
        _number(procedure, "strength", "S_trength", "0: the photograph; 1: the style", (0, 1), 1.0)
        _number(procedure, "style-scale", "Stroke si_ze", "Size of the strokes", (0.05, 20), 1.0)
        _choice(procedure, "colour", "_Colours", COLOURS, "style")
        _number(procedure, "feather", "_Feather", "Blur of the selection's edge, as a share of the "
                "long side", (0, 0.5), 0.0)  # fmt: skip
        procedure.add_string_argument(
            "command", "Co_mmand", "Where the command impasto is", command(), _FLAGS
        )
        return procedure


_FLAGS = GObject.ParamFlags.READWRITE


def _number(
    procedure: Gimp.Procedure,
    name: str,
    label: str,
    about: str,
    ends: tuple[float, float],
    value: float,
) -> None:
    procedure.add_double_argument(name, label, about, *ends, value, _FLAGS)


def _choice(
    procedure: Gimp.Procedure, name: str, label: str, values: dict[str, str], value: str
) -> None:
    choice = Gimp.Choice.new()
    for number, (key, text) in enumerate(values.items()):
        choice.add(key, number, text, "")
    procedure.add_choice_argument(name, label, label.replace("_", ""), choice, value, _FLAGS)


def _file(procedure: Gimp.Procedure, name: str, label: str, about: str) -> None:
    action = Gimp.FileChooserAction.OPEN
    procedure.add_file_argument(name, label, about, action, True, None, _FLAGS)


if __name__ == "__main__":
    Gimp.main(Impasto.__gtype__, sys.argv)
