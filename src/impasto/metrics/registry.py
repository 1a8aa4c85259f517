"""Every metric, by name.

To add one, write a pure function (result, reference) → (B,) and its line in ``METRICS``:
reading, matching, tables, intervals, ``impasto evaluate --metrics`` and the generic tests take it
from there. Figures that only a set of results has are in :mod:`impasto.metrics.fid`.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from functools import partial
from typing import Literal

from torch import Tensor

from impasto.errors import unknown_name
from impasto.losses.total_variation import total_variation
from impasto.metrics.cfsd import cfsd
from impasto.metrics.colours import colour_distance, histogram_distance
from impasto.metrics.features import content_error, gram_error, moments_error
from impasto.metrics.fid import SET_METRICS
from impasto.metrics.lpips import lpips, open_perceiver
from impasto.metrics.ssim import edge_ssim, ssim
from impasto.weights.store import locate

STYLE_LAYERS = ("relu1_1", "relu2_1", "relu3_1", "relu4_1", "relu5_1")


@dataclass(frozen=True)
class Metric:
    """A figure of a result.

    Attributes:
        function: (result, reference) → (B,), or of the result alone; takes pictures (B, 3, H, W),
            or features (B, C, H, W) if there are ``layers``; and last what ``open`` gives.
        against: Which picture is the reference.
        better: Which figures are better.
        about: One line for people.
        source: The paper.
        layers: Whose features it takes; the metric is the mean over them.
        open: Makes what ``function`` sees with besides, if anything.
        weights: Names of the weights that ``open`` needs.
    """

    function: Callable[..., Tensor]
    against: Literal["content", "style", ""]
    better: Literal["lower", "higher"]
    about: str
    source: str
    layers: tuple[str, ...] = ()
    open: Callable[[], object] | None = None
    weights: tuple[str, ...] = ()

    @property
    def needs_content(self) -> bool:
        """Whether the content is its reference."""
        return self.against == "content"

    @property
    def needs_style(self) -> bool:
        """Whether the style is its reference."""
        return self.against == "style"


METRICS: Mapping[str, Metric] = {
    "content": Metric(
        content_error,
        "content",
        "lower",
        "squared error of the features, relative",
        "Gatys, Ecker & Bethge 2016, CVPR",
        ("relu4_1",),
    ),
    "gram": Metric(
        gram_error,
        "style",
        "lower",
        "squared error of the Gram matrices, relative, mean over layers",
        "Gatys, Ecker & Bethge 2016, CVPR",
        STYLE_LAYERS,
    ),
    "moments": Metric(
        moments_error,
        "style",
        "lower",
        "squared error of the channels' means and deviations, relative, mean over layers",
        "Li et al. 2017, arXiv:1701.01036; Huang & Belongie 2017, arXiv:1703.06868",
        STYLE_LAYERS,
    ),
    "ssim": Metric(
        ssim,
        "content",
        "higher",
        "structural similarity of the luma",
        "Wang, Bovik, Sheikh & Simoncelli 2004",
    ),
    "edge-ssim": Metric(
        edge_ssim,
        "content",
        "higher",
        "structural similarity of the Sobel maps",
        "after Chen, Yang & Xie 2006",
    ),
    "cfsd": Metric(
        cfsd,
        "content",
        "lower",
        "content feature structural distance: what resembled what",
        "Chung, Hyun & Heo 2024, arXiv:2312.09008",
        ("relu3_1",),
    ),
    "colours": Metric(
        colour_distance,
        "style",
        "lower",
        "sliced Wasserstein distance of the OKLab colours",
        "Rabin, Peyré, Delon & Bernot 2011; Ottosson 2020",
    ),
    "histogram": Metric(
        histogram_distance,
        "style",
        "lower",
        "Hellinger distance of the OKLab histograms",
        "after Afifi, Brubaker & Brown 2021, arXiv:2011.11731",
    ),
    "tv": Metric(
        partial(total_variation, kind="l1"),
        "",
        "lower",
        "total variation: Σ |differences of neighbours| over all numbers",
        "Rudin, Osher & Fatemi 1992, in its anisotropic form",
    ),
    **{
        name: Metric(
            lpips,
            "content",
            "lower",
            f"LPIPS 0.1: weighed distance of the features of {net}",
            "Zhang, Isola, Efros, Shechtman & Wang 2018, arXiv:1801.03924",
            open=partial(open_perceiver, net),
            weights=(net, f"lpips-{net}"),
        )
        for name, net in (("lpips", "vgg16"), ("lpips-alexnet", "alexnet"))
    },
}
"""What ``impasto evaluate`` tells of each picture, in this order."""


def get_metric(name: str) -> Metric:
    """The metric of that name; an error that lists all for a wrong one."""
    if name not in METRICS:
        raise unknown_name("metric", name, METRICS)
    return METRICS[name]


def at_hand() -> list[str]:
    """The metrics, those of sets last, whose weights are built in or kept."""
    return [name for name in (*METRICS, *SET_METRICS) if all(map(locate, _weights(name)))]


def chosen(names: Iterable[str]) -> tuple[list[str], list[str]]:
    """Names of metrics as those of pictures, what sets need included, and those of sets.

    Raises:
        OptionError: For a name that no metric has.
    """
    names = list(dict.fromkeys(names))
    for name in names:
        if name not in METRICS and name not in SET_METRICS:
            raise unknown_name("metric", name, [*METRICS, *SET_METRICS])
    sets = [name for name in names if name in SET_METRICS]
    needed = [SET_METRICS[name].mean_of for name in sets if SET_METRICS[name].mean_of]
    own = [name for name in names if name in METRICS]
    return list(dict.fromkeys([*own, *needed])), sets


def _weights(name: str) -> tuple[str, ...]:
    """Of a metric, and of the one whose mean it takes."""
    if name in METRICS:
        return METRICS[name].weights
    metric = SET_METRICS[name]
    return metric.weights + (METRICS[metric.mean_of].weights if metric.mean_of else ())


@dataclass(frozen=True)
class Seen:
    """A picture as metrics see it.

    Attributes:
        picture: (1, 3, H, W), sRGB in [0, 1].
        features: Layer → (1, C, H', W').
    """

    picture: Tensor
    features: Mapping[str, Tensor]


def measure(
    name: str, result: Seen, reference: Seen | None, opened: object = None
) -> dict[str, float]:
    """One metric of one result.

    Args:
        name: Of the metric.
        result: What is judged.
        reference: The content or the style; None if the metric needs neither.
        opened: What the metric's ``open`` gave, if it has one.

    Returns:
        The figure by the metric's name; before it, if it is the mean of several layers, those of
        each by ``name.layer``.
    """
    metric = get_metric(name)
    sides = [result] if reference is None else [result, reference]
    if not metric.layers:
        further = [] if metric.open is None else [opened]
        return {name: float(metric.function(*(side.picture for side in sides), *further))}
    figures = {
        f"{name}.{layer}": float(metric.function(*(side.features[layer] for side in sides)))
        for layer in metric.layers
    }
    mean = {name: sum(figures.values()) / len(figures)}
    return mean if len(figures) == 1 else figures | mean
