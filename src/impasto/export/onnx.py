"""Graphs as ONNX models: written by torch's dynamo exporter, stripped, stored in half, quantized.

The operator set is 18 (December 2022): every runtime of today knows it, those of browsers too.
Newer ones make neither the graphs smaller nor ONNX Runtime faster (docs/export.md).
"""

from __future__ import annotations

import contextlib
import logging
import warnings
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import numpy as np
import torch
from torch.export import ExportedProgram

from impasto import __version__
from impasto.export.graphs import Graph
from impasto.runtime.optional import require

OPSET = 18

_LEAST = 4096
"""Values of a constant from which it is stored in float16. Shorter ones are biases and measured
statistics, too fine for float16 and a hundredth of the file."""

Inputs = Mapping[str, np.ndarray[Any, Any]]


def check_libraries() -> None:
    """Raise an OptionError with the remedy if a library that export needs is not installed."""
    for library in ("onnx", "onnxscript", "onnxruntime"):
        require(library, by="Export to ONNX")


def as_onnx(
    graph: Graph, program: ExportedProgram, metadata: Mapping[str, str], *, opset: int = OPSET
) -> Any:
    """The ONNX model of a recorded graph.

    Args:
        graph: Whose names inputs, output and dimensions get.
        program: Recorded of it.
        metadata: Kept in the model's own metadata.
        opset: Version of the operator set.

    Returns:
        An ``onnx.ModelProto``.
    """
    onnx = require("onnx", by="Export to ONNX")
    with quiet():
        exported = torch.onnx.export(
            program, (), opset_version=opset, dynamo=True, optimize=True, verbose=False,
            input_names=list(graph.inputs), output_names=[graph.output],
        )  # fmt: skip
    assert exported is not None
    model = exported.model_proto
    _strip(model)
    dims = {**graph.dynamic, graph.output: graph.output_dynamic}
    for value in (*model.graph.input, *model.graph.output):
        for index, name in dims[value.name].items():
            value.type.tensor_type.shape.dim[index].dim_param = name
    model.producer_name, model.producer_version = "impasto", __version__
    model.graph.name = metadata.get("impasto.name") or "impasto"
    onnx.helper.set_model_props(model, dict(metadata))
    onnx.checker.check_model(model)
    return model


def with_half_weights(model: Any) -> Any:
    """A model whose long float32 constants are stored in float16: half the file.

    Runtimes convert them once, when they open the file, and compute in float32 as before.
    """
    onnx = require("onnx", by="Export to ONNX")
    half = onnx.ModelProto()
    half.CopyFrom(model)
    kept, casts = [], []
    for constant in half.graph.initializer:
        values = onnx.numpy_helper.to_array(constant)
        if values.dtype != np.float32 or values.size < _LEAST:
            kept.append(constant)
            continue
        name = f"{constant.name}.half"
        largest = np.finfo(np.float16).max
        stored = values.clip(-largest, largest).astype(np.float16)
        kept.append(onnx.numpy_helper.from_array(stored, name))
        to = onnx.TensorProto.FLOAT
        casts.append(onnx.helper.make_node("Cast", [name], [constant.name], name=name, to=to))
    nodes = [*casts, *half.graph.node]
    del half.graph.initializer[:], half.graph.node[:]
    half.graph.initializer.extend(kept)
    half.graph.node.extend(nodes)
    return half


def quantized(model: Any, examples: Sequence[Inputs]) -> Any:
    """A model whose convolutions with fixed filters compute in 8 bits.

    Filters are rounded by channel; maps by the range that they have for the examples (static
    quantization). All else stays as it is: normalization, and the convolutions to the picture
    itself, whose rounding would be seen.

    Args:
        model: In float32.
        examples: Inputs by name, typical of what will be painted.
    """
    onnx = require("onnx", by="Export to ONNX")
    tools = require("onnxruntime.quantization", by="Export to ONNX")

    class Examples(tools.CalibrationDataReader):  # type: ignore[misc, name-defined]
        def __init__(self) -> None:
            self.rewind()

        def rewind(self) -> None:
            self._left = iter(examples)

        def get_next(self) -> Inputs | None:
            return next(self._left, None)

    chosen = _inner_convolutions(model)
    if not chosen:  # the tools would take an empty list for all
        return model
    with TemporaryDirectory(prefix="impasto-") as folder, quiet():
        before, after = Path(folder) / "before.onnx", Path(folder) / "after.onnx"
        onnx.save(model, before)
        tools.quantize_static(
            before, after, Examples(),
            quant_format=tools.QuantFormat.QDQ, op_types_to_quantize=["Conv"],
            nodes_to_quantize=chosen, per_channel=True,
            activation_type=tools.QuantType.QUInt8, weight_type=tools.QuantType.QInt8,
            extra_options={"ActivationSymmetric": False},
        )  # fmt: skip
        result = onnx.load(after)
    onnx.helper.set_model_props(result, {p.key: p.value for p in model.metadata_props})
    del result.graph.value_info[:]
    return result


def open_session(model: Any, *, threads: int = 0) -> Any:
    """An ``onnxruntime.InferenceSession`` of a model, or of a file, on the CPU.

    Args:
        model: The model or its path.
        threads: Of the runtime; 0 lets it choose.
    """
    runtime = require("onnxruntime", by="An exported model")
    options = runtime.SessionOptions()
    options.intra_op_num_threads = threads
    options.log_severity_level = 3  # errors only
    # Waiting threads sleep: a CPU is shared.
    options.add_session_config_entry("session.intra_op.allow_spinning", "0")
    source = str(model) if isinstance(model, str | Path) else model.SerializeToString()
    return runtime.InferenceSession(source, options, providers=["CPUExecutionProvider"])


def _inner_convolutions(model: Any) -> list[str]:
    """Convolutions with fixed filters that neither read the picture nor make it.

    They are those with at least 16 channels in and out.
    """
    shapes = {constant.name: tuple(constant.dims) for constant in model.graph.initializer}
    names = []
    for node in model.graph.node:
        shape = shapes.get(node.input[1]) if node.op_type == "Conv" else None
        if shape is not None and min(shape[:2]) >= 16:
            names.append(node.name)
    return names


def _strip(model: Any) -> None:
    """Remove what the exporter notes of the machine's files, and shapes of inner values."""
    graph = model.graph
    for part in (*graph.node, *graph.initializer, *graph.input, *graph.output, graph, model):
        del part.metadata_props[:]
        part.doc_string = ""
    del graph.value_info[:]


@contextlib.contextmanager
def quiet() -> Iterator[None]:
    """Without the libraries' notes on their own work."""
    logs = [logging.getLogger(name) for name in ("torch.onnx", "onnxscript", "")]
    levels = [log.level for log in logs]
    try:
        for log in logs:
            log.setLevel(logging.ERROR)
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            yield
    finally:
        for log, level in zip(logs, levels, strict=True):
            log.setLevel(level)
