"""The metadata that results have, made without painting them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from impasto.jobs.inputs import as_style_inputs
from impasto.jobs.requests import (
    PaintRequest,
    StyleInput,
    StylizeRequest,
    as_region_specs,
)
from impasto.jobs.results import describe_request


def paint_metadata(
    content: str,
    styles: Sequence[str],
    shares: Sequence[float] | None = None,
    levels: Sequence[str] | None = None,
    **entries: Any,
) -> dict[str, str]:
    """Of a painting."""
    return describe_request(
        PaintRequest(content, as_style_inputs(styles, shares, levels), **entries)
    )


def stylize_metadata(
    content: str,
    styles: Mapping[str, float],
    options: Mapping[str, Any],
    regions: Sequence[str] = (),
) -> dict[str, str]:
    """Of a picture made in one pass."""
    inputs = tuple(StyleInput(name, share) for name, share in styles.items())
    request = StylizeRequest(content, inputs, regions=as_region_specs(regions))
    return describe_request(request.replace(**options))
