"""Fixed convolutions: values, gradients, memory and cached filters, with and without Winograd."""

from __future__ import annotations

import copy

import pytest
import torch
import torch.nn.functional as F

from impasto.encoders.vgg import Architecture, Encoder
from impasto.networks.normalization import convolve_reflect
from impasto.nn import convolution, winograd
from impasto.nn.convolution import Convolution, convolve, is_fixed
from impasto.nn.padding import PADDING_MODES

MODES = {"zeros": "constant", "reflect": "reflect", "replicate": "replicate",
         "circular": "circular"}  # fmt: skip


@pytest.fixture(params=["direct", "winograd"], autouse=True)
def winograd_calls(request, monkeypatch):
    """Both implementations, whatever the size; the calls of Winograd's."""
    calls, real = [], winograd.convolve

    def counting(*args, **options):
        calls.append(options)
        return real(*args, **options)

    monkeypatch.setattr(winograd, "is_worthwhile", lambda weight, x: request.param == "winograd")
    monkeypatch.setattr(winograd, "convolve", counting)
    return calls


def layer(channels_in=3, channels_out=4, bias=True):
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(0)
        return Convolution(channels_in, channels_out, 3, bias=bias).double().requires_grad_(False)


@pytest.mark.parametrize("padding", PADDING_MODES)
@pytest.mark.parametrize("relu", [False, True])
@pytest.mark.parametrize("bias", [False, True])
@pytest.mark.parametrize("size", [(2, 2), (5, 9), (8, 12)])
def test_equals_padding_convolution_and_relu(padding, relu, bias, size):
    fixed = layer(bias=bias)
    x = torch.randn(2, 3, *size, dtype=torch.float64, requires_grad=True)
    reference = F.conv2d(F.pad(x, (1, 1, 1, 1), mode=MODES[padding]), fixed.weight, fixed.bias)
    reference = reference.relu() if relu else reference
    result = convolve(fixed, x, padding=padding, relu=relu)
    torch.testing.assert_close(result, reference, rtol=0, atol=1e-12)
    weights = torch.randn_like(reference)
    (expected,) = torch.autograd.grad((reference * weights).sum(), x)
    (actual,) = torch.autograd.grad((result * weights).sum(), x)
    torch.testing.assert_close(actual, expected, rtol=0, atol=1e-12)


def test_gradients_match_finite_differences():
    x = torch.randn(1, 3, 5, 6, dtype=torch.float64, requires_grad=True)
    assert torch.autograd.gradcheck(lambda x: convolve(layer(), x, padding="reflect"), x)


@pytest.mark.parametrize("padding", PADDING_MODES)
@pytest.mark.parametrize("flips", [False, True])
def test_flipped_filters_give_the_same_gradient(monkeypatch, winograd_calls, padding, flips):
    monkeypatch.setattr(convolution, "_flipped_is_faster", lambda weight, x: flips)
    fixed, x = layer(3, 4), torch.randn(2, 3, 5, 9, dtype=torch.float64, requires_grad=True)
    padded_by_torch = F.pad(x, (1, 1, 1, 1), mode=MODES[padding])
    reference = F.conv2d(padded_by_torch, fixed.weight, fixed.bias).relu()
    result = convolve(fixed, x, padding=padding, relu=True)
    weights = torch.randn_like(reference)
    (expected,) = torch.autograd.grad((reference * weights).sum(), x)
    (actual,) = torch.autograd.grad((result * weights).sum(), x)
    torch.testing.assert_close(actual, expected, rtol=0, atol=1e-12)
    assert ("flipped" in fixed._cache[1]) == (flips and not winograd_calls)


def encoder(padding="zeros"):
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(0)
        return Encoder(Architecture((4, 6, 8), (2, 2, 2), padding=padding)).frozen()


@pytest.mark.parametrize("padding", ["zeros", "reflect", "replicate"])
@pytest.mark.parametrize(
    "layers", [("relu3_1",), ("conv2_2", "relu2_2"), ("conv1_1", "relu1_2", "pool2", "conv3_2")]
)
def test_an_encoder_equals_its_layers_one_by_one(winograd_calls, request, padding, layers):
    model, picture = encoder(padding), torch.rand(2, 3, 22, 30, requires_grad=True)
    quick = model(picture, layers)
    (gradient,) = torch.autograd.grad(sum(f.square().sum() for f in quick.values()), picture)
    assert bool(winograd_calls) == ("winograd" in request.node.name)
    x, plain = model.normalize(picture), {}
    for name in model.layers:
        x = model.layer(name, x)
        if name in layers:
            plain[name] = x
    (reference,) = torch.autograd.grad(sum(f.square().sum() for f in plain.values()), picture)
    torch.testing.assert_close(quick, plain, rtol=1e-4, atol=1e-5)
    torch.testing.assert_close(gradient, reference, rtol=1e-4, atol=1e-4)


def test_a_circular_encoder_wraps_around():
    circular, picture = encoder().circular(), torch.rand(1, 3, 24, 32)
    features = circular(picture, ["relu3_2"])["relu3_2"]
    rolled = circular(picture.roll((8, 12), (-2, -1)), ["relu3_2"])["relu3_2"]
    torch.testing.assert_close(features.roll((2, 3), (-2, -1)), rolled, rtol=1e-4, atol=1e-5)


def test_networks_use_it_with_reflection():
    fixed, x = layer(), torch.rand(1, 3, 14, 15, dtype=torch.float64)
    reference = F.conv2d(F.pad(x, (1, 1, 1, 1), mode="reflect"), fixed.weight, fixed.bias)
    torch.testing.assert_close(convolve_reflect(fixed, x), reference)


def test_cached_filters_follow_changes():
    fixed = layer()
    first = fixed.winograd_filters()
    assert fixed.winograd_filters() is first
    fixed.weight.mul_(2)
    torch.testing.assert_close(fixed.winograd_filters(), 2 * first)
    other = copy.deepcopy(fixed)
    other.weight.zero_()
    assert not other.winograd_filters().any()
    fixed.float()
    assert fixed.winograd_filters().dtype == torch.float32


def test_trainable_filters_are_not_fixed():
    fixed = layer()
    assert is_fixed(fixed)
    assert not is_fixed(torch.nn.Conv2d(3, 4, 3).requires_grad_(False))
    with torch.autocast("cpu", torch.bfloat16):
        assert not is_fixed(fixed)
    fixed.requires_grad_()
    assert not is_fixed(fixed)
    with torch.no_grad():
        assert is_fixed(fixed)


def test_backward_keeps_no_padded_copy():
    """Torch's own convolution keeps one."""
    kept = []

    def keep(tensor):
        kept.append(tensor)
        return tensor

    fixed, x = layer(), torch.randn(1, 3, 16, 16, dtype=torch.float64, requires_grad=True)
    with torch.autograd.graph.saved_tensors_hooks(keep, lambda tensor: tensor):
        y = convolve(fixed, x, padding="reflect", relu=True)
    maps = [tensor for tensor in kept if tensor.shape[-1] >= 16]
    assert len(maps) == 1
    assert maps[0].data_ptr() == y.data_ptr()


@pytest.mark.parametrize("form", ["winograd_filters", "flipped_filters"])
def test_changes_without_a_new_version_are_noticed(form):
    fixed = layer()
    before = getattr(fixed, form)().clone()
    fixed.weight.data.mul_(2)
    torch.testing.assert_close(getattr(fixed, form)(), 2 * before)
    fixed.weight.requires_grad_().grad = torch.ones_like(fixed.weight)
    getattr(fixed, form)()
    torch.optim.SGD([fixed.weight], 0.5, fused=True).step()
    fresh = copy.deepcopy(fixed)
    fresh._cache = None, {}
    torch.testing.assert_close(getattr(fixed, form)(), getattr(fresh, form)())


def test_weights_created_in_inference_mode_may_change():
    with torch.inference_mode():
        fixed = layer()
    first = fixed.winograd_filters()
    with torch.inference_mode():
        fixed.weight.mul_(3)
    torch.testing.assert_close(fixed.winograd_filters(), 3 * first)


def test_gradients_work_after_a_first_use_in_inference_mode(monkeypatch):
    monkeypatch.setattr(winograd, "is_worthwhile", lambda weight, x: True)
    fixed, x = layer(), torch.rand(1, 3, 9, 8, dtype=torch.float64)
    with torch.inference_mode():
        convolve(fixed, x, padding="reflect")
    leaf = x.clone().requires_grad_()
    convolve(fixed, leaf, padding="reflect").sum().backward()
    assert leaf.grad is not None


def test_the_result_may_be_changed_in_place(monkeypatch):
    monkeypatch.setattr(winograd, "is_worthwhile", lambda weight, x: True)
    x = torch.randn(1, 3, 9, 8, dtype=torch.float64, requires_grad=True)
    F.relu_(convolve(layer(), x, padding="reflect")).sum().backward()
    assert x.grad is not None


def test_a_trainable_bias_gets_its_gradient():
    fixed, x = layer(), torch.rand(2, 3, 6, 5, dtype=torch.float64)
    fixed.bias.requires_grad_()
    assert not is_fixed(fixed)
    convolve_reflect(fixed, x).sum().backward()
    torch.testing.assert_close(fixed.bias.grad, torch.full_like(fixed.bias, 2 * 6 * 5))


def test_layers_on_the_meta_device_can_be_fixed():
    with torch.device("meta"):
        fixed = layer()
    assert is_fixed(fixed)
