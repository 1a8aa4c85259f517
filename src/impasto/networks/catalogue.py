"""One-pass models by name: the built-in ones, and those that a user has added.

Listing them needs no torch, so what opens models is imported when one is opened.
"""

from __future__ import annotations

import contextlib
import filecmp
import json
import os
import re
import shutil
from pathlib import Path
from typing import TYPE_CHECKING

from impasto.errors import OptionError, WeightsError, option, unknown_name
from impasto.networks.descriptions import read_description
from impasto.networks.styles import IDENTITY
from impasto.runtime.files import atomic_write
from impasto.runtime.safetensors import read_safetensors, write_safetensors
from impasto.weights.records import WEIGHTS, is_file_name
from impasto.weights.store import EMBEDDED, Status, networks_folder

if TYPE_CHECKING:
    from impasto.networks.model import OnePassModel

_NAME = re.compile(r"[\w.-]{1,64}")


def networks() -> dict[str, Path]:
    """Name → file of every available one-pass model."""
    built_in = {
        name: EMBEDDED / f"{name}.safetensors"
        for name, record in WEIGHTS.items()
        if record.kind == "network"
    }
    return {**added_networks(), **built_in}


def added_networks() -> dict[str, Path]:
    """Name → file of the models that a user has added."""
    try:
        folder = networks_folder()
    except WeightsError:  # there is no cache, so nothing was added
        return {}
    # A leading dot marks a file that is being written.
    paths = []
    with contextlib.suppress(OSError):  # a folder that no disk can have
        paths = sorted(folder.glob("[!.]*.safetensors"))
    return {path.stem: path for path in paths if path.stem not in WEIGHTS}


def verify_network(path: Path) -> Status:
    """Whether the file of an added model can be used."""
    from impasto.networks.files import load_network

    try:
        load_network(path)
    except WeightsError as error:
        return Status("broken", str(error))
    return Status("good")


def style_names(name: str) -> list[str]:
    """The styles that a model of :func:`networks` knows by name; none if its file is broken."""
    try:
        names = read_description(networks()[name])["styles"]
    except (WeightsError, LookupError):
        return []
    return [style for style in names if style != IDENTITY]


def named_styles() -> dict[str, list[str]]:
    """One-pass model → the styles that it knows by name; models without any are left out."""
    found = {model: style_names(model) for model in networks()}
    return {model: names for model, names in found.items() if names}


def open_network(name: str | Path) -> OnePassModel:
    """A one-pass model, frozen, float32, on the CPU.

    Args:
        name: A name of :func:`networks`, or the path of a file that ``impasto train`` made.

    Raises:
        WeightsError: If the file is missing, broken or not a one-pass model.
        OptionError: For a name that is neither.
    """
    from impasto.networks.files import load_network

    known = networks()
    if str(name) in known:
        return load_network(known[str(name)])
    if Path(name).suffix == ".safetensors":
        return load_network(name)
    raise unknown_name("model", str(name), [*known, "FILE.safetensors"])


def add_network(name: str, file: str | Path, *, overwrite: bool = False) -> Path:
    """Copy a trained model to the user's models, to be opened by name.

    If it reads styles with an encoder that is a file, that is copied with it.

    Args:
        name: The name.
        file: The model.
        overwrite: Whether to replace another model of that name.

    Returns:
        The copy.

    Raises:
        OptionError: If the name belongs to a built-in model, or to another added one, or is not a
            valid file name.
        WeightsError: If the file is not a one-pass model.
    """
    from impasto.networks.files import load_network

    if name in WEIGHTS:
        raise OptionError(f"The name {name} is taken by what is built in: choose another.")
    if not _NAME.fullmatch(name) or name.startswith("."):
        raise OptionError(f"A model's name is of letters, digits, dots and dashes, not {name!r}.")
    model = load_network(file)
    copy = networks_folder() / f"{name}.safetensors"
    _check_free(name, Path(file), overwrite=overwrite)
    if model.predictor is not None and is_file_name(model.encoder):
        encoder = Path("encoders") / copy.name  # relative to the copy
        _copy(Path(model.encoder), copy.parent / encoder)
        state, metadata = read_safetensors(Path(file))
        description = {**json.loads(metadata["description"]), "encoder": str(encoder)}
        write_safetensors(copy, state, {**metadata, "description": json.dumps(description)})
    else:
        _copy(Path(file), copy)
    return copy


def _check_free(name: str, file: Path, *, overwrite: bool) -> None:
    """Raise an OptionError if an added model has the name, or one that differs by capitals only."""
    for other, path in added_networks().items():
        if other.casefold() != name.casefold() or (other == name and overwrite):
            continue
        if other == name and _same_model(file, path):
            continue
        remedy = f", or replace it with {option('overwrite')}" if other == name else ""
        raise OptionError(f"There is a model {other} already: choose another name{remedy}.")


def _same_model(file: Path, copy: Path) -> bool:
    """Whether a model was copied from a file: all but the place of its encoder is the same."""
    try:
        (state, own), (kept, theirs) = read_safetensors(file), read_safetensors(copy)
        descriptions = [json.loads(metadata["description"]) for metadata in (own, theirs)]
    except (WeightsError, LookupError, ValueError):
        return False
    import torch

    encoders = [description.pop("encoder", None) for description in descriptions]
    if is_file_name(str(encoders[0])):
        places = file.parent / str(encoders[0]), copy.parent / str(encoders[1])
        if not all(map(os.path.isfile, places)) or not filecmp.cmp(*places, shallow=False):
            return False
    return (
        descriptions[0] == descriptions[1]
        and state.keys() == kept.keys()
        and all(torch.equal(value, kept[key]) for key, value in state.items())
    )


def _copy(file: Path, to: Path) -> None:
    with atomic_write(to) as temporary:
        shutil.copyfile(file, temporary)
