"""The plug-in in GIMP 3 itself, where it is installed: without a window, by a batch command."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from helpers.gimp import PLUG_IN
from impasto import images
from impasto.images.samples import PAIRS

GIMP = next(filter(None, map(shutil.which, ("gimp-console-3.0", "gimp-console-3"))), None)

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(GIMP is None, reason="there is no GIMP 3"),
]

BATCH = """
import json
from gi.repository import Gimp, Gio

def file(name):
    return Gio.File.new_for_path(name)

def call(name, image, layer, **changes):
    procedure = Gimp.get_pdb().lookup_procedure(name)
    config = procedure.create_config()
    config.set_property("run-mode", Gimp.RunMode.NONINTERACTIVE)
    config.set_property("image", image)
    config.set_core_object_array("drawables", [layer])
    for key, value in changes.items():
        config.set_property(key, value)
    status = procedure.run(config).index(0)
    return [status.value_nick, Gimp.get_pdb().get_last_error()]

told = {}
image = Gimp.file_load(Gimp.RunMode.NONINTERACTIVE, file("photo.png"))
layer = image.get_layers()[0]
told["stylize"] = call("plug-in-impasto-stylize", image, layer, style="kiss")
Gimp.Image.select_rectangle(image, Gimp.ChannelOps.REPLACE, 48, 0, 48, 64)
told["paint"] = call("plug-in-impasto-paint", image, layer, picture=file("style.png"), size=64)
told["layers"] = [[l.get_name(), l.get_width(), bool(l.get_mask())] for l in image.get_layers()]
told["mistake"] = call("plug-in-impasto-paint", image, layer)
for number, name in enumerate(("stylized.png", "painted.png")):
    for index, other in enumerate(image.get_layers()):
        other.set_visible(index in (number, 2))
    flat = image.duplicate()
    flat.merge_visible_layers(Gimp.MergeType.CLIP_TO_IMAGE)
    Gimp.file_save(Gimp.RunMode.NONINTERACTIVE, flat, file(name), None)
grey = image.duplicate()
grey.convert_grayscale()
grey.convert_precision(Gimp.Precision.U16_NON_LINEAR)
told["grey"] = call("plug-in-impasto-stylize", grey, grey.get_layers()[2], style="scream")
with open("told.json", "w", encoding="utf-8") as output:
    json.dump(told, output)
"""


def test_layers_are_painted_in_gimp(tmp_path):
    pair = PAIRS["lighthouse-great-wave"]
    photo = images.read(pair.content_path).resized((64, 96)).tensor
    images.write(tmp_path / "photo.png", photo)
    images.write(tmp_path / "style.png", images.read(pair.style_path).resized((64, 96)).tensor)
    settings = tmp_path / "settings"
    (settings / "plug-ins" / "impasto").mkdir(parents=True)
    shutil.copy(PLUG_IN, settings / "plug-ins" / "impasto")
    command = Path(sys.executable).with_name("impasto")
    (tmp_path / "batch.py").write_text(BATCH, encoding="utf-8")
    environment = {**os.environ, "GIMP3_DIRECTORY": str(settings), "OMP_NUM_THREADS": "1",
                   "IMPASTO_COMMAND": str(command)}  # fmt: skip
    done = subprocess.run(
        [GIMP, "-idf", "--batch-interpreter", "python-fu-eval",
         "-b", "exec(open('batch.py').read())", "--quit"],
        cwd=tmp_path, env=environment, capture_output=True, text=True, timeout=600,
    )  # fmt: skip
    assert (tmp_path / "told.json").is_file(), done.stderr[-2000:]
    told = json.loads((tmp_path / "told.json").read_text("utf-8"))
    assert told["stylize"][0] == told["paint"][0] == told["grey"][0] == "success"
    assert told["mistake"] == [
        "execution-error", "Choose the picture whose style the layer is painted in.",
    ]  # fmt: skip
    assert told["layers"] == [
        ["Background (kiss)", 96, False],
        ["Background (style)", 96, True],
        ["Background", 96, False],
    ]
    before = images.as_uint8(photo)[0].movedim(0, -1).numpy().astype(int)
    stylized, painted = (
        images.as_uint8(images.read(tmp_path / name).tensor)[0].movedim(0, -1).numpy().astype(int)
        for name in ("stylized.png", "painted.png")
    )
    assert np.abs(stylized - before).mean() > 10
    assert np.abs(painted - before)[:, 48:].mean() > 10
    assert np.abs(painted - before)[:, :48].max() <= 1
