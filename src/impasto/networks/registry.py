"""The kinds of one-pass network by name.

To add one, write its network and its :class:`impasto.networks.kind.NetworkKind` in a file of their
own, and name it here. A package outside Impasto names it in its metadata instead::

    [project.entry-points."impasto.networks"]
    mynet = "mypackage.mynet:KIND"

Files, tiles, styles, masks, training and the command line take it from there.
"""

from __future__ import annotations

from impasto.errors import unknown_name
from impasto.networks.kind import NetworkKind
from impasto.runtime.registry import Registry

NETWORKS = Registry(
    "kind of network",
    NetworkKind,
    "impasto.networks",
    {
        "paint": "impasto.networks.paint_network:KIND",
        "recolour": "impasto.networks.recolour_network:KIND",
        "strokes": "impasto.networks.stroke_network:KIND",
        "johnson": "impasto.networks.johnson:KIND",
        "adain": "impasto.networks.adain:KIND",
    },
)
"""Kind → how its networks are built, described and read."""


def register_network(kind: str, entry: NetworkKind) -> None:
    """Add a kind of network; networks of this kind have ``kind`` as their attribute ``kind``.

    Args:
        kind: Its name in model files and on the command line.
        entry: How networks of this kind are built, described and read.

    Raises:
        OptionError: If the name is taken.
    """
    NETWORKS.register(kind, entry)


def network_kind(name: str) -> NetworkKind:
    """The kind of that name.

    Raises:
        OptionError: For an unknown name.
    """
    if name not in NETWORKS:
        raise unknown_name("kind of network", name, NETWORKS)
    return NETWORKS[name]
