"""Every metric by name.

To add one, write a pure function (result, reference) → (B,) in a file of this package, and its line
in ``METRICS``: matching, tables, intervals, ``impasto evaluate --metrics`` and the generic tests
use it from there. Another package calls :func:`register_metric`, or declares an entry point of the
group ``impasto.metrics`` (a :class:`Metric`) or ``impasto.set_metrics`` (a :class:`SetMetric`)::

    [project.entry-points."impasto.metrics"]
    sharpness = "my_package.sharpness:METRIC"
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal

from impasto.errors import OptionError, unknown_name
from impasto.runtime.registry import Registry
from impasto.weights.store import locate

if TYPE_CHECKING:
    from torch import Tensor

STYLE_LAYERS = ("relu1_1", "relu2_1", "relu3_1", "relu4_1", "relu5_1")
"""Layers of the style metrics, fixed so that values stay comparable."""

ART_INCEPTION = "art-inception"
"""Weights for metrics of sets: Inception-v3 trained on art."""

NO_UPPER_LIMIT = (0.0, math.inf)


@dataclass(frozen=True)
class Metric:
    """A metric of one result.

    Attributes:
        function: (result, reference) → (B,), or (result) if there is no reference. Takes pictures
            (B, 3, H, W), or features (B, C, H, W) if ``layers`` is set. What ``open`` returns is
            passed last.
        reference: The picture that the result is compared with; empty for none.
        better: Which values are better.
        about: One line for people.
        source: The paper.
        range: Lowest and highest possible value; the better end is that of a perfect result.
        layers: Encoder layers whose features are compared; the metric is the mean over them.
        open: Opens the network that ``function`` needs, if any; its method ``to`` moves it to the
            device of the pictures.
        weights: Names of the weights that ``open`` needs.
    """

    function: Callable[..., Tensor]
    reference: Literal["content", "style", ""]
    better: Literal["lower", "higher"]
    about: str
    source: str
    range: tuple[float, float] = NO_UPPER_LIMIT
    layers: tuple[str, ...] = ()
    open: Callable[[], Any] | None = None
    weights: tuple[str, ...] = ()


@dataclass(frozen=True)
class SetMetric:
    """A metric of all results of a method together.

    Attributes:
        function: (FID between results and styles, mean of ``mean_of``) → value.
        better: Which values are better.
        about: One line for people.
        source: The paper.
        weights: Names of the weights it needs besides those of ``mean_of``.
        mean_of: Name of the metric whose mean over the results it takes, if any.
    """

    function: Callable[[float, float], float]
    better: Literal["lower", "higher"]
    about: str
    source: str
    weights: tuple[str, ...] = (ART_INCEPTION,)
    mean_of: str = ""


METRICS = Registry(
    "metric",
    Metric,
    "impasto.metrics",
    {
        "content": "impasto.metrics.features:CONTENT",
        "gram": "impasto.metrics.features:GRAM",
        "moments": "impasto.metrics.features:MOMENTS",
        "ssim": "impasto.metrics.ssim:SSIM",
        "edge-ssim": "impasto.metrics.ssim:EDGE_SSIM",
        "cfsd": "impasto.metrics.cfsd:CFSD",
        "colours": "impasto.metrics.colours:COLOURS",
        "histogram": "impasto.metrics.colours:HISTOGRAM",
        "tv": "impasto.metrics.variation:TV",
        "lpips": "impasto.metrics.lpips:LPIPS",
        "lpips-alexnet": "impasto.metrics.lpips:LPIPS_ALEXNET",
    },
)
"""Metrics of single results, in the order that ``impasto evaluate`` shows them."""

SET_METRICS = Registry(
    "metric",
    SetMetric,
    "impasto.set_metrics",
    {"fid": "impasto.metrics.fid:FID", "artfid": "impasto.metrics.fid:ART_FID"},
)
"""Metrics of all results of a method, shown last."""


def register_metric(name: str, metric: Metric | SetMetric) -> None:
    """Make a metric of another package available by its name.

    Args:
        name: Its name in ``impasto.evaluate`` and on the command line.
        metric: Of single results, or of all results of a method.

    Raises:
        OptionError: The name is taken by another metric.
    """
    if name in (METRICS if isinstance(metric, SetMetric) else SET_METRICS):
        raise OptionError(f"The metric '{name}' already exists: choose another name.")
    if isinstance(metric, SetMetric):
        SET_METRICS.register(name, metric)
    else:
        METRICS.register(name, metric)


def get_metric(name: str) -> Metric:
    """A metric of single results by its name.

    Raises:
        OptionError: There is none; the message lists all.
    """
    if name not in METRICS:
        raise unknown_name("metric", name, METRICS)
    return METRICS[name]


def available_metrics() -> list[str]:
    """All metrics, those of sets last, whose weights are built in or downloaded already.

    Those of a package that cannot be imported are left out with a warning.
    """
    names = (*METRICS.usable(), *SET_METRICS.usable())
    return [name for name in names if all(map(locate, _weights(name)))]


def resolve_metrics(names: Iterable[str]) -> tuple[list[str], list[str]]:
    """Split names into metrics of single results and metrics of sets.

    Returns:
        Both without duplicates; the first includes what the second takes the mean of.

    Raises:
        OptionError: There is no metric of some name; the message lists all.
    """
    names = list(dict.fromkeys(names))
    for name in names:
        if name not in METRICS and name not in SET_METRICS:
            raise unknown_name("metric", name, [*METRICS, *SET_METRICS])
    set_names = [name for name in names if name in SET_METRICS]
    averaged = [SET_METRICS[name].mean_of for name in set_names if SET_METRICS[name].mean_of]
    single_names = [name for name in names if name in METRICS]
    return list(dict.fromkeys([*single_names, *averaged])), set_names


def _weights(name: str) -> tuple[str, ...]:
    """Names of all weights that a metric needs."""
    if name in METRICS:
        return METRICS[name].weights
    metric = SET_METRICS[name]
    return metric.weights + (METRICS[metric.mean_of].weights if metric.mean_of else ())


@dataclass(frozen=True)
class MetricInput:
    """A picture with its features, as metrics take it.

    Attributes:
        picture: (1, 3, H, W), sRGB in [0, 1].
        features: Layer → (1, C, H', W').
    """

    picture: Tensor
    features: Mapping[str, Tensor]


def measure(
    name: str, result: MetricInput, reference: MetricInput | None, opened: object = None
) -> dict[str, float]:
    """The value of one metric for one result.

    Args:
        name: Name of the metric.
        result: The result.
        reference: Content or style; None if the metric needs neither.
        opened: What the metric's ``open`` returned, if it has one.

    Returns:
        ``name`` → value; for a mean over several layers, ``name.layer`` → value come first.
    """
    metric = get_metric(name)
    inputs = [result] if reference is None else [result, reference]
    if not metric.layers:
        network = [] if metric.open is None else [opened]
        return {name: float(metric.function(*(one.picture for one in inputs), *network))}
    values = {
        f"{name}.{layer}": float(metric.function(*(one.features[layer] for one in inputs)))
        for layer in metric.layers
    }
    mean = {name: sum(values.values()) / len(values)}
    return mean if len(values) == 1 else values | mean
