"""Exported folders: what they hold, what they paint without PyTorch, and what is refused."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import torch

import impasto
from helpers.random_inputs import smooth_picture
from helpers.tiny_networks import any_style, fixed_styles
from impasto import images
from impasto.errors import OptionError, WeightsError
from impasto.export.folder import export_model
from impasto.export.graphs import Graph
from impasto.networks.johnson import JohnsonNetwork
from impasto.onepass.stylist import Stylist

DOCS = Path(__file__).parents[2] / "docs" / "export.md"
pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def exported(encoder, tmp_path_factory):
    """A model for any style, its folder and description, with all formats and precisions."""
    folder = tmp_path_factory.mktemp("export") / "tiny"
    model = any_style("johnson", encoder)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("impasto.export.folder.open_encoder", lambda name: encoder)
        patch.setattr("impasto.onepass.stylist.open_encoder", lambda name: encoder)
        model.card["licence"] = "CC0"
        description = export_model(
            model, folder, formats=["onnx", "pt2"], precisions=["float32", "float16", "int8"],
            name="tiny",
        )  # fmt: skip
    return model, folder, description


def session(path):
    import onnxruntime

    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = 1
    return onnxruntime.InferenceSession(path, options, providers=["CPUExecutionProvider"])


@pytest.mark.parametrize("size", [(2, 37, 50), (1, 5, 200), (3, 31, 6), (1, 64, 64)])
def test_painter_and_reader_do_what_the_model_does(exported, encoder, size):
    model, folder, _ = exported
    batch, height, width = size
    stylist = Stylist(model, encoder=encoder)
    pictures = [smooth_picture(45, 33 + seed, seed=seed) for seed in (1, 2)]
    vectors = torch.stack([stylist.read_style(picture) for picture in pictures])
    reader = session(folder / "reader.onnx")
    read = np.concatenate([reader.run(None, {"picture": p.numpy()})[0] for p in pictures])
    np.testing.assert_allclose(read, vectors, atol=1e-4)
    image = torch.cat([smooth_picture(height, width, seed=seed) for seed in range(batch)])
    weights = np.float32([0.5, 1.5])
    inputs = {"image": image.numpy(), "styles": read, "weights": weights}
    (painted,) = session(folder / "painter.onnx").run(None, inputs)
    mixed = (0.25 * vectors[:1] + 0.75 * vectors[1:]).expand(batch, -1)
    np.testing.assert_allclose(painted, model.network(image, mixed), atol=1e-4)


def test_the_description_is_that_of_the_files(exported):
    model, folder, description = exported
    assert json.loads((folder / "model.json").read_text("utf-8")) == json.loads(
        json.dumps(description)
    )
    assert (description["name"], description["kind"], description["licence"]) == (
        "tiny", "johnson", "CC0",
    )  # fmt: skip
    assert description["impasto"] == impasto.__version__
    assert description["style_size"] == model.network.style_size
    painter = description["painter"]
    size = ["batch", 3, "height", "width"]
    assert painter["inputs"]["image"] == painter["output"]["painted"] == size
    assert painter["inputs"]["styles"] == ["mixed", model.network.style_size]
    assert description["reader"]["inputs"] == {"picture": [1, 3, "height", "width"]}
    entries = [*painter["files"].values(), *description["reader"]["files"].values()]
    entries += [painter["pt2"], description["reader"]["pt2"]]
    assert {entry["file"] for entry in entries} | {"model.json"} == set(os.listdir(folder))
    for entry in entries:
        assert (folder / entry["file"]).stat().st_size == entry["bytes"]


def test_onnx_files_hold_their_description_and_no_path_of_this_machine(exported):
    import onnx

    _, folder, description = exported
    for path in folder.glob("*.onnx"):
        model = onnx.load(path)
        found = {entry.key: entry.value for entry in model.metadata_props}
        assert found["impasto.licence"] == "CC0"
        assert json.loads(found["impasto.styles"]) == description["styles"]
        assert model.opset_import[0].version == description["painter"]["opset"]
        assert str(Path(impasto.__file__).parent).encode() not in path.read_bytes()


@pytest.mark.parametrize(("precision", "bound"), [("float16", 1e-2), ("int8", 0.1)])
def test_smaller_files_paint_nearly_the_same(exported, precision, bound):
    _, _, description = exported
    files = description["painter"]["files"]
    mean, largest = files[precision]["difference"]
    assert 0 < mean < bound
    assert mean <= largest
    assert files["float32"]["difference"][0] < 1e-5


def test_archives_of_torch_export_take_any_size(exported):
    model, folder, _ = exported
    program = torch.export.load(folder / "painter.pt2").module()
    image, style = smooth_picture(41, 30, seed=3), torch.zeros(1, model.network.style_size)
    painted = program(image, style, torch.ones(1))
    torch.testing.assert_close(painted, model.network(image, style), atol=1e-4, rtol=0)


def test_the_lines_of_the_docs_paint_without_torch(exported, tmp_path):
    _, folder, _ = exported
    text = DOCS.read_text(encoding="utf-8")
    (lines,) = re.findall(r"<!-- runs without torch -->\n```text\n(.*?)```", text, re.DOTALL)
    assert len(lines.splitlines()) <= 11
    photo, painting = smooth_picture(40, 50, seed=1), smooth_picture(60, 44, seed=2)
    images.write(tmp_path / "photo.jpg", photo)
    images.write(tmp_path / "painting.jpg", painting)
    (tmp_path / "any-onnx").symlink_to(folder)
    blocked = "import sys; sys.modules.update(torch=None, impasto=None)\n"
    answer = subprocess.run(
        [sys.executable, "-c", blocked + lines], cwd=tmp_path, capture_output=True, text=True,
    )  # fmt: skip
    assert answer.returncode == 0, answer.stderr
    assert images.read(tmp_path / "out.png").size == (40, 50)


def test_named_styles_are_a_table(tmp_path):
    model = fixed_styles("johnson", "waves", "photograph")
    description = export_model(model, tmp_path / "fixed")
    assert description["styles"] == ["waves", "photograph"]
    assert (description["identity"], description["name"]) == ("photograph", "johnson")
    assert "reader" not in description
    table = np.load(tmp_path / "fixed" / "styles.npy")
    np.testing.assert_array_equal(table, torch.stack(list(model.styles.values())))


# --- What is refused -----------------------------------------------------------------------------


def test_a_folder_that_exists_is_kept(exported, tmp_path, monkeypatch):
    model, folder, _ = exported
    monkeypatch.setattr(Graph, "record", lambda self: pytest.fail("it was refused too late"))
    before = (folder / "model.json").read_bytes()
    with pytest.raises(OptionError, match=r"exists already: .* replace it with overwrite"):
        export_model(model, folder)
    assert (folder / "model.json").read_bytes() == before
    (tmp_path / "notes.txt").write_text("mine")
    with pytest.raises(OptionError, match="holds other files already: name a new folder"):
        export_model(model, tmp_path, overwrite=True)
    with pytest.raises(OptionError, match="is a file: name a folder"):
        export_model(model, tmp_path / "notes.txt")
    assert os.listdir(tmp_path) == ["notes.txt"]


def test_after_a_failure_nothing_is_left(tmp_path, monkeypatch):
    model = fixed_styles("johnson", "waves")
    stop = KeyboardInterrupt()
    monkeypatch.setattr("impasto.export.folder._write_onnx", lambda *args: None)
    monkeypatch.setattr(Graph, "record", lambda self: (_ for _ in ()).throw(stop))
    with pytest.raises(KeyboardInterrupt):
        export_model(model, tmp_path / "out")
    assert os.listdir(tmp_path) == []


def test_a_network_that_no_graph_can_hold_is_named(tmp_path, monkeypatch):
    model = fixed_styles("johnson", "waves")
    forward = JohnsonNetwork.staged_forward

    def by_values(self, image, style, **place):
        return forward(self, image * float(image.mean()), style, **place)

    monkeypatch.setattr(JohnsonNetwork, "staged_forward", by_values)
    with pytest.raises(WeightsError, match="of kind johnson cannot be exported"):
        export_model(model, tmp_path / "out")
    assert os.listdir(tmp_path) == []


def test_a_graph_that_paints_something_else_is_not_written(tmp_path, monkeypatch):
    from impasto.export import folder as written

    model = fixed_styles("johnson", "waves")
    honest = written._results
    monkeypatch.setattr(written, "_results", lambda part: [r + 0.01 for r in honest(part)])
    with pytest.raises(WeightsError, match=r"exported painter differs from the model by 0\.01"):
        export_model(model, tmp_path / "out")
    assert os.listdir(tmp_path) == []


@pytest.mark.parametrize(
    ("given", "sentence"),
    [
        ({"formats": ["onyx"]}, "Unknown format 'onyx': choose one of onnx, pt2."),
        ({"precisions": ["int4"]}, "Unknown precision 'int4': choose one of"),
        ({"formats": []}, "Name at least one format"),
    ],
)
def test_unknown_names_are_one_sentence(given, sentence, tmp_path):
    with pytest.raises(OptionError, match=re.escape(sentence)):
        export_model("any", tmp_path / "out", **given)


def test_a_missing_library_is_named_before_any_work(tmp_path, monkeypatch):
    monkeypatch.setitem(sys.modules, "onnxscript", None)
    with pytest.raises(OptionError, match=r"needs ONNX Script: pip install '\.\[onnx\]'"):
        export_model("any", tmp_path / "out")
    assert os.listdir(tmp_path) == []
