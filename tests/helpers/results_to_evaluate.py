"""Folders of contents, styles and results to evaluate."""

from __future__ import annotations

from pathlib import Path

import torch

from helpers.metadata import paint_metadata
from helpers.random_inputs import smooth_picture
from impasto import images


def write_two_methods(folder: Path) -> Path:
    """Two photographs, two paintings, and the results of two methods for each pair of them."""
    photos = {name: smooth_picture(48, 64, seed=seed) for name, seed in (("cat", 1), ("dog", 2))}
    paintings = {name: smooth_picture(56, 56, seed=seed) for name, seed in (("sea", 3), ("sky", 4))}
    for kind, pictures in (("photos", photos), ("paintings", paintings)):
        for name, picture in pictures.items():
            images.write(folder / kind / f"{name}.png", picture)
    for method, share in (("mild", 0.2), ("bold", 0.7)):
        for number, (content, style) in enumerate((c, s) for c in photos for s in paintings):
            blend = torch.lerp(photos[content], images.resize(paintings[style], (48, 64)), share)
            metadata = paint_metadata(f"photos/{content}.png", [f"paintings/{style}.png"])
            metadata |= {"seconds": str(number + share)} if method == "bold" else {}
            images.write(folder / "out" / method / f"{number}.png", blend, metadata=metadata)
    return folder


def write_one_method(folder: Path) -> Path:
    """Three results of two contents and two styles, one of which is used twice."""
    for place, seeds in (
        ("photos/cat", 1),
        ("photos/dog", 2),
        ("paintings/sea", 3),
        ("paintings/sky", 4),
    ):
        images.write(folder / f"{place}.png", smooth_picture(80, 96, seed=seeds))
    for content, style in (("cat", "sea"), ("dog", "sea"), ("dog", "sky")):
        one, other = (
            images.read(folder / place).tensor
            for place in (f"photos/{content}.png", f"paintings/{style}.png")
        )
        metadata = paint_metadata(f"{content}.png", [f"{style}.png"])
        path = folder / "out" / f"{content}-{style}.png"
        images.write(path, torch.lerp(one, other, 0.4), metadata=metadata)
    return folder
