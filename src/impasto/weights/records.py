"""The known weights: one record each, with source, checksum, licence and shape."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from impasto.errors import OptionError


@dataclass(frozen=True)
class WeightRecord:
    """What is known of a weight before its file is there.

    Attributes:
        name: Name on the command line; also the stem of its file.
        kind: ``"encoder"``; ``"network"``, a one-pass model; or ``"metric"``, part of a metric of
            :mod:`impasto.metrics`.
        urls: Where it is published, in the order to try; empty if it is built in.
        sha256: Of the published file, or of the file in the package, in hexadecimal. At least the
            first eight digits, if no more are published: torchvision's ``vgg19-dcbb9e9d.pth`` names
            the first eight. It may be empty for a built-in file.
        bytes: Length of the published file; 0 if unknown.
        licence: Of the weights.
        paper: Where the network is described.
        value_range: Input that the network was trained on.
        widths: Channels of each block, or layer, which the published file must have.
        depths: 3×3 convolutions of each block, which the published file must have.
        layout: Naming of the tensors in the published file (:mod:`impasto.weights.layouts`).
    """

    name: str
    kind: Literal["encoder", "network", "metric"]
    urls: tuple[str, ...]
    sha256: str
    bytes: int
    licence: str
    paper: str
    value_range: str
    widths: tuple[int, ...] = ()
    depths: tuple[int, ...] = ()
    layout: Literal["vgg", "alexnet", "inception", "lpips"] = "vgg"

    def __post_init__(self) -> None:
        if self.urls and len(self.sha256) < 8:
            raise OptionError(f"The weight '{self.name}' is downloaded, so it needs a SHA-256.")

    @property
    def source(self) -> Literal["embedded", "download"]:
        """Whether it is part of the package or downloaded."""
        return "download" if self.urls else "embedded"


_IMAGENET_RANGE = (
    "RGB, sRGB in [0, 1], less mean (0.485, 0.456, 0.406), over deviation (0.229, 0.224, 0.225)"
)
_VGG_PAPER = "Simonyan & Zisserman 2015, arXiv:1409.1556"
_TORCHVISION_LICENCE = "BSD-3-Clause (torchvision), trained on ImageNet"
_LPIPS_FOLDER = (
    "https://raw.githubusercontent.com/richzhang/PerceptualSimilarity/master/lpips/weights/v0.1"
)

_RECORDS = (
    *(
        WeightRecord(
            name=name,
            kind="encoder",
            urls=(),
            sha256=digest,
            bytes=1_700_720,
            licence="MIT",
            paper="distilled from VGG-19 after Wang et al. 2020, arXiv:2003.08436",
            value_range=_IMAGENET_RANGE,
        )
        for name, digest in (
            ("compact", "abcea6cb6b7a351cf78f79636f9c7054313bcf5470152cb513bb7137e698b4af"),
            ("compact2", "ab0c99054f78c2815a2c21ffd20a8cffce85dd35d26702958c471cae80787607"),
        )
    ),
    WeightRecord(
        name="vgg19",
        kind="encoder",
        urls=("https://download.pytorch.org/models/vgg19-dcbb9e9d.pth",),
        sha256="dcbb9e9dad569fff7a846263a77324fc34978fea2bfb039c012d710e1776ae44",
        bytes=574_673_361,
        licence=_TORCHVISION_LICENCE,
        paper=_VGG_PAPER,
        value_range=_IMAGENET_RANGE,
        widths=(64, 128, 256, 512, 512),
        depths=(2, 2, 4, 4, 4),
    ),
    WeightRecord(
        name="vgg16",
        kind="encoder",
        urls=("https://download.pytorch.org/models/vgg16-397923af.pth",),
        sha256="397923af8e79cdbb6a7127f12361acd7a2f83e06b05044ddf496e83de57a5bf0",
        bytes=553_433_881,
        licence=_TORCHVISION_LICENCE,
        paper=_VGG_PAPER,
        value_range=_IMAGENET_RANGE,
        widths=(64, 128, 256, 512, 512),
        depths=(2, 2, 3, 3, 3),
    ),
    *(
        WeightRecord(name, "network", (), digest, size, "MIT", paper, "RGB, sRGB in [0, 1]")
        for name, digest, size, paper in (
            (
                "any",
                "ccf57ba92cdfffb0bb64f8d165b97eb82811059fe9f7861c99d4c229168a9e43",
                6_247_384,
                "after Ghiasi et al. 2017, arXiv:1705.06830",
            ),
            (
                "multi",
                "dc8a261b1544d7cc1b2fddb623a466fafcc6a03c20ea8f9f94cdf3907f390f0a",
                3_626_950,
                "after Dumoulin et al. 2017, arXiv:1610.07629",
            ),
        )
    ),
    WeightRecord(
        name="alexnet",
        kind="metric",
        urls=("https://download.pytorch.org/models/alexnet-owt-7be5be79.pth",),
        sha256="7be5be791159472b1fbf3c69796f7cb30dca7ad8466c2df70058c37116cdee02",
        bytes=244_408_911,
        licence=_TORCHVISION_LICENCE,
        paper="Krizhevsky 2014, arXiv:1404.5997",
        value_range=_IMAGENET_RANGE,
        layout="alexnet",
    ),
    *(
        WeightRecord(
            name=name,
            kind="metric",
            urls=(f"{_LPIPS_FOLDER}/{file}",),
            sha256=digest,
            bytes=size,
            licence="BSD-2-Clause",
            paper="Zhang et al. 2018, arXiv:1801.03924",
            value_range="squared differences of features of unit length",
            widths=widths,
            layout="lpips",
        )
        for name, file, digest, size, widths in (
            (
                "lpips-vgg16",
                "vgg.pth",
                "a78928a0af1e5f0fcb1f3b9e8f8c3a2a5a3de244d830ad5c1feddc79b8432868",
                7_289,
                (64, 128, 256, 512, 512),
            ),
            (
                "lpips-alexnet",
                "alex.pth",
                "df73285e35b22355a2df87cdb6b70b343713b667eddbda73e1977e0c860835c0",
                6_009,
                (64, 192, 384, 256, 256),
            ),
        )
    ),
    WeightRecord(
        name="art-inception",
        kind="metric",
        urls=(
            "https://huggingface.co/matthias-wright/art_inception/resolve/main/art_inception.pth",
        ),
        # The ETag of a download from Hugging Face, confirmed by an evaluation of 2026.
        sha256="5bc1c20380401911d99d528b7b6e4430044b56edd5f7f26467222f3fb7c54e7e",
        bytes=0,
        licence="not stated (its program: MIT)",
        paper="Wright & Ommer 2022, arXiv:2207.12280",
        value_range="RGB, sRGB in [0, 1]",
        layout="inception",
    ),
)

WEIGHTS: dict[str, WeightRecord] = {record.name: record for record in _RECORDS}
"""Every weight by its name."""


def is_file_name(name: str | Path) -> bool:
    """Whether an encoder's name is the path of a file."""
    return Path(name).suffix == ".safetensors"
