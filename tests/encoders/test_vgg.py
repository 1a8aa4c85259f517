"""Encoders: the papers' layers, with the features of a plain network of nn modules."""

from __future__ import annotations

from itertools import product

import pytest
import torch
from torch import nn

from impasto.encoders import vgg
from impasto.encoders.vgg import (
    PADDINGS,
    POOLINGS,
    VGG16,
    VGG19,
    Architecture,
    Encoder,
)
from impasto.errors import ImageError, OptionError
from impasto.weights.open import open_encoder

WIDTHS, DEPTHS = (4, 6, 5), (2, 2, 1)
READOUTS = {"relu1_1": 3, "conv2_1": 2, "pool2": 4}


def tiny(seed=0, **changes):
    """An encoder of three narrow blocks, frozen."""
    torch.manual_seed(seed)
    return Encoder(Architecture(**{"widths": WIDTHS, "depths": DEPTHS, **changes})).frozen()


def picture(height=24, width=20, batch=2, seed=0):
    return torch.rand(batch, 3, height, width, generator=torch.Generator().manual_seed(seed))


def plain_net(encoder):
    """Name → module of the same net as nn.Modules, contiguous float32, nothing in place."""
    architecture = encoder.architecture
    modules, channels = {}, 3
    for block, (width, depth) in enumerate(
        zip(architecture.widths, architecture.depths, strict=True), 1
    ):
        for index in range(1, depth + 1):
            name = f"conv{block}_{index}"
            mode = architecture.padding
            modules[name] = nn.Conv2d(channels, width, 3, padding=1, padding_mode=mode)
            modules[name].load_state_dict(
                {key: v.contiguous() for key, v in encoder.convolutions[name].state_dict().items()}
            )
            modules[f"relu{block}_{index}"] = nn.ReLU()
            channels = width
        pooling = nn.MaxPool2d if architecture.pooling == "max" else nn.AvgPool2d
        modules[f"pool{block}"] = pooling(2, 2)
    return modules


def reference(encoder, image):
    """All layers of a picture by the plain net, with their readouts."""
    architecture = encoder.architecture
    mean, std = (torch.tensor(v).view(3, 1, 1) for v in (architecture.mean, architecture.std))
    x, features = (image.contiguous() - mean) / std, {}
    for name, module in plain_net(encoder).items():
        x = module(x)
        features[name] = x
        if name in architecture.readouts:
            features[name] = encoder.readouts[name](x)
            if architecture.readouts_rectified:
                features[name] = features[name].clamp_min(0)
    return {name: feature.detach() for name, feature in features.items()}


# --- Names and sizes --------------------------------------------------------------------------

VGG16_LAYERS = """
    conv1_1 relu1_1 conv1_2 relu1_2 pool1  conv2_1 relu2_1 conv2_2 relu2_2 pool2
    conv3_1 relu3_1 conv3_2 relu3_2 conv3_3 relu3_3 pool3
    conv4_1 relu4_1 conv4_2 relu4_2 conv4_3 relu4_3 pool4
    conv5_1 relu5_1 conv5_2 relu5_2 conv5_3 relu5_3 pool5
"""
VGG19_LAYERS = """
    conv1_1 relu1_1 conv1_2 relu1_2 pool1  conv2_1 relu2_1 conv2_2 relu2_2 pool2
    conv3_1 relu3_1 conv3_2 relu3_2 conv3_3 relu3_3 conv3_4 relu3_4 pool3
    conv4_1 relu4_1 conv4_2 relu4_2 conv4_3 relu4_3 conv4_4 relu4_4 pool4
    conv5_1 relu5_1 conv5_2 relu5_2 conv5_3 relu5_3 conv5_4 relu5_4 pool5
"""


@pytest.mark.parametrize(("architecture", "layers"), [(VGG16, VGG16_LAYERS), (VGG19, VGG19_LAYERS)])
def test_layers_have_the_papers_names(architecture, layers):
    assert architecture.layers == tuple(layers.split())


@pytest.mark.parametrize(("architecture", "millions"), [(VGG16, 14.714688), (VGG19, 20.024384)])
def test_vgg_has_the_papers_number_of_weights(architecture, millions):
    with torch.device("meta"):
        encoder = Encoder(architecture)
    assert sum(weight.numel() for weight in encoder.parameters()) == round(millions * 1e6)


def test_convolutions_are_a_chain():
    expected = {"conv1_1": (3, 4), "conv1_2": (4, 4), "conv2_1": (4, 6), "conv2_2": (6, 6)}
    assert Architecture(WIDTHS, DEPTHS).convolutions == {**expected, "conv3_1": (6, 5)}


@pytest.mark.parametrize("readouts", [{}, READOUTS])
def test_channels_strides_and_sizes_are_those_of_the_features(readouts):
    encoder = tiny(readouts=readouts)
    features = encoder(picture(32, 24), encoder.layers)
    assert tuple(features) == encoder.layers
    for name, feature in features.items():
        stride = encoder.stride(name)
        assert feature.shape == (2, encoder.channels(name), 32 // stride, 24 // stride)


def test_ten_blocks_keep_their_widths_apart():
    architecture = Architecture(tuple(range(1, 12)), (1,) * 11)
    assert architecture.width("relu10_1") == 10
    assert architecture.width("pool11") == 11


# --- Features ---------------------------------------------------------------------------------

NETS = list(product(PADDINGS, POOLINGS))
READINGS = [({}, False), (READOUTS, False), (READOUTS, True)]


@pytest.mark.parametrize(("padding", "pooling"), NETS)
@pytest.mark.parametrize(("readouts", "rectified"), READINGS, ids=["none", "linear", "rectified"])
def test_features_equal_those_of_a_plain_network(padding, pooling, readouts, rectified):
    encoder = tiny(
        padding=padding, pooling=pooling, readouts=readouts, readouts_rectified=rectified
    )
    image = picture(25, 18)  # odd sizes: pooling leaves a rest
    expected = reference(encoder, image)
    features = encoder(image, encoder.layers)
    assert features.keys() == expected.keys()
    for name in expected:
        torch.testing.assert_close(features[name].contiguous(), expected[name], rtol=0, atol=1e-5)


@pytest.mark.parametrize("readouts", [{}, READOUTS])
def test_a_single_layer_gives_the_same_features(readouts):
    encoder, image = tiny(readouts=readouts), picture()
    features = encoder(image, encoder.layers)
    for name in encoder.layers:
        alone = encoder(image, [name])
        assert list(alone) == [name]
        torch.testing.assert_close(alone[name], features[name], rtol=0, atol=0)


def test_the_rectifier_does_not_overwrite_the_convolution():
    features = tiny()(picture(), ["relu1_1", "conv1_1"])
    assert (features["conv1_1"] < 0).any()
    torch.testing.assert_close(features["relu1_1"], features["conv1_1"].clamp_min(0))


@pytest.mark.parametrize("rectified", [False, True])
def test_a_readout_does_not_change_what_the_next_layers_see(rectified):
    with_readouts = tiny(readouts=READOUTS, readouts_rectified=rectified)
    without = tiny()
    without.convolutions.load_state_dict(with_readouts.convolutions.state_dict())
    features = with_readouts(picture(), with_readouts.layers)
    expected = without(picture(), without.layers)
    for name in set(without.layers) - set(READOUTS):
        torch.testing.assert_close(features[name], expected[name], rtol=0, atol=0)
    assert all((features[name] < 0).any() != rectified for name in READOUTS)


def test_layers_come_shallow_to_deep_and_once():
    features = tiny()(picture(), iter(["pool2", "relu1_1", "pool2", "conv1_2"]))
    assert list(features) == ["relu1_1", "conv1_2", "pool2"]


def test_no_layers_no_computation():
    assert tiny()(picture(), []) == {}


@pytest.fixture
def convolved(monkeypatch):
    """Records the output channels of each convolution that runs."""
    run, widths = vgg.F.conv2d, []

    def counting(x, weight, *args, **kwargs):
        widths.append(len(weight))
        return run(x, weight, *args, **kwargs)

    monkeypatch.setattr(vgg.F, "conv2d", counting)
    return widths


@pytest.mark.parametrize(
    ("layers", "channels"),
    [
        (["conv1_1"], [4]),
        (["relu1_1"], [4]),
        (["pool1"], [4, 4]),
        (["relu2_1", "pool1"], [4, 4, 6]),
    ],
)
def test_the_pass_ends_at_the_deepest_layer(convolved, layers, channels):
    tiny()(picture(), layers)
    assert convolved == channels


def test_pictures_of_a_batch_are_independent():
    encoder, images = tiny(), picture(batch=3)
    together = encoder(images, ["pool3"])["pool3"]
    apart = torch.cat([encoder(image[None], ["pool3"])["pool3"] for image in images])
    torch.testing.assert_close(together, apart)


def test_the_picture_is_not_modified():
    image = picture()
    before = image.clone()
    tiny(mean=(0.0, 0.0, 0.0), std=(1.0, 1.0, 1.0))(image, ["pool3"])
    assert torch.equal(image, before)


@pytest.mark.parametrize("padding", PADDINGS)
def test_features_are_channels_last(padding):
    encoder = tiny(padding=padding)
    for feature in encoder(picture(), encoder.layers).values():
        assert feature.is_contiguous(memory_format=torch.channels_last)


def test_bfloat16_is_within_a_few_percent():
    encoder = tiny(readouts=READOUTS)
    expected = encoder(picture(), encoder.layers)
    features = encoder.to(torch.bfloat16)(picture(), encoder.layers)
    assert encoder.dtype == torch.bfloat16
    for name, feature in features.items():
        assert feature.dtype == torch.bfloat16
        error = (feature.float() - expected[name]).norm() / expected[name].norm()
        assert error < 0.03


# --- Gradients --------------------------------------------------------------------------------


@pytest.mark.parametrize(("padding", "pooling"), NETS)
def test_the_gradient_equals_that_of_a_plain_network(padding, pooling):
    encoder, image = tiny(padding=padding, pooling=pooling), picture()
    image_a, image_b = (image.clone().requires_grad_() for _ in range(2))
    layers = ["relu1_1", "conv1_1", "pool2", "conv3_1"]
    features = encoder(image_a, layers)
    sum(features[name].square().mean() for name in layers).backward()
    x, loss = (image_b - encoder.mean) / encoder.std, 0.0
    for name, module in plain_net(encoder).items():
        x = module(x)
        loss = loss + (x.square().mean() if name in layers else 0.0)
    loss.backward()
    torch.testing.assert_close(image_a.grad, image_b.grad, rtol=1e-4, atol=1e-6)


def test_frozen_weights_get_no_gradient_but_the_picture_does():
    encoder, image = tiny(readouts=READOUTS), picture().requires_grad_()
    encoder(image, ["relu1_1", "pool3"])["pool3"].sum().backward()
    assert image.grad.abs().max() > 0
    assert not encoder.training
    assert all(weight.grad is None for weight in encoder.parameters())


def test_trained_weights_get_a_gradient():
    encoder = tiny(readouts=READOUTS).train().requires_grad_(True)
    sum(feature.mean() for feature in encoder(picture(), encoder.layers).values()).backward()
    assert all(weight.grad is not None for weight in encoder.parameters())


# --- Another pooling --------------------------------------------------------------------------


def test_another_pooling_shares_the_weights():
    encoder = tiny(pooling="max", readouts=READOUTS)
    other = encoder.with_pooling("average")
    assert (other.architecture.pooling, encoder.architecture.pooling) == ("average", "max")
    assert not other.training
    for (name, weight), (_, shared) in zip(
        encoder.named_parameters(), other.named_parameters(), strict=True
    ):
        assert weight is shared, name
    expected = reference(other, picture())["relu3_1"]
    got = other(picture(), ["relu3_1"])["relu3_1"]
    torch.testing.assert_close(got.contiguous(), expected, rtol=0, atol=1e-5)
    assert (got - encoder(picture(), ["relu3_1"])["relu3_1"]).abs().max() > 1e-3


def test_another_pooling_stays_on_the_device():
    other = tiny().to("meta").with_pooling("average")
    assert {value.device.type for value in other.state_dict().values()} == {"meta"}


# --- Errors -----------------------------------------------------------------------------------


def test_a_wrong_layer_lists_the_right_ones():
    encoder = tiny()
    for ask in (lambda: encoder(picture(), ["relu4_1"]), lambda: encoder.channels("relu4_1")):
        with pytest.raises(OptionError) as caught:
            ask()
        assert all(name in str(caught.value) for name in encoder.layers)
    with pytest.raises(OptionError, match="Did you mean 'relu1_1'"):
        encoder.stride("relu11")


def test_a_missing_layer_of_vgg19_is_named_as_such():
    compact = open_encoder("compact")
    with pytest.raises(OptionError, match=r"no layer relu5_2, which vgg19 has.*relu5_1"):
        compact.check_layers(["relu5_2"])
    assert vgg.VGG19.layers.index("relu5_2") > compact.layers.index("relu5_1")


@pytest.mark.parametrize("layer", ["conv1_1", "pool1", "relu2_2", "relu3_1", "pool3"])
@pytest.mark.parametrize("padding", PADDINGS)
def test_minimum_side_is_the_smallest_that_works(layer, padding):
    encoder = tiny(padding=padding)
    side = encoder.minimum_side([layer, "conv1_1"])
    feature = encoder(picture(side, side), [layer])[layer]
    assert feature.shape[-2:] == (2, 2)
    for shape in ((side - 1, side), (side, side - 1)):
        with pytest.raises(ImageError, match=f"{layer}.*at least {side} px"):
            encoder(picture(*shape), [layer])


def test_minimum_side_without_layers():
    assert tiny().minimum_side([]) == 2


@pytest.mark.parametrize(
    "image",
    [torch.rand(3, 24, 24), torch.rand(1, 4, 24, 24), torch.rand(1, 24, 24, 3)],
    ids=["no batch", "alpha", "channels last"],
)
def test_wrong_shape_is_an_error(image):
    with pytest.raises(ImageError, match=r"\(B, 3, H, W\)"):
        tiny()(image, ["conv1_1"])


def test_bytes_are_an_error():
    with pytest.raises(ImageError, match=r"\[0, 1\], not torch.uint8"):
        tiny()((255 * picture()).to(torch.uint8), ["conv1_1"])


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"widths": (4, 6)}, "as many"),
        ({"widths": (), "depths": ()}, "as many"),
        ({"widths": (4, 0, 5)}, "at least 1"),
        ({"depths": (1, -1, 1)}, "at least 1"),
        ({"readouts": {"relu1_1": 0}}, "at least 1"),
        ({"pooling": "mean"}, "max, average"),
        ({"padding": "same"}, "zeros, reflect, replicate"),
        ({"readouts": {"relu4_1": 8}}, "relu3_1"),
    ],
)
def test_invalid_architectures_are_an_error(changes, message):
    with pytest.raises(OptionError, match=message):
        Architecture(**{"widths": WIDTHS, "depths": DEPTHS, **changes})
