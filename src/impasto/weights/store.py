"""The weights that Impasto knows: where they come from, and the copies it keeps.

One record per weight, in :mod:`impasto.weights.records`. A weight is built in, or fetched once from
its publisher and reduced to the part that is used: a safetensors file in the cache folder. The
publisher's file is a pickle, which could hold code, so it is checked against the published SHA-256,
read by an unpickler that builds nothing but tensors, and deleted.

Every function takes the name of a weight in :data:`WEIGHTS`, or a :class:`WeightRecord` of your
own.
"""

from __future__ import annotations

import hashlib
import os
import shutil
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Literal

from platformdirs import user_cache_path

from impasto.errors import WeightsError, unknown_name
from impasto.runtime.downloads import ProgressCallback, download, file_lock, sha256_of
from impasto.runtime.files import atomic_write
from impasto.weights.records import WEIGHTS as WEIGHTS
from impasto.weights.records import WeightRecord as WeightRecord

if TYPE_CHECKING:  # torch takes a second to import, which a list of the weights need not wait for
    from torch import Tensor

EMBEDDED = Path(__file__).parents[1] / "data"
"""The folder of the weights inside the package."""


@dataclass(frozen=True)
class Status:
    """How it stands with the kept file of a weight.

    Attributes:
        state: ``"missing"``, ``"good"`` or ``"broken"``.
        reason: What is wrong with a broken file, in a sentence.
    """

    state: Literal["missing", "good", "broken"]
    reason: str = ""


def cache_dir() -> Path:
    """The folder of fetched weights: ``$IMPASTO_CACHE``, or else the platform's cache folder."""
    chosen = os.environ.get("IMPASTO_CACHE")
    if chosen:
        return Path(os.path.expanduser(chosen))  # Path's own raises where there is no such user
    return user_cache_path("impasto", appauthor=False)


def networks_folder() -> Path:
    """The folder of the one-pass models that a user has added; it need not exist."""
    return cache_dir() / "networks"


def locate(weight: str | WeightRecord) -> Path | None:
    """The file of a weight, built in or kept, if it is there; it is not looked into.

    Raises:
        OptionError: For a name that is not in the table.
    """
    path = _kept(_record(weight))
    return path if path.is_file() else None


def ensure(weight: str | WeightRecord, *, progress: ProgressCallback | None = None) -> Path:
    """The file of a weight, fetched first if it is not there.

    Args:
        weight: Which.
        progress: Called with the bytes that are here and the bytes in all while it is fetched.

    Raises:
        OptionError: For a name that is not in the table.
        WeightsError: If it cannot be fetched, or what is fetched is not what it should be.
    """
    return locate(weight) or fetch(weight, progress=progress)


def load_tensors(weight: str | WeightRecord) -> dict[str, Tensor]:
    """The tensors of a metric's weight by their own names, float32; fetched if they are not there.

    Raises:
        OptionError: For a name that is not in the table.
        WeightsError: If they cannot be fetched, or the kept file is damaged.
    """
    from impasto.runtime.safetensors import read_safetensors
    from impasto.weights.layouts import kept_tensors

    record = _record(weight)
    path = ensure(record)
    tensors, _ = read_safetensors(path)
    return kept_tensors(record, tensors, path)


def fetch(
    weight: str | WeightRecord, *, force: bool = False, progress: ProgressCallback | None = None
) -> Path:
    """Fetch a weight, unless a good copy is there.

    Processes that want the same weight wait for each other; one of them fetches it.

    Args:
        weight: Which.
        force: Fetch it even if a good copy is there.
        progress: Called with the bytes that are here and the bytes in all.

    Returns:
        The safetensors file, to be read by :func:`impasto.encoders.files.load_encoder`, or by
        :func:`load_tensors` if it is a metric's.

    Raises:
        OptionError: For a name that is not in the table.
        WeightsError: If it cannot be fetched, or what is fetched is not what it should be.
    """
    record = _record(weight)
    kept = _kept(record)
    if record.source == "embedded":
        if not kept.is_file():
            raise WeightsError(f"The built-in weight {kept} is missing: install Impasto again.")
        return kept
    with file_lock(_downloads() / record.name):
        if force or verify(record).state != "good":
            published = _download(record, progress)
            try:
                _convert(record, published)
            except WeightsError:
                published.unlink(missing_ok=True)
                raise
            published.unlink(missing_ok=True)  # not when interrupted: what came stays
    return kept


def add(weight: str | WeightRecord, file: str | Path) -> Path:
    """Keep a weight from a file that was got by other means; ``file`` itself stays.

    Args:
        weight: Which.
        file: What ``fetch`` would download, or a safetensors file that ``fetch`` or ``add`` made
            elsewhere.

    Returns:
        The kept safetensors file.

    Raises:
        OptionError: For a name that is not in the table.
        WeightsError: If the file is not there or is anything else.
    """
    record, file = _record(weight), Path(file)
    if record.source == "embedded":
        raise WeightsError(f"The weight '{record.name}' is built in: there is nothing to add.")
    if file.suffix == ".safetensors":
        _check_kept(record, file)
        with atomic_write(_kept(record), error=WeightsError) as temporary:
            shutil.copyfile(file, temporary)
    else:
        _convert(record, file)
    return _kept(record)


def verify(weight: str | WeightRecord) -> Status:
    """Whether the file of a weight is there and its values are, to the last bit, those stored.

    Raises:
        OptionError: For a name that is not in the table.
    """
    record = _record(weight)
    path = locate(record)
    if path is None:
        return Status("missing")
    check = _check_embedded if record.source == "embedded" else _check_kept
    try:
        check(record, path)
    except WeightsError as error:
        return Status("broken", str(error))
    return Status("good")


def _record(weight: str | WeightRecord) -> WeightRecord:
    if isinstance(weight, WeightRecord):
        return weight
    if weight not in WEIGHTS:
        raise unknown_name("weight", weight, WEIGHTS)
    return WEIGHTS[weight]


def _kept(record: WeightRecord) -> Path:
    folder = EMBEDDED if record.source == "embedded" else cache_dir()
    return folder / f"{record.name}.safetensors"


def _downloads() -> Path:
    return cache_dir() / "downloads"


def _download(record: WeightRecord, progress: ProgressCallback | None) -> Path:
    """The publisher's file, from the first address that gives it."""
    failures = []
    for url in record.urls:
        target = _downloads() / url.rsplit("/", 1)[-1]
        size = record.bytes or None
        try:
            return download(url, target, sha256=record.sha256, size=size, progress=progress)
        except WeightsError as error:
            failures.append(str(error))
    raise WeightsError(
        f"{' '.join(failures)} If you have that file from elsewhere, add it by hand: "
        f"impasto models add {record.name} FILE"
    )


def _convert(record: WeightRecord, published: Path) -> None:
    """Keep the part that is used of a publisher's file, as safetensors with a card."""
    import torch

    from impasto.encoders.files import save_encoder
    from impasto.encoders.vgg import Encoder
    from impasto.runtime.safetensors import write_safetensors
    from impasto.weights.layouts import architecture, published_tensors

    digest = _check_sha256(record, published)
    tensors = published_tensors(record, _unpickled(published), published)
    card = {
        "name": record.name,
        "licence": record.licence,
        "paper": record.paper,
        "source": record.urls[0],
        "source_sha256": digest,
        "tensors_sha256": _tensors_sha256(tensors),
    }
    if record.kind == "encoder":
        encoder = Encoder(architecture(record))
        encoder.convolutions.load_state_dict(tensors)
        save_encoder(_kept(record), encoder, dtype=torch.float32, card=card)
    else:
        write_safetensors(_kept(record), tensors, card)


def _check_sha256(record: WeightRecord, file: Path) -> str:
    """The SHA-256 of a file, which must be the record's."""
    try:
        digest = sha256_of(file)
    except OSError as error:
        raise WeightsError(f"{file} cannot be read: {error.strerror or error}.") from error
    if not digest.startswith(record.sha256):
        wanted = " or ".join(record.urls) or "the one of this release"
        raise WeightsError(
            f"{file} is not the file of '{record.name}' ({wanted}): its SHA-256 is {digest[:16]}…, "
            f"not {record.sha256[:16]}…"
        )
    return digest


def _unpickled(file: Path) -> object:
    import torch

    try:
        return torch.load(file, map_location="cpu", weights_only=True)
    except Exception as error:  # broken bytes can lead the unpickler to any exception
        raise WeightsError(
            f"{file} was refused, and nothing in it was run: it holds something other than "
            "tensors, which could be code, or it is damaged."
        ) from error


def _tensors_sha256(tensors: Mapping[str, Tensor]) -> str:
    """The SHA-256 of all values as float32, in the order of their names.

    It can be stored in the file that it speaks for, which a digest of the file cannot; so there is
    no second file to lose or to go stale.
    """
    digest = hashlib.sha256()
    for key in sorted(tensors):
        digest.update(key.encode())
        digest.update(tensors[key].float().numpy().tobytes())
    return digest.hexdigest()


def _check_kept(record: WeightRecord, path: Path) -> None:
    """Refuse a safetensors file that was not converted from the record's, or has changed since."""
    from impasto.encoders.files import load_encoder
    from impasto.runtime.safetensors import read_safetensors
    from impasto.weights.layouts import architecture, kept_tensors

    tensors, card = read_safetensors(path)
    made_from = card.get("source_sha256", "")
    if card.get("name") != record.name or not made_from.startswith(record.sha256):
        raise WeightsError(f"{path} was not made by Impasto from the published '{record.name}'.")
    is_sound = card.get("tensors_sha256") == _tensors_sha256(tensors)
    if record.kind == "encoder":
        is_sound = is_sound and load_encoder(path).architecture == architecture(record)
    if not is_sound:
        raise WeightsError(f"{path} is damaged. Fetch it again: impasto models fetch {record.name}")
    if record.kind == "metric":
        kept_tensors(record, tensors, path)


def _check_embedded(record: WeightRecord, path: Path) -> None:
    from impasto.encoders.files import load_encoder
    from impasto.runtime.safetensors import read_safetensors

    _check_sha256(record, path)
    # A network's values are those of its digest; that it can be built is a matter of this release.
    load_encoder(path) if record.kind == "encoder" else read_safetensors(path)
