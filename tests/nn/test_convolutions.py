from __future__ import annotations

import copy

import pytest
import torch
import torch.nn.functional as F

from impasto.encoders.circular import CircularEncoder
from impasto.encoders.vgg import Architecture, Encoder
from impasto.networks.normalization import reflected
from impasto.nn import convolution, winograd
from impasto.nn.convolution import Convolution, convolve, is_fixed
from impasto.nn.padding import BORDERS, folded, padded

MODES = {"zeros": "constant", "reflect": "reflect", "replicate": "replicate",
         "circular": "circular"}  # fmt: skip


@pytest.fixture(params=["direct", "winograd"], autouse=True)
def way(request, monkeypatch):
    """Either way, whatever the size; the calls of the shorter one."""
    calls, real = [], winograd.convolve

    def counting(*args, **options):
        calls.append(options)
        return real(*args, **options)

    monkeypatch.setattr(winograd, "pays", lambda weight, x: request.param == "winograd")
    monkeypatch.setattr(winograd, "convolve", counting)
    return calls


def layer(channels_in=3, channels_out=4, bias=True):
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(0)
        return Convolution(channels_in, channels_out, 3, bias=bias).double().requires_grad_(False)


@pytest.mark.parametrize("padding", BORDERS)
@pytest.mark.parametrize("rectify", [False, True])
@pytest.mark.parametrize("bias", [False, True])
@pytest.mark.parametrize("size", [(2, 2), (5, 9), (8, 12)])
def test_it_is_padding_convolution_and_rectifier(padding, rectify, bias, size):
    fixed = layer(bias=bias)
    x = torch.randn(2, 3, *size, dtype=torch.float64, requires_grad=True)
    wanted = F.conv2d(F.pad(x, (1, 1, 1, 1), mode=MODES[padding]), fixed.weight, fixed.bias)
    wanted = wanted.relu() if rectify else wanted
    made = convolve(fixed, x, padding=padding, rectify=rectify)
    torch.testing.assert_close(made, wanted, rtol=0, atol=1e-12)
    weights = torch.randn_like(wanted)
    (expected,) = torch.autograd.grad((wanted * weights).sum(), x)
    (found,) = torch.autograd.grad((made * weights).sum(), x)
    torch.testing.assert_close(found, expected, rtol=0, atol=1e-12)


def test_gradients_are_those_of_finite_differences():
    x = torch.randn(1, 3, 5, 6, dtype=torch.float64, requires_grad=True)
    assert torch.autograd.gradcheck(lambda x: convolve(layer(), x, padding="reflect"), x)


@pytest.mark.parametrize("padding", BORDERS)
@pytest.mark.parametrize("turns", [False, True])
def test_turned_filters_find_the_same_gradient(monkeypatch, way, padding, turns):
    monkeypatch.setattr(convolution, "_turning_pays", lambda weight, x: turns)
    fixed, x = layer(3, 4), torch.randn(2, 3, 5, 9, dtype=torch.float64, requires_grad=True)
    padded_by_torch = F.pad(x, (1, 1, 1, 1), mode=MODES[padding])
    wanted = F.conv2d(padded_by_torch, fixed.weight, fixed.bias).relu()
    made = convolve(fixed, x, padding=padding, rectify=True)
    weights = torch.randn_like(wanted)
    (expected,) = torch.autograd.grad((wanted * weights).sum(), x)
    (found,) = torch.autograd.grad((made * weights).sum(), x)
    torch.testing.assert_close(found, expected, rtol=0, atol=1e-12)
    assert ("turned" in fixed._forms[1]) == (turns and not way)


@pytest.mark.parametrize("padding", BORDERS)
def test_folding_is_the_transpose_of_padding(padding):
    x = torch.randn(2, 3, 4, 7, dtype=torch.float64)
    larger = padded(x, padding, (2, 1))
    assert larger.shape == (2, 3, 8, 10)
    y = torch.randn_like(larger)
    before = (larger * y).sum()
    torch.testing.assert_close((x * folded(y, padding, (4, 7))).sum(), before)


def encoder(padding="zeros"):
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(0)
        return Encoder(Architecture((4, 6, 8), (2, 2, 2), padding=padding)).frozen()


@pytest.mark.parametrize("padding", ["zeros", "reflect", "replicate"])
@pytest.mark.parametrize(
    "layers", [("relu3_1",), ("conv2_2", "relu2_2"), ("conv1_1", "relu1_2", "pool2", "conv3_2")]
)
def test_an_encoder_sees_what_its_layers_see(way, request, padding, layers):
    seeing, picture = encoder(padding), torch.rand(2, 3, 22, 30, requires_grad=True)
    quick = seeing(picture, layers)
    (gradient,) = torch.autograd.grad(sum(f.square().sum() for f in quick.values()), picture)
    assert bool(way) == ("winograd" in request.node.name)
    x, plain = seeing.normalize(picture), {}
    for name in seeing.layers:
        x = seeing.layer(name, x)
        if name in layers:
            plain[name] = x
    (wanted,) = torch.autograd.grad(sum(f.square().sum() for f in plain.values()), picture)
    torch.testing.assert_close(quick, plain, rtol=1e-4, atol=1e-5)
    torch.testing.assert_close(gradient, wanted, rtol=1e-4, atol=1e-4)


def test_an_encoder_of_an_endless_plane_sees_the_other_side():
    endless, picture = CircularEncoder(encoder()), torch.rand(1, 3, 24, 32)
    found = endless(picture, ["relu3_2"])["relu3_2"]
    rolled = endless(picture.roll((8, 12), (-2, -1)), ["relu3_2"])["relu3_2"]
    torch.testing.assert_close(found.roll((2, 3), (-2, -1)), rolled, rtol=1e-4, atol=1e-5)


def test_a_network_paints_the_same():
    fixed, x = layer(), torch.rand(1, 3, 14, 15, dtype=torch.float64)
    wanted = F.conv2d(F.pad(x, (1, 1, 1, 1), mode="reflect"), fixed.weight, fixed.bias)
    torch.testing.assert_close(reflected(fixed, x), wanted)


def test_filters_are_made_anew_when_they_change():
    fixed = layer()
    first = fixed.transformed()
    assert fixed.transformed() is first
    fixed.weight.mul_(2)
    torch.testing.assert_close(fixed.transformed(), 2 * first)
    other = copy.deepcopy(fixed)
    other.weight.zero_()
    assert not other.transformed().any()
    fixed.float()
    assert fixed.transformed().dtype == torch.float32


def test_filters_that_learn_are_not_fixed():
    fixed = layer()
    assert is_fixed(fixed)
    assert not is_fixed(torch.nn.Conv2d(3, 4, 3).requires_grad_(False))
    with torch.autocast("cpu", torch.bfloat16):
        assert not is_fixed(fixed)
    fixed.requires_grad_()
    assert not is_fixed(fixed)
    with torch.no_grad():
        assert is_fixed(fixed)


def test_no_padded_copy_is_kept_for_the_way_back():
    """Which is what torch's own convolution does."""
    kept = []

    def keep(tensor):
        kept.append(tensor)
        return tensor

    fixed, x = layer(), torch.randn(1, 3, 16, 16, dtype=torch.float64, requires_grad=True)
    with torch.autograd.graph.saved_tensors_hooks(keep, lambda tensor: tensor):
        y = convolve(fixed, x, padding="reflect", rectify=True)
    maps = [tensor for tensor in kept if tensor.shape[-1] >= 16]
    assert len(maps) == 1
    assert maps[0].data_ptr() == y.data_ptr()


@pytest.mark.parametrize("form", ["transformed", "turned"])
def test_changes_behind_torchs_counter_are_seen(form):
    fixed = layer()
    before = getattr(fixed, form)().clone()
    fixed.weight.data.mul_(2)
    torch.testing.assert_close(getattr(fixed, form)(), 2 * before)
    fixed.weight.requires_grad_().grad = torch.ones_like(fixed.weight)
    getattr(fixed, form)()
    torch.optim.SGD([fixed.weight], 0.5, fused=True).step()
    fresh = copy.deepcopy(fixed)
    fresh._forms = None, {}
    torch.testing.assert_close(getattr(fixed, form)(), getattr(fresh, form)())


def test_weights_made_in_inference_mode_may_change():
    with torch.inference_mode():
        fixed = layer()
    first = fixed.transformed()
    with torch.inference_mode():
        fixed.weight.mul_(3)
    torch.testing.assert_close(fixed.transformed(), 3 * first)


def test_a_first_use_in_inference_mode_leaves_gradients_possible(monkeypatch):
    monkeypatch.setattr(winograd, "pays", lambda weight, x: True)
    fixed, x = layer(), torch.rand(1, 3, 9, 8, dtype=torch.float64)
    with torch.inference_mode():
        convolve(fixed, x, padding="reflect")
    leaf = x.clone().requires_grad_()
    convolve(fixed, leaf, padding="reflect").sum().backward()
    assert leaf.grad is not None


def test_what_comes_out_may_be_changed_in_place(monkeypatch):
    monkeypatch.setattr(winograd, "pays", lambda weight, x: True)
    x = torch.randn(1, 3, 9, 8, dtype=torch.float64, requires_grad=True)
    F.relu_(convolve(layer(), x, padding="reflect")).sum().backward()
    assert x.grad is not None


def test_a_bias_that_learns_gets_its_gradient():
    fixed, x = layer(), torch.rand(2, 3, 6, 5, dtype=torch.float64)
    fixed.bias.requires_grad_()
    assert not is_fixed(fixed)
    reflected(fixed, x).sum().backward()
    torch.testing.assert_close(fixed.bias.grad, torch.full_like(fixed.bias, 2 * 6 * 5))


def test_layers_on_no_device_are_asked_too():
    with torch.device("meta"):
        fixed = layer()
    assert is_fixed(fixed)
