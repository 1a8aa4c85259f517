"""ONNX files of every kind of network, and what smaller files round."""

from __future__ import annotations

import numpy as np
import onnx
import pytest
import torch
from onnx import TensorProto, helper, numpy_helper

from helpers.painter_inputs import pictures, styles
from helpers.random_inputs import smooth_picture
from helpers.tiny_networks import NETWORKS, any_style, network
from impasto.export.graphs import painter_graph, reader_graph
from impasto.export.onnx import as_onnx, open_session, quantized, with_half_weights
from impasto.onepass.stylist import Stylist

SIZES = [(1, 17, 17), (2, 50, 71), (3, 33, 640), (1, 400, 18), (1, 64, 64)]
"""Batch, height and width: tiny, odd, panoramic either way, multiples of every stride."""


@pytest.mark.slow
@pytest.mark.parametrize("name", NETWORKS)
def test_every_kind_paints_the_same(name):
    net = network(name)
    graph = painter_graph(net)
    session = open_session(as_onnx(graph, graph.record(), {}), threads=1)
    for size in SIZES:
        image = pictures(*size)
        for given, weights in ((styles(net, 1), [3.0]), (styles(net, 3), [0.2, 1.0, 0.3])):
            shares = torch.tensor(weights) / sum(weights)
            mixed = (given * shares[:, None]).sum(0, keepdim=True).expand(len(image), -1)
            inputs = {"image": image, "styles": given, "weights": torch.tensor(weights)}
            (painted,) = session.run(None, {key: x.numpy() for key, x in inputs.items()})
            np.testing.assert_allclose(painted, net(image, mixed), atol=1e-4)


@pytest.mark.slow
@pytest.mark.parametrize("name", ["strokes", "recolour-noise", "adain"])
def test_every_reader_reads_the_same(name, encoder):
    model = any_style(name, encoder)
    graph = reader_graph(encoder, model.predictor)
    session = open_session(as_onnx(graph, graph.record(), {}), threads=1)
    for size in ((32, 32), (47, 90), (200, 33)):
        picture = smooth_picture(*size, seed=5)
        (read,) = session.run(None, {"picture": picture.numpy()})
        expected = Stylist(model, encoder=encoder).read_style(picture)
        np.testing.assert_allclose(read[0], expected, atol=2e-4, rtol=1e-4)


def convolution(width: int, *, weight: np.ndarray) -> onnx.ModelProto:
    """A model of one convolution with bias, 3×3, without padding."""
    random = np.random.default_rng(1)
    constants = {"weight": weight, "bias": random.normal(size=width).astype(np.float32)}
    node = helper.make_node("Conv", ["x", "weight", "bias"], ["y"], name="only")
    values = [
        helper.make_tensor_value_info(name, TensorProto.FLOAT, [1, width, size, size])
        for name, size in (("x", 12), ("y", 10))
    ]
    graph = helper.make_graph(
        [node], "one", values[:1], values[1:],
        [numpy_helper.from_array(value, name) for name, value in constants.items()],
    )  # fmt: skip
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 18)], ir_version=10)
    helper.set_model_props(model, {"impasto.name": "one"})
    return model


@pytest.fixture
def weight():
    return np.random.default_rng(0).normal(size=(24, 24, 3, 3)).astype(np.float32)


@pytest.fixture
def maps():
    return [np.random.default_rng(2 + n).normal(size=(1, 24, 12, 12)).astype(np.float32)
            for n in range(4)]  # fmt: skip


def results(model, maps):
    session = open_session(model, threads=1)
    return np.stack([session.run(None, {"x": x})[0] for x in maps])


def test_half_weights_are_those_rounded(weight, maps):
    model = convolution(24, weight=weight)
    half = with_half_weights(model)
    rounded = convolution(24, weight=weight.astype(np.float16).astype(np.float32))
    np.testing.assert_array_equal(results(half, maps), results(rounded, maps))
    types = {constant.name: constant.data_type for constant in half.graph.initializer}
    assert types == {"weight.half": TensorProto.FLOAT16, "bias": TensorProto.FLOAT}
    assert half.ByteSize() < 0.55 * model.ByteSize()
    assert model.graph.initializer[0].data_type == TensorProto.FLOAT  # a copy


def test_half_weights_stay_finite(weight, maps):
    huge = weight.copy()
    huge[0, 0, 0, 0] = 1e6
    assert np.isfinite(results(with_half_weights(convolution(24, weight=huge)), maps)).all()


def test_quantized_convolutions_round_to_8_bits(weight, maps):
    model = convolution(24, weight=weight)
    small = quantized(model, [{"x": x} for x in maps])
    integers = [c for c in small.graph.initializer if c.name.startswith("weight")]
    assert TensorProto.INT8 in {constant.data_type for constant in integers}
    assert {entry.key for entry in small.metadata_props} == {"impasto.name"}
    exact = results(model, maps)
    error = np.abs(results(small, maps) - exact).mean() / np.abs(exact).mean()
    assert 1e-4 < error < 0.03


def test_convolutions_of_few_channels_are_not_quantized():
    """Those that read the picture and make it."""
    weight = np.random.default_rng(0).normal(size=(12, 12, 3, 3)).astype(np.float32)
    maps = [np.random.default_rng(1).normal(size=(1, 12, 12, 12)).astype(np.float32)]
    model = convolution(12, weight=weight)
    np.testing.assert_array_equal(
        results(quantized(model, [{"x": x} for x in maps]), maps), results(model, maps)
    )
