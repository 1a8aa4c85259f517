"""What all one-pass networks promise."""

from __future__ import annotations

from collections.abc import Callable

import pytest
import torch
from torch import Tensor

from helpers.random_inputs import random_encoder, smooth_picture
from helpers.staged_passes import run_recorded
from impasto.encoders.vgg import Architecture
from impasto.networks.adain import AdaINNetwork
from impasto.networks.base import StyledNetwork
from impasto.networks.johnson import JohnsonNetwork, JohnsonShape
from impasto.networks.paint_network import PaintNetwork, PaintShape
from impasto.objective.tiles import plan_tiles

NETWORKS: dict[str, Callable[[], StyledNetwork]] = {
    "paint": lambda: PaintNetwork(PaintShape((6, 8, 10), (1, 1, 1), detail=3, head=5, noise=2)),
    "johnson": lambda: JohnsonNetwork(JohnsonShape((4, 6, 8), 2)),
    "johnson-batch": lambda: JohnsonNetwork(JohnsonShape((4, 6, 8), 2, "batch")),
    "adain": lambda: AdaINNetwork(
        random_encoder(Architecture((4, 5, 6, 7), (1, 2, 1, 1), readouts={"relu4_1": 8}))
    ),
}
every_network = pytest.mark.parametrize("name", NETWORKS)


def small(name: str, *, train: bool = False) -> StyledNetwork:
    torch.manual_seed(0)
    return NETWORKS[name]().train(train).requires_grad_(train)


def styles(network: StyledNetwork, count: int = 1, seed: int = 1) -> Tensor:
    """Vectors some way from zero, where they could be mixed up unnoticed."""
    random = torch.Generator().manual_seed(seed)
    return 0.5 * torch.randn(count, network.style_size, generator=random)


@every_network
@pytest.mark.parametrize("train", [False, True])
def test_one_picture_in_several_styles(name, train):
    network, image = small(name), smooth_picture(32, 48, seed=1)
    vectors = styles(network, 3)
    with torch.set_grad_enabled(train):
        together = network(image, vectors)
        single = [network(image, vector) for vector in vectors.split(1)]
    torch.testing.assert_close(together, torch.cat(single), rtol=0, atol=1e-5)


@every_network
@pytest.mark.parametrize("learning", [False, True])
def test_a_uint8_picture_is_painted_to_uint8(name, learning):
    network, pixels = small(name), (255 * smooth_picture(32, 48, seed=1)).to(torch.uint8)
    with torch.set_grad_enabled(learning):
        painted = network(pixels, styles(network))
        reference = network(pixels / 255, styles(network))
    assert painted.dtype == torch.uint8
    assert float((painted - 255 * reference).abs().max()) < 0.51


@every_network
@pytest.mark.parametrize("size", [(32, 48), (33, 50), (47, 31)])
def test_the_painting_has_the_pictures_size_and_range(name, size):
    network = small(name)
    image = smooth_picture(*size, seed=1)
    painted = network(image, styles(network))
    assert (painted.shape, painted.dtype) == (image.shape, torch.float32)
    assert 0 <= float(painted.min()) < float(painted.max()) <= 1
    assert torch.equal(painted, network(image, styles(network)))


@every_network
def test_a_picture_in_a_batch_is_painted_as_alone(name):
    network = small(name)
    images = torch.cat([smooth_picture(32, 48, seed=seed) for seed in (1, 2)])
    vectors = styles(network, 2)
    both = network(images, vectors)
    for index in (0, 1):
        alone = network(images[index : index + 1], vectors[index : index + 1])
        torch.testing.assert_close(both[index : index + 1], alone, rtol=0, atol=1e-5)


@every_network
def test_a_style_vector_is_split_in_the_order_of_the_layers(name):
    network = small(name)
    vectors = styles(network, 3)
    parts = network.split(vectors)
    assert list(parts) == list(network.modulated) == list(network.strides)
    for (scale, shift), width in zip(parts.values(), network.modulated.values(), strict=True):
        assert scale.shape == shift.shape == (3, width)
    joined = torch.cat([torch.cat([scale - 1, shift], 1) for scale, shift in parts.values()], 1)
    torch.testing.assert_close(joined, vectors)


@every_network
def test_between_two_styles_the_painting_changes_continuously(name):
    network = small(name)
    image, (first, second) = smooth_picture(32, 48, seed=1), styles(network, 2).split(1)

    def at(alpha: float) -> Tensor:
        return network(image, torch.lerp(first, second, alpha))

    whole = float((at(1) - at(0)).norm())
    for alpha in (0.0, 0.5):
        assert 0 < float((at(alpha + 1e-3) - at(alpha)).norm()) < 0.02 * whole


@every_network
def test_gradients_reach_every_parameter_and_the_style(name):
    network = small(name, train=True)
    vectors = styles(network, 2).requires_grad_(True)
    images = torch.cat([smooth_picture(48, 64, seed=seed) for seed in (1, 2)])
    (network(images, vectors) - 0.3).square().sum().backward()
    without = [key for key, p in network.named_parameters() if p.grad is None or not p.grad.any()]
    assert without == []
    for layer, parts in network.split(vectors.grad).items():
        assert float((parts[1] != 0).float().mean()) > 0.5, layer  # some rectifiers let none by


@every_network
def test_a_uniform_style_map_is_a_style(name):
    network = small(name)
    image, vectors = smooth_picture(32, 48, seed=1), styles(network, 2)
    style, other = (network.split(vector) for vector in vectors.split(1))

    def maps(layer: str, index: int, share: float) -> Tensor:
        stride, channels = network.strides[layer], network.modulated[layer]
        shape = (1, channels, 32 // stride, 48 // stride)
        ends = (part[layer][index][..., None, None].expand(shape) for part in (style, other))
        return torch.lerp(*ends, torch.linspace(0, share, shape[-1]))

    uniform = network(image, vectors[:1])
    for share, same in ((0.0, True), (1.0, False)):
        spread = {layer: (maps(layer, 0, share), maps(layer, 1, share)) for layer in style}
        painted, _ = run_recorded(network.staged_forward(image, spread))
        assert torch.allclose(painted, uniform, rtol=0, atol=1e-5) == same


@pytest.mark.parametrize(
    ("name", "slack"), [("paint", 0), ("johnson", 0), ("johnson-batch", 0), ("adain", 0)]
)
def test_farther_than_its_halo_a_pixel_sees_nothing(name, slack):
    network = small(name).double()
    first = -(-network.halo // 16) * 16 + 16
    last = first + network.stride
    image = smooth_picture(last + first, 64, seed=1).double()
    style = network.split(styles(network).double())
    painted, moments = run_recorded(network.staged_forward(image, style))

    def sees(distance: int) -> bool:
        """Whether the rows of one stride are changed by anything that far from them."""
        other = image.clone()
        for far in (other[..., : first - distance + 1, :], other[..., last + distance - 1 :, :]):
            far += 1e9  # so much that not even the faintest influence is lost
        again, _ = run_recorded(network.staged_forward(other, style), moments)
        return not torch.equal(again[..., first:last, :], painted[..., first:last, :])

    assert sees(network.halo - slack)
    assert not sees(network.halo + 1)


@every_network
def test_a_tile_with_its_halo_is_painted_as_in_the_whole(name):
    network = small(name)
    size, style = (400, 48), network.split(styles(network))
    image = smooth_picture(*size, seed=1)
    painted, moments = run_recorded(network.staged_forward(image, style))
    tile = plan_tiles(size, 64, stride=network.stride, halo=network.halo)[3]
    place = tile.outer_rows[0], tile.outer_columns[0]
    assert 0 < place[0] < tile.outer_rows[1] < size[0]
    found, _ = run_recorded(network.staged_forward(tile.cut(image), style, origin=place), moments)
    expected = tile.part(painted, 1)
    torch.testing.assert_close(tile.core(found, 1), expected, rtol=0, atol=1e-5)
    # Only a network that paints from noise minds where in the picture it is.
    elsewhere, _ = run_recorded(
        network.staged_forward(tile.cut(image), style, origin=(0, 0)), moments
    )
    same = torch.allclose(tile.core(elsewhere, 1), expected, rtol=0, atol=1e-5)
    assert same == (name != "paint")
