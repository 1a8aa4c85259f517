"""AdaIN: the paper's formulae, and a decoder that mirrors the encoder."""

from __future__ import annotations

import pytest
import torch
import torch.nn.functional as F
from torch import Tensor

from helpers.random_inputs import random_encoder, smooth_picture
from impasto.encoders.vgg import VGG19, Architecture, Encoder
from impasto.errors import ImageError, OptionError
from impasto.losses.statistics import STATISTICS
from impasto.networks.adain import LAYER, AdaINNetwork, MomentsReader
from impasto.networks.normalization import EPSILON, moments_of

ARCHITECTURE = Architecture((4, 6, 8, 8, 8), (2, 1, 2, 3, 1), padding="reflect")


@pytest.fixture
def network() -> AdaINNetwork:
    torch.manual_seed(0)
    return AdaINNetwork(random_encoder(ARCHITECTURE)).eval().requires_grad_(False)


def read(network: AdaINNetwork, features: Tensor) -> Tensor:
    """The style vector of a picture's features."""
    summary = STATISTICS["gaussian-ot"].summary(features, None)
    return MomentsReader(network.modulated)({LAYER: summary})


def seen(network: AdaINNetwork, seed: int) -> tuple[Tensor, Tensor]:
    picture = smooth_picture(48, 64, seed=seed)
    return picture, network.encoder(picture, [LAYER])[LAYER]


def adain(content: Tensor, style: Tensor) -> Tensor:
    """Huang & Belongie, eq. 8, with the ε of their code (variances over n, not n − 1)."""
    content_variance, content_mean = torch.var_mean(content, (2, 3), False, keepdim=True)
    style_variance, style_mean = torch.var_mean(style, (2, 3), False, keepdim=True)
    ratio = ((style_variance + EPSILON) / (content_variance + EPSILON)).sqrt()
    return ratio * (content - content_mean) + style_mean


@pytest.mark.parametrize("alpha", [0.0, 0.3, 1.0])
def test_the_papers_strength_is_a_mixture_of_style_vectors(network, alpha):
    content, features = seen(network, 1)
    _, others = seen(network, 2)
    mixed = torch.lerp(read(network, features), read(network, others), alpha)
    expected = network.decode((1 - alpha) * features + alpha * adain(features, others))  # eq. 14
    torch.testing.assert_close(network(content, mixed), expected, rtol=0, atol=1e-5)


def test_styles_differ(network):
    """The test above can fail."""
    content, features = seen(network, 1)
    _, others = seen(network, 2)
    painted = [network(content, read(network, x)) for x in (features, others)]
    assert float((painted[0] - painted[1]).abs().max()) > 0.05


def test_the_decoder_is_given_features_with_the_styles_moments(network):
    content, _ = seen(network, 1)
    _, others = seen(network, 2)
    given = []
    network.decode = lambda x: given.append(x) or x  # type: ignore[method-assign]
    network(content, read(network, others))
    torch.testing.assert_close(moments_of(given[0]), moments_of(others), rtol=1e-3, atol=1e-4)


@pytest.mark.parametrize("scale", [1.0, 0.0])
def test_the_reader_gives_mean_and_deviation(scale):
    random = torch.Generator().manual_seed(0)
    features = {
        name: 3 + scale * torch.randn(2, width, 7, 6, generator=random, dtype=torch.float64)
        for name, width in (("relu3_1", 3), (LAYER, 5))
    }
    summary = STATISTICS["gaussian-ot"].summary
    reader = MomentsReader({name: x.shape[1] for name, x in features.items()})
    assert reader.layers == ("relu3_1", LAYER)
    assert list(reader.parameters()) == []
    found = reader({name: summary(x, None) for name, x in features.items()})
    parts = []
    for x in features.values():
        variance, mean = torch.var_mean(x, (2, 3), unbiased=False)
        parts += [(variance + 1e-5).sqrt() - 1, mean]
    torch.testing.assert_close(found, torch.cat(parts, 1))


def test_the_decoder_for_vgg19_is_the_papers():
    with torch.device("meta"):
        network = AdaINNetwork(Encoder(VGG19))
    widths = [convolution.weight.shape[1::-1] for convolution in network.convolutions.values()]
    narrowing = [(512, 256), (256, 256), (256, 256), (256, 256), (256, 128)]
    assert widths == [*narrowing, (128, 128), (128, 64), (64, 64), (64, 3)]
    assert (network.modulated, network.strides) == ({LAYER: 512}, {LAYER: 8})
    assert (network.stride, network.halo, network.style_size) == (8, 62, 1024)
    encoders = network.encoder.parameters()
    assert sum(weight.numel() for weight in encoders) == 3_505_728


def test_the_decoder_is_a_plain_chain(network):
    """The encoder of ``ARCHITECTURE`` backwards, written out."""
    chain = "conv4_1 relu up conv3_2 relu conv3_1 relu up conv2_1 relu up conv1_2 relu conv1_1"
    _, features = seen(network, 1)
    x = features
    for name in chain.split():
        if name == "up":
            x = x.repeat_interleave(2, -1).repeat_interleave(2, -2)
        elif name == "relu":
            x = x.clamp_min(0)
        else:
            net = network.convolutions[name]
            x = F.conv2d(F.pad(x, (1, 1, 1, 1), mode="reflect"), net.weight, net.bias)
    torch.testing.assert_close(network.train().decode(features), x, rtol=1e-4, atol=1e-5)


def test_the_decoder_starts_from_what_a_readout_hands_out():
    readouts = {"relu1_1": 3, LAYER: 5}
    encoder = random_encoder(Architecture((4, 6, 8, 8), (1, 1, 1, 2), readouts=readouts))
    network = AdaINNetwork(encoder)
    image = smooth_picture(32, 32, seed=1)
    net, given = network.encoder(image, [LAYER])[LAYER], encoder(image, [LAYER])[LAYER]
    assert torch.equal(net, given)
    assert network.modulated == {LAYER: 5}
    assert network(image, read(network, given)).shape == image.shape


def test_the_encoder_is_not_trained_not_saved_and_a_copy():
    encoder = random_encoder(ARCHITECTURE)
    network = AdaINNetwork(encoder)
    keys = {f"convolutions.{name}.{kind}" for name in network.encoder.architecture.convolutions
            for kind in ("weight", "bias")}  # fmt: skip
    assert set(network.state_dict()) == {key for key, _ in network.named_parameters()} == keys
    network.train()
    assert not any(weight.requires_grad for weight in network.encoder.parameters())
    assert not network.encoder.training
    network.double()
    assert network.encoder.dtype == torch.float64
    assert encoder.dtype == torch.float32
    assert network(smooth_picture(16, 16, seed=1), torch.zeros(1, 16)).dtype == torch.float32


def test_only_a_finished_painting_is_clamped(network):
    content, features = seen(network, 1)
    vector = 4 * read(network, features)
    finished = network(content, vector)
    raw = network.train()(content, vector)
    assert float(raw.min()) < 0 < 1 < float(raw.max())
    assert torch.equal(raw.clamp(0, 1), finished)


def test_what_is_too_small_or_too_shallow_is_refused(network):
    assert network(smooth_picture(9, 9, seed=1), torch.zeros(1, 16)).shape == (1, 3, 9, 9)
    with pytest.raises(ImageError, match="at least 9 px"):
        network(smooth_picture(8, 40, seed=1), torch.zeros(1, 16))
    with pytest.raises(OptionError, match="relu4_1"):
        AdaINNetwork(random_encoder(Architecture((4, 6, 8), (1, 1, 1))))
