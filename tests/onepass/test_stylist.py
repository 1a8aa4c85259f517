"""Styles read, mixed, weakened, put into regions, and painted."""

from __future__ import annotations

import pytest
import torch
from torch import Tensor

from helpers.random_inputs import smooth_picture
from helpers.tiny_networks import any_style, fixed_styles, network, vectors
from impasto.encoders.vgg import Encoder
from impasto.errors import ImageError, OptionError
from impasto.losses.statistics import STATISTICS
from impasto.networks.catalogue import open_network
from impasto.networks.model import IDENTITY, OnePassModel
from impasto.onepass import stylist as stylist_module
from impasto.onepass.stylist import SpatialStyle, Stylist, mixture
from impasto.runtime.memory import BASE_BYTES

KINDS = ["paint", "johnson", "adain"]


@pytest.fixture(params=KINDS)
def stylist(request: pytest.FixtureRequest, encoder: Encoder) -> Stylist:
    """Of a model for any style."""
    return Stylist(any_style(request.param, encoder), encoder=encoder, precision="float32")


@pytest.fixture
def own_styles() -> Stylist:
    """Of a model of two styles and the identity."""
    return Stylist(fixed_styles("paint", "wave", "rain", IDENTITY), precision="float32")


def far(one: Tensor, other: Tensor) -> bool:
    return float((one - other).abs().max()) > 1e-3


# --- Style vectors ----------------------------------------------------------------------------


def test_a_vector_is_predicted_from_the_statistics(stylist, encoder):
    picture = smooth_picture(70, 90, seed=3)
    predictor = stylist.model.predictor
    features = encoder(picture, predictor.layers)
    summary = STATISTICS["gaussian-ot"].summary
    expected = predictor({name: summary(x, None) for name, x in features.items()})
    found = stylist.read_style(picture)
    assert found.shape == (stylist.model.network.style_size,)
    torch.testing.assert_close(found, expected[0])
    assert far(found, stylist.read_style(smooth_picture(70, 90, seed=4)))


def test_a_large_style_picture_is_read_in_tiles_to_the_same_vector(stylist, monkeypatch):
    picture = smooth_picture(200, 330, seed=3)
    whole = stylist.read_style(picture)
    monkeypatch.setattr(stylist_module, "_TILE", 64)
    torch.testing.assert_close(stylist.read_style(picture), whole, rtol=1e-4, atol=1e-4)


def test_only_the_part_that_counts_is_read(stylist):
    picture, where = smooth_picture(96, 256, seed=3), torch.zeros(1, 1, 96, 256)
    where[..., :64] = 1
    other = picture.clone()
    other[..., 192:] = 1 - other[..., 192:]
    torch.testing.assert_close(
        stylist.read_style(other, mask=where),
        stylist.read_style(picture, mask=where),
        rtol=1e-5,
        atol=1e-5,
    )
    assert far(stylist.read_style(other), stylist.read_style(picture))
    everywhere = stylist.read_style(picture, mask=torch.full((1, 1, 96, 256), 0.5))
    torch.testing.assert_close(everywhere, stylist.read_style(picture), rtol=1e-4, atol=1e-4)


@pytest.mark.parametrize("size", [(1, 1), (3, 200), (31, 33), (40, 2)])
def test_tiny_style_pictures_are_enlarged(size, stylist):
    picture = smooth_picture(*size, seed=3)
    assert bool(torch.isfinite(stylist.read_style(picture)).all())
    where = torch.ones(1, 1, *size)
    torch.testing.assert_close(
        stylist.read_style(picture, mask=where), stylist.read_style(picture), rtol=1e-4, atol=1e-4
    )


def test_a_model_of_fixed_styles_reads_no_pictures(own_styles):
    with pytest.raises(OptionError, match=r"in its own styles only \(wave, rain\)"):
        own_styles.read_style(smooth_picture(64, 64, seed=3))


def test_styles_by_name(own_styles):
    for name in ("wave", "rain"):
        assert torch.equal(own_styles.named_style(name), own_styles.model.styles[name])
    with pytest.raises(OptionError) as caught:
        own_styles.named_style("waves")
    assert "choose one of wave, rain, a picture's path. Did you mean 'wave'?" in str(caught.value)
    with pytest.raises(OptionError, match="Unknown style of this model 'photograph'"):
        own_styles.named_style(IDENTITY)


def test_the_models_own_encoder_is_opened_when_it_is_needed(encoder, monkeypatch):
    opened = []
    monkeypatch.setattr(stylist_module, "open_encoder", lambda name: opened.append(name) or encoder)
    model = any_style("paint", encoder)
    model.encoder = "some encoder"
    stylist = Stylist(model, precision="float32")
    image = smooth_picture(48, 48, seed=1)
    stylist.paint(image, stylist.spatial_style([vectors(1, model.network.style_size)[0]], image))
    assert opened == []
    stylist.read_style(image)
    stylist.read_style(image)
    assert opened == ["some encoder"]


# --- Mixtures, strength -----------------------------------------------------------------------


def test_a_mixture_lies_between():
    first, second, third = vectors(3, 10)
    torch.testing.assert_close(mixture([first, second], [3, 1]), 0.75 * first + 0.25 * second)
    torch.testing.assert_close(mixture([first], [0.2]), first)
    found = mixture([first, second, third], [1e-3, 2e-3, 1e-3])
    torch.testing.assert_close(found, (first + 2 * second + third) / 4)


@pytest.mark.parametrize(
    "shares", [[1], [1, 0], [1, -1], [1, float("nan")], [1, float("inf")], [1, 1, 1]]
)
def test_impossible_shares(shares):
    with pytest.raises(OptionError, match="needs a weight above 0"):
        mixture(list(vectors(2, 10)), shares)


def test_strength_interpolates_from_the_contents_own_vector(stylist):
    content = smooth_picture(80, 64, seed=1)
    style = stylist.read_style(smooth_picture(64, 64, seed=2))
    net = stylist.read_style(content)
    for strength, expected in ((0.0, net), (0.25, 0.75 * net + 0.25 * style), (1.0, style)):
        found = stylist.spatial_style([style], content, strength=strength)
        assert found.masks is None
        torch.testing.assert_close(found.vectors, expected[None], rtol=1e-5, atol=1e-5)


def test_a_large_photographs_own_vector_is_read_at_the_size_of_styles(stylist):
    small = smooth_picture(384, 512, seed=1)
    large = torch.nn.functional.interpolate(small, scale_factor=2, mode="bicubic").clamp(0, 1)
    torch.testing.assert_close(
        stylist.identity_style(large), stylist.identity_style(small), rtol=0.2, atol=0.2
    )
    assert torch.equal(stylist.identity_style(small), stylist.read_style(small))


def test_at_strength_zero_adain_changes_no_features(encoder):
    stylist = Stylist(any_style("adain", encoder), encoder=encoder, precision="float32")
    content, net = smooth_picture(64, 96, seed=1), stylist.model.network
    style = stylist.spatial_style([vectors(1, net.style_size)[0]], content, strength=0.0)
    expected = net.decode(net.encoder(content, ["relu4_1"])["relu4_1"])
    torch.testing.assert_close(stylist.paint(content, style), expected, rtol=0, atol=1e-4)


def test_fixed_styles_have_a_vector_for_strength_zero(own_styles):
    content = smooth_picture(64, 64, seed=1)
    found = own_styles.spatial_style(
        [own_styles.named_style("wave")], content, strength=0.5
    ).vectors[0]
    wave, net = (own_styles.model.styles[name] for name in ("wave", IDENTITY))
    torch.testing.assert_close(found, (wave + net) / 2)
    without = Stylist(fixed_styles("paint", "wave"), precision="float32")
    with pytest.raises(OptionError, match="does not know strengths"):
        without.spatial_style([without.named_style("wave")], content, strength=0.5)
    assert without.spatial_style([without.named_style("wave")], content).vectors.shape[0] == 1


@pytest.mark.parametrize("strength", [-0.1, 1.1, float("nan"), float("inf")])
def test_impossible_strengths(strength, own_styles):
    with pytest.raises(OptionError, match="strength is 0 to 1, not"):
        own_styles.spatial_style([own_styles.named_style("wave")], smooth_picture(64, 64, seed=1),
                         strength=strength)  # fmt: skip


# --- Painting ---------------------------------------------------------------------------------


@pytest.mark.parametrize("name", [*KINDS, "johnson-batch", "paint-noise"])
@pytest.mark.parametrize("size", [(64, 96), (50, 75), (33, 17)])
def test_it_paints_what_the_network_paints(name, size):
    model, image = OnePassModel(network(name)), smooth_picture(*size, seed=1)
    vector = vectors(1, model.network.style_size)
    expected = model.network(image, vector)
    stylist = Stylist(model, precision="float32")
    found = stylist.paint(image, SpatialStyle(vector))
    torch.testing.assert_close(found, expected, rtol=0, atol=1e-5)


@pytest.mark.parametrize(("name", "least"), [("paint", 17), ("johnson", 5), ("adain", 9)])
def test_a_picture_that_is_too_small_is_one_sentence(name, least):
    stylist = Stylist(OnePassModel(network(name)), precision="float32")
    style = SpatialStyle(torch.zeros(1, stylist.model.network.style_size))
    for size in ((least - 1, 40), (40, least - 1)):
        for image in (smooth_picture(*size, seed=1), torch.zeros(1, 3, *size, dtype=torch.uint8)):
            with pytest.raises(ImageError, match=f"it needs at least {least} px each way"):
                stylist.paint(image, style)
    assert stylist.paint(smooth_picture(least, least, seed=1), style).shape[-1] == least


def test_equal_regions_are_no_regions(stylist):
    image = smooth_picture(51, 70, seed=1)
    vector = vectors(1, stylist.model.network.style_size)
    share = smooth_picture(51, 70, seed=2)[:, :1]
    where = 2 * torch.cat([share, 1 - share], 1)
    expected = stylist.paint(image, SpatialStyle(vector))
    found = stylist.paint(image, SpatialStyle(vector.repeat(2, 1), where))
    torch.testing.assert_close(found, expected, rtol=0, atol=1e-4)


def test_a_region_that_is_all_leaves_nothing_to_the_other(stylist):
    image = smooth_picture(51, 70, seed=1)
    both = vectors(2, stylist.model.network.style_size)
    where = torch.cat([torch.zeros(1, 1, 51, 70), torch.ones(1, 1, 51, 70)], 1)
    expected = stylist.paint(image, SpatialStyle(both[1:]))
    torch.testing.assert_close(
        stylist.paint(image, SpatialStyle(both, where)), expected, rtol=0, atol=1e-4
    )
    assert far(stylist.paint(image, SpatialStyle(both[:1])), expected)


def test_each_region_has_its_style():
    """Of a network whose style is a colour alone: a halved picture has both colours, each here."""
    model, image = OnePassModel(network("paint")), smooth_picture(64, 256, seed=1)
    both = torch.zeros(2, model.network.style_size)
    stylist = Stylist(model, precision="float32")
    # The last layer's γ − 1 and β: without a slope only the shift is left.
    width = model.network.modulated["head"]
    both[:, -2 * width : -width] = -1
    both[0, -width:], both[1, -width:] = 0.0, 2.0
    where = torch.zeros(1, 2, 64, 256)
    where[:, 0, :, :128], where[:, 1, :, 128:] = 1, 1
    halved = stylist.paint(image, stylist.spatial_style(list(both), image, masks=where))
    alone = [stylist.paint(image, SpatialStyle(vector[None])) for vector in both]
    torch.testing.assert_close(halved[..., :120], alone[0][..., :120], rtol=0, atol=1e-4)
    torch.testing.assert_close(halved[..., 136:], alone[1][..., 136:], rtol=0, atol=1e-4)
    assert far(alone[0], alone[1])


def test_as_many_vectors_as_regions(own_styles):
    content, both = (
        smooth_picture(64, 64, seed=1),
        [own_styles.named_style(n) for n in ("wave", "rain")],
    )
    with pytest.raises(OptionError, match="1 region needs as many style vectors, not 2"):
        own_styles.spatial_style(both, content)
    with pytest.raises(OptionError, match="3 regions need as many style vectors, not 2"):
        own_styles.spatial_style(both, content, masks=torch.ones(1, 3, 64, 64))
    style = own_styles.spatial_style(both, content, strength=0.5, masks=torch.ones(1, 2, 64, 64))
    expected = (torch.stack(both) + own_styles.model.styles[IDENTITY]) / 2
    torch.testing.assert_close(style.vectors, expected)


def test_a_uint8_picture(stylist):
    pixels = (255 * smooth_picture(64, 96, seed=1)).round().to(torch.uint8)
    style = stylist.read_style(smooth_picture(64, 64, seed=2))
    image = pixels.float() / 255
    torch.testing.assert_close(stylist.identity_style(pixels), stylist.identity_style(image))
    style = stylist.spatial_style([style], pixels, strength=0.5)
    painted = stylist.paint(pixels, style)
    assert painted.dtype == torch.uint8
    expected = 255 * stylist.paint(image, style)
    assert float((painted - expected).abs().max()) <= 0.5 + 1e-2


def test_another_precision_leaves_the_model_as_it_is(encoder):
    model, image = any_style("johnson", encoder), smooth_picture(48, 64, seed=1)
    style = SpatialStyle(vectors(1, model.network.style_size))
    before = {key: value.clone() for key, value in model.network.state_dict().items()}
    exact = Stylist(model, precision="float32").paint(image, style)
    rough = Stylist(model, precision="bfloat16").paint(image, style)
    assert rough.dtype == torch.float32
    assert 1e-5 < float((rough - exact).abs().max()) < 0.1
    assert all(torch.equal(value, before[k]) for k, value in model.network.state_dict().items())
    assert torch.equal(Stylist(model, precision="float32").paint(image, style), exact)


@pytest.mark.parametrize("level", [0.0, 0.5, 1.0])
def test_an_even_picture_is_painted_the_same_in_half_precision(level):
    model, even = open_network("any"), torch.full((1, 3, 64, 80), level)
    vector = Stylist(model).read_style(smooth_picture(64, 64, seed=1))
    pictures = []
    for precision in ("float32", "bfloat16"):
        stylist = Stylist(model, precision=precision)
        pictures.append(stylist.paint(even, stylist.spatial_style([vector], even)))
    # Noise paints strokes into it, whose edges are where rounding shows.
    assert (pictures[0] - pictures[1]).abs().max() < 0.06
    assert (pictures[0] - pictures[1]).abs().mean() < 0.012


@pytest.mark.parametrize("colour", [(0.5, 0.5, 0.5), (0.2, 0.4, 0.7), (0.95, 0.9, 0.7)])
def test_a_style_of_one_colour_paints_in_about_that_colour(colour):
    """Which is far from all paintings, so that the predictor could say anything."""
    stylist = Stylist(open_network("any"))
    plane = torch.tensor(colour).view(1, 3, 1, 1)
    content = smooth_picture(96, 128, seed=1)
    vector = stylist.read_style(plane.expand(1, 3, 128, 128).contiguous())
    painted = stylist.paint(content, stylist.spatial_style([vector], content))
    assert (painted.mean((2, 3)) - plane[..., 0, 0]).abs().max() < 0.2
    assert painted.std((2, 3)).max() < 0.12


# --- Memory -----------------------------------------------------------------------------------


@pytest.mark.parametrize(("size", "copied"), [((64, 96), 0), ((64, 90), 3 * 4 * 64 * 96)])
def test_what_else_is_held_counts(size, copied, monkeypatch):
    """The network gets what the process, the picture and its copies leave of the budget."""
    left = []
    real = stylist_module.choose_schedule
    monkeypatch.setattr(
        stylist_module,
        "choose_schedule",
        lambda model, memory: left.append(memory) or real(model, memory),
    )
    net = Stylist(OnePassModel(network("paint")), precision="float32", memory=1e9)
    image, style = (
        smooth_picture(*size, seed=1),
        SpatialStyle(vectors(1, net.model.network.style_size)),
    )
    net.paint(image, style)
    net.paint(image, style, other_bytes=5000)
    assert left[0] == 1e9 - BASE_BYTES - image.nbytes - copied
    assert left[1] == left[0] - 5000
