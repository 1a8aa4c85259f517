"""A one-pass model as a folder that describes itself, for other runtimes.

| file | holds |
|---|---|
| ``model.json`` | name, licence, styles, inputs and outputs with their ranges, all files |
| ``painter.onnx``, ``painter.float16.onnx``, ``painter.int8.onnx`` | the painter |
| ``reader.onnx``, ``reader.float16.onnx`` | the reader of styles, if the model has one |
| ``styles.npy`` | the styles that the model knows by name, (names, N) float32 |
| ``painter.pt2``, ``reader.pt2`` | the same graphs for ``torch.export.load`` |
"""

from __future__ import annotations

import hashlib
import json
import os
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch.export import ExportedProgram

from impasto import __version__
from impasto.errors import ImpastoError, OptionError, WeightsError, unknown_name
from impasto.export import onnx
from impasto.export.examples import example_inputs, example_pictures
from impasto.export.graphs import Graph, painter_graph, reader_graph
from impasto.export.onnx import Inputs
from impasto.export.options import FORMATS, PRECISIONS
from impasto.networks.catalogue import open_network
from impasto.networks.model import OnePassModel
from impasto.networks.styles import IDENTITY, STYLE_SIDE
from impasto.runtime.folders import atomic_folder, check_new_folder
from impasto.weights.open import open_encoder
from impasto.weights.records import WEIGHTS

FORMAT, VERSION = "impasto.export", 1
DESCRIPTION, STYLES = "model.json", "styles.npy"

_FILES = frozenset(
    [DESCRIPTION, STYLES, "painter.pt2", "reader.pt2"]
    + [f"{part}{suffix}.onnx" for part in ("painter", "reader")
       for suffix in ("", ".float16", ".int8")]
)  # fmt: skip
"""All that such a folder can hold."""

_TOLERANCE = 1e-3
"""Mean difference from PyTorch above which a float32 graph is wrong; rounding is below 1e-5."""


@dataclass(frozen=True)
class _Part:
    """The painter or the reader."""

    name: str
    graph: Graph
    examples: Sequence[Inputs]
    precisions: Sequence[str]
    entry: dict[str, Any] = field(default_factory=dict)


def export_model(
    model: str | Path | OnePassModel,
    folder: str | Path,
    *,
    formats: Sequence[str] = ("onnx",),
    precisions: Sequence[str] = ("float32",),
    name: str = "",
    overwrite: bool = False,
    progress: Callable[[str, float], None] = lambda step, share: None,
) -> dict[str, Any]:
    """Write a one-pass model for other runtimes, atomically.

    Args:
        model: Name or file of a one-pass model, or the model.
        folder: To write; new, or empty.
        formats: Of :data:`impasto.export.options.FORMATS`.
        precisions: Of :data:`impasto.export.options.PRECISIONS`, for ONNX.
        name: In the description; by default that of the model or its file.
        overwrite: Whether to replace an earlier export.
        progress: Called with what is being done, and the share of the work that is done.

    Returns:
        The description, as ``model.json`` holds it.

    Raises:
        ImpastoError: For a model that cannot be exported, unknown formats, a folder that holds
            something else, or missing libraries.
    """
    _check_names("format", formats, FORMATS)
    _check_names("precision", precisions, PRECISIONS)
    target = check_new_folder(
        Path(folder), overwrite=overwrite, is_own=_is_export, error=WeightsError
    )
    if "onnx" in formats:
        onnx.check_libraries()
    name = name or (model.network.kind if isinstance(model, OnePassModel) else Path(model).stem)
    model = model if isinstance(model, OnePassModel) else open_network(model)
    progress("opening", 0.0)
    parts = _parts(model, precisions)
    description = _describe(model, name)
    steps = len(parts) * (1 + len(formats))
    with atomic_folder(target, error=WeightsError) as new:
        for index, part in enumerate(parts):
            progress(f"{part.name}: recording", index * (1 + len(formats)) / steps)
            program = _record(part.graph, model.network.kind)
            for number, format_ in enumerate(formats, 1):
                progress(f"{part.name}: {format_}", (index * (1 + len(formats)) + number) / steps)
                _WRITERS[format_](new, part, program, description)
            description[part.name] = part.entry
        if model.style_names:
            np.save(new / STYLES, torch.stack(list(model.styles.values())).numpy())
        text = json.dumps(description, indent=2, ensure_ascii=False)
        (new / DESCRIPTION).write_text(text + "\n", encoding="utf-8")
    progress("done", 1.0)
    return description


def _check_names(what: str, given: Sequence[str], known: Sequence[str]) -> None:
    if wrong := next((name for name in given if name not in known), None):
        raise unknown_name(what, wrong, known)
    if not given:
        raise OptionError(f"Name at least one {what}: {', '.join(known)}.")


def _is_export(folder: Path) -> bool:
    """Whether a folder holds an earlier export and nothing else."""
    try:
        description = json.loads((folder / DESCRIPTION).read_text(encoding="utf-8"))
        return description["format"] == FORMAT and set(os.listdir(folder)) <= _FILES
    except (OSError, ValueError, LookupError, TypeError):
        return False


def _parts(model: OnePassModel, precisions: Sequence[str]) -> list[_Part]:
    painter = _Part("painter", painter_graph(model.network), example_inputs(model), precisions)
    if model.predictor is None:
        return [painter]
    encoder = open_encoder(model.encoder)
    graph = reader_graph(encoder, model.predictor)
    # A style is read once for many pictures, and statistics in 8 bits would be others.
    of_reader = ["float32" if name == "float32" else "float16" for name in precisions]
    reader = _Part("reader", graph, example_pictures(), list(dict.fromkeys(of_reader)))
    reader.entry["least_side"] = encoder.minimum_side(graph.module.layers)  # type: ignore[arg-type]
    reader.entry["long_side"] = STYLE_SIDE
    return [painter, reader]


def _describe(model: OnePassModel, name: str) -> dict[str, Any]:
    """All but the files."""
    record = WEIGHTS.get(name)
    known = list(model.styles) if model.style_names else []
    return {
        "format": FORMAT,
        "version": VERSION,
        "impasto": __version__,
        "name": name,
        "kind": model.network.kind,
        "licence": record.licence if record else model.card.get("licence", ""),
        "card": model.card,
        "style_size": model.network.style_size,
        "palette_size": model.network.palette_size,
        "styles": known,
        "style_vectors": STYLES if known else None,
        "identity": IDENTITY if IDENTITY in known else None,
        "least_side": model.network.stride + 1,
        "values": "RGB, sRGB, 0 to 1, float32, channels first",
    }


def _record(graph: Graph, kind: str) -> ExportedProgram:
    try:
        return graph.record()
    except ImpastoError:
        raise
    except Exception as error:  # torch has no family of errors for this
        reason = next(iter(str(error).strip().splitlines()), type(error).__name__)
        raise WeightsError(
            f"A network of kind {kind} cannot be exported, as its forward pass is not of plain "
            f"operations for pictures of any size ({reason}): see docs/export.md."
        ) from error


# --- Formats ------------------------------------------------------------------------------------


def _write_onnx(
    folder: Path, part: _Part, program: ExportedProgram, description: dict[str, Any]
) -> None:
    metadata = {
        f"impasto.{key}": value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)
        for key, value in {**description, "part": part.name}.items()
    }
    exact = onnx.as_onnx(part.graph, program, metadata)
    part.entry["opset"] = onnx.OPSET
    part.entry["inputs"] = _shapes(exact.graph.input)
    part.entry["output"] = _shapes(exact.graph.output)
    part.entry["files"] = {}
    expected = _results(part)
    for precision in part.precisions:
        made = _in_precision(exact, precision, part.examples)
        suffix = "" if precision == "float32" else f".{precision}"
        path = folder / f"{part.name}{suffix}.onnx"
        path.write_bytes(made.SerializeToString())
        entry = _file_entry(path)
        entry["difference"] = mean, largest = _difference(path, part, expected)
        if precision == "float32" and not mean < _TOLERANCE:
            raise WeightsError(
                f"The exported {part.name} differs from the model by {mean:.2g} on average, "
                f"{largest:.2g} at most: see docs/export.md."
            )
        part.entry["files"][precision] = entry


def _write_pt2(
    folder: Path, part: _Part, program: ExportedProgram, description: dict[str, Any]
) -> None:
    path = folder / f"{part.name}.pt2"
    with onnx.quiet():
        torch.export.save(program, path)
    part.entry["pt2"] = _file_entry(path)


_WRITERS: dict[str, Callable[[Path, _Part, ExportedProgram, dict[str, Any]], None]] = {
    "onnx": _write_onnx,
    "pt2": _write_pt2,
}
assert tuple(_WRITERS) == FORMATS


def _in_precision(model: Any, precision: str, examples: Sequence[Inputs]) -> Any:
    if precision == "float32":
        return model
    made = onnx.quantized(model, examples) if precision == "int8" else model
    return onnx.with_half_weights(made)


def _shapes(values: Any) -> dict[str, list[int | str]]:
    """Name → its dimensions, numbers or names."""
    return {
        value.name: [dim.dim_param or dim.dim_value for dim in value.type.tensor_type.shape.dim]
        for value in values
    }


def _file_entry(path: Path) -> dict[str, Any]:
    content = path.read_bytes()
    digest = hashlib.sha256(content).hexdigest()
    return {"file": path.name, "bytes": len(content), "sha256": digest}


@torch.no_grad()
def _results(part: _Part) -> list[np.ndarray[Any, Any]]:
    """What PyTorch computes for the examples."""
    names = list(part.graph.inputs)
    return [
        part.graph.module(*(torch.from_numpy(example[name]) for name in names)).numpy()
        for example in part.examples
    ]


def _difference(
    path: Path, part: _Part, expected: Sequence[np.ndarray[Any, Any]]
) -> tuple[float, float]:
    """Mean and largest difference of a file's results from PyTorch's."""
    session = onnx.open_session(path)
    differences = [
        np.abs(session.run(None, dict(example))[0] - result)
        for example, result in zip(part.examples, expected, strict=True)
    ]
    mean = float(np.mean([difference.mean() for difference in differences]))
    return mean, float(max(difference.max() for difference in differences))
