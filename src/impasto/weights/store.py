"""Local copies of the known weights: download, conversion, verification.

A weight is built in, or downloaded once from its publisher and reduced to the tensors that are
used: a safetensors file in the cache folder. The published file is a pickle, which could contain
code. It is therefore checked against its SHA-256, unpickled with ``weights_only``, and deleted.

Every function takes a name in :data:`WEIGHTS` or a :class:`WeightRecord`.
"""

from __future__ import annotations

import contextlib
import os
import shutil
from collections.abc import Iterator, Mapping
from contextvars import ContextVar
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Literal

from platformdirs import user_cache_path

from impasto.errors import WeightsError, unknown_name
from impasto.runtime.files import atomic_write
from impasto.weights.records import WEIGHTS as WEIGHTS
from impasto.weights.records import WeightRecord as WeightRecord

if TYPE_CHECKING:  # listing the weights needs neither torch nor HTTP, which take time to import
    from torch import Tensor

    from impasto.runtime.downloads import ProgressCallback

EMBEDDED = Path(__file__).parents[1] / "data"
"""The folder of the weights inside the package."""


@dataclass(frozen=True)
class Status:
    """State of the local file of a weight.

    Attributes:
        state: ``"missing"``, ``"good"`` or ``"broken"``.
        reason: What is wrong with a broken file, in one sentence.
    """

    state: Literal["missing", "good", "broken"]
    reason: str = ""


def cache_dir() -> Path:
    """The folder of downloaded weights: ``$IMPASTO_CACHE``, or the platform's cache folder.

    Raises:
        WeightsError: If neither is known, as for a user without a home folder.
    """
    folder = os.environ.get("IMPASTO_CACHE")
    if folder:
        return Path(os.path.expanduser(folder))  # Path.expanduser raises for an unknown user
    with contextlib.suppress(RuntimeError):  # there is no home folder
        platform = user_cache_path("impasto", appauthor=False)
        if platform.is_absolute():  # older versions of platformdirs return ~/.cache then
            return platform
    raise WeightsError(
        "There is no home folder to keep weights in: set IMPASTO_CACHE to a folder that can be "
        "written."
    )


def networks_folder() -> Path:
    """The folder of one-pass models added by the user; it may not exist.

    Raises:
        WeightsError: See :func:`cache_dir`.
    """
    return cache_dir() / "networks"


def locate(weight: str | WeightRecord) -> Path | None:
    """The local file of a weight, if it exists; its contents are not checked.

    Raises:
        OptionError: For an unknown name.
    """
    try:
        path = _local_path(_record(weight))
    except WeightsError:  # there is no cache; what is built in does not need it
        return None
    return path if os.path.isfile(path) else None  # also if its name is too long


def ensure(weight: str | WeightRecord, *, progress: ProgressCallback | None = None) -> Path:
    """The local file of a weight, downloaded first if necessary.

    Args:
        weight: Name or record.
        progress: Called with bytes done and bytes in total during the download.

    Raises:
        OptionError: For an unknown name.
        WeightsError: If it cannot be downloaded, or the file is not the published one.
    """
    local = locate(weight)
    if local is None and not _may_download.get():
        name = weight if isinstance(weight, str) else weight.name
        raise WeightsError(
            f"The weights {name} are not on this machine: "
            f"fetch them with `impasto models fetch {name}` first."
        )
    return local or fetch(weight, progress=progress)


_may_download: ContextVar[bool] = ContextVar("may_download", default=True)


@contextlib.contextmanager
def downloads_refused() -> Iterator[None]:
    """Within the block missing weights are an error, for requests from an untrusted source."""
    token = _may_download.set(False)
    try:
        yield
    finally:
        _may_download.reset(token)


def load_tensors(weight: str | WeightRecord) -> dict[str, Tensor]:
    """The tensors of a metric's weight, float32; downloaded if necessary.

    Raises:
        OptionError: For an unknown name.
        WeightsError: If they cannot be downloaded, or the local file is damaged.
    """
    from impasto.runtime.safetensors import read_safetensors
    from impasto.weights.layouts import cached_tensors

    record = _record(weight)
    path = ensure(record)
    tensors, _ = read_safetensors(path)
    return cached_tensors(record, tensors, path)


def fetch(
    weight: str | WeightRecord, *, force: bool = False, progress: ProgressCallback | None = None
) -> Path:
    """Download a weight, unless a good copy is there.

    Of several processes that need the same weight, one downloads it and the others wait.

    Args:
        weight: Name or record.
        force: Download it even if a good copy is there.
        progress: Called with bytes done and bytes in total.

    Returns:
        The safetensors file, to be read by :func:`impasto.encoders.files.load_encoder`, or by
        :func:`load_tensors` for a metric.

    Raises:
        OptionError: For an unknown name.
        WeightsError: If it cannot be downloaded, or the file is not the published one.
    """
    record = _record(weight)
    path = _local_path(record)
    if record.source == "embedded":
        if not os.path.isfile(path):
            raise WeightsError(f"The built-in weight {path} is missing: install Impasto again.")
        return path
    from impasto.runtime.downloads import file_lock

    with file_lock(_downloads() / record.name):
        if force or verify(record).state != "good":
            published = _download(record, progress)
            try:
                _convert(record, published)
            except WeightsError:
                published.unlink(missing_ok=True)
                raise
            published.unlink(missing_ok=True)  # kept when interrupted, to resume the download
    return path


def add(weight: str | WeightRecord, file: str | Path) -> Path:
    """Add a weight from a local file, which is left as it is.

    Args:
        weight: Name or record.
        file: The published file, or a safetensors file that ``fetch`` or ``add`` wrote elsewhere.

    Returns:
        The safetensors file in the cache.

    Raises:
        OptionError: For an unknown name.
        WeightsError: If the file is missing or is another one.
    """
    record, file = _record(weight), Path(file)
    if record.source == "embedded":
        raise WeightsError(f"The weight '{record.name}' is built in: there is nothing to add.")
    if file.suffix == ".safetensors":
        _check_cached(record, file)
        with atomic_write(_local_path(record), error=WeightsError) as temporary:
            shutil.copyfile(file, temporary)
    else:
        _convert(record, file)
    return _local_path(record)


def verify(weight: str | WeightRecord) -> Status:
    """Whether the local file of a weight exists and its values match its checksum.

    Raises:
        OptionError: For an unknown name.
    """
    record = _record(weight)
    path = locate(record)
    if path is None:
        return Status("missing")
    check = _check_embedded if record.source == "embedded" else _check_cached
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


def _local_path(record: WeightRecord) -> Path:
    folder = EMBEDDED if record.source == "embedded" else cache_dir()
    return folder / f"{record.name}.safetensors"


def _downloads() -> Path:
    return cache_dir() / "downloads"


def _download(record: WeightRecord, progress: ProgressCallback | None) -> Path:
    """Download the published file from the first URL that works."""
    from impasto.runtime.downloads import download

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
    """Write the tensors of a published file that are used as safetensors, with a card."""
    import torch

    from impasto.encoders.files import save_encoder
    from impasto.encoders.vgg import Encoder
    from impasto.runtime.safetensors import write_safetensors
    from impasto.weights.layouts import architecture, published_tensors

    digest = _check_sha256(record, published)
    tensors = published_tensors(record, _unpickle(published), published)
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
        save_encoder(_local_path(record), encoder, dtype=torch.float32, card=card)
    else:
        write_safetensors(_local_path(record), tensors, card)


def _check_sha256(record: WeightRecord, file: Path) -> str:
    """The SHA-256 of a file; a WeightsError if it is not the record's."""
    try:
        from impasto.runtime.downloads import sha256_of

        digest = sha256_of(file)
    except OSError as error:
        raise WeightsError(f"{file} cannot be read: {error.strerror or error}.") from error
    if not digest.startswith(record.sha256):
        source = " or ".join(record.urls) or "the one of this release"
        raise WeightsError(
            f"{file} is not the file of '{record.name}' ({source}): its SHA-256 is {digest[:16]}…, "
            f"not {record.sha256[:16]}…"
        )
    return digest


def _unpickle(file: Path) -> object:
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

    Unlike the digest of the file, it can be stored in the file itself.
    """
    import hashlib

    digest = hashlib.sha256()
    for key in sorted(tensors):
        digest.update(key.encode())
        digest.update(tensors[key].float().numpy().tobytes())
    return digest.hexdigest()


def _check_cached(record: WeightRecord, path: Path) -> None:
    """Refuse a safetensors file that was not converted from the published one, or was changed."""
    from impasto.encoders.files import load_encoder
    from impasto.runtime.safetensors import read_safetensors
    from impasto.weights.layouts import architecture, cached_tensors

    tensors, card = read_safetensors(path)
    source = card.get("source_sha256", "")
    if card.get("name") != record.name or not source.startswith(record.sha256):
        raise WeightsError(f"{path} was not made by Impasto from the published '{record.name}'.")
    is_intact = card.get("tensors_sha256") == _tensors_sha256(tensors)
    if record.kind == "encoder":
        is_intact = is_intact and load_encoder(path).architecture == architecture(record)
    if not is_intact:
        raise WeightsError(f"{path} is damaged. Fetch it again: impasto models fetch {record.name}")
    if record.kind == "metric":
        cached_tensors(record, tensors, path)


def _check_embedded(record: WeightRecord, path: Path) -> None:
    from impasto.encoders.files import load_encoder
    from impasto.runtime.safetensors import read_safetensors

    _check_sha256(record, path)
    # The digest proves a network's values; its architecture is part of this release.
    load_encoder(path) if record.kind == "encoder" else read_safetensors(path)
