"""Files that a row names, brought to this machine; the row's request, as it is run here.

A picture's own request keeps the names of the manifest: only the run sees local ones.
"""

from __future__ import annotations

import contextlib
import dataclasses
import hashlib
import threading
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path, PurePosixPath
from typing import TypeVar

import torch

from impasto.batch.places import download, is_remote
from impasto.batch.rows import VECTOR, Row
from impasto.errors import OptionError, option
from impasto.jobs.requests import PaintRequest, StyleInput, StylizeRequest
from impasto.jobs.resources import MOST_MODELS
from impasto.networks.catalogue import open_network
from impasto.networks.model import OnePassModel
from impasto.onepass.style_files import save_style
from impasto.onepass.stylizer import ANY
from impasto.recipes.recipe import INITS
from impasto.runtime.last_used import LastUsed

_R = TypeVar("_R", bound=PaintRequest | StylizeRequest)

_MOST_KEPT = 256
"""Files of styles and masks that are kept, those last used."""


@dataclass(frozen=True)
class LocalRequest:
    """A request that can be run here.

    Attributes:
        original: As the manifest has it.
        request: The same with local files.
        names: Local file → its name in the manifest, for messages.
        content: The file of the content, if it is to be removed after use.
    """

    original: PaintRequest | StylizeRequest
    request: PaintRequest | StylizeRequest
    names: Mapping[str, str] = field(default_factory=dict)
    content: Path | None = None

    def in_words_of_the_manifest(self, text: str) -> str:
        """A message, with the names of the manifest."""
        for local, name in self.names.items():
            text = text.replace(local, name)
        return text

    def restored(self, request: PaintRequest | StylizeRequest) -> PaintRequest | StylizeRequest:
        """A request that was run, with the names of the manifest."""
        own = self.original
        kept = {"content": own.content, "styles": own.styles, "mask": own.mask,
                "style_mask": own.style_mask}  # fmt: skip
        restored = dataclasses.replace(request, **kept)  # type: ignore[arg-type]
        if isinstance(restored, PaintRequest) and isinstance(own, PaintRequest):
            recipe = restored.recipe.replace(init=own.recipe.init)
            return dataclasses.replace(restored, recipe=recipe)
        return restored

    def clean_up(self) -> None:
        """Remove the content's file, if it was fetched for this row alone."""
        if self.content is not None:
            with contextlib.suppress(OSError):
                self.content.unlink()


class Fetcher:
    """Brings files here; styles and masks once, contents for each row.

    Args:
        scratch: Local folder for them.
        given: Name → local file of what came with the batch itself.
    """

    def __init__(self, scratch: Path, given: Mapping[str, str] | None = None) -> None:
        self._scratch, self._given = scratch, given or {}
        self._kept: LastUsed[str, Path] = LastUsed(
            _MOST_KEPT, lambda oldest: oldest.unlink(missing_ok=True)
        )
        self._fetching = threading.Lock()
        self._models: LastUsed[str, OnePassModel] = LastUsed(MOST_MODELS)
        for name in ("contents", "kept"):
            (scratch / name).mkdir(parents=True, exist_ok=True)

    def local(self, row: Row) -> LocalRequest:
        """The row's request with local files.

        Raises:
            ImpastoError: If a file cannot be fetched.
        """
        request = row.request
        assert request is not None
        names: dict[str, str] = {}
        content, own = self._content(row, str(request.content))
        if own is not None:
            names[content] = str(request.content)

        def kept(name: str) -> str:
            local = self._keep(name)
            if local != name:
                names[local] = name
            return local

        if row.vector:
            request = dataclasses.replace(request, styles=(self._vector_style(row.vector),))
        local: PaintRequest | StylizeRequest = _with_names(request, content, kept)
        if row.vector:  # its digest is its name in the manifest's own words
            stem = Path(local.styles[0].name).stem
            request = dataclasses.replace(request, styles=(StyleInput(f"{VECTOR}-{stem}"),))
        if isinstance(local, StylizeRequest):
            local = dataclasses.replace(local, model=kept(local.model) if local.model else "")
        elif local.recipe.init not in INITS:
            recipe = local.recipe.replace(init=kept(local.recipe.init))
            local = dataclasses.replace(local, recipe=recipe)
        if row.vector and isinstance(local, StylizeRequest):
            self._write_vector(row.vector, Path(local.styles[0].name), local.model or ANY)
        return LocalRequest(request, local, names, own)

    def _content(self, row: Row, name: str) -> tuple[str, Path | None]:
        if row.data is None and not is_remote(name):
            return name, None
        if row.data is None and name in self._given:
            return self._given[name], None
        suffix = PurePosixPath(name.partition("::")[0].partition("?")[0]).suffix[:10]
        own = self._scratch / "contents" / f"{row.number:09}{suffix}"
        if row.data is not None:
            own.write_bytes(row.data)
        else:
            download(name, own)
        return str(own), own

    def _keep(self, name: str) -> str:
        """A local file of something that several rows name."""
        if name in self._given:
            return self._given[name]
        if not is_remote(name):
            return name
        with self._fetching:
            return str(self._kept.get_or_add(name, partial(self._fetch, name)))

    def _fetch(self, name: str) -> Path:
        digest = hashlib.sha256(name.encode("utf-8", "surrogateescape")).hexdigest()[:24]
        suffix = PurePosixPath(name.partition("?")[0]).suffix[:12]
        local = self._scratch / "kept" / f"{digest}{suffix}"
        download(name, local)
        return local

    def _vector_style(self, vector: tuple[float, ...]) -> StyleInput:
        digest = hashlib.sha256(repr(vector).encode()).hexdigest()[:24]
        return StyleInput(str(self._scratch / "kept" / f"{digest}.safetensors"))

    def _write_vector(self, vector: tuple[float, ...], path: Path, name: str) -> None:
        with self._fetching:
            if self._kept.get(str(path)) is not None:
                return
            model = self._models.get_or_add(name, partial(open_network, name))
            size = model.network.style_size
            if len(vector) != size:
                raise OptionError(
                    f"The row's vector has {len(vector)} numbers, and styles of the model have "
                    f"{size}: take it from a style file of that {option('model')}."
                )
            save_style(path, torch.tensor(vector), model)
            self._kept.add(str(path), path)


def _with_names(request: _R, content: str, kept: Callable[[str], str]) -> _R:
    """A request with local names of its content, styles and masks."""
    return dataclasses.replace(
        request,
        content=content,
        styles=tuple(dataclasses.replace(s, source=kept(s.name)) for s in request.styles),
        mask=None if request.mask is None else kept(str(request.mask)),
        style_mask=None if request.style_mask is None else kept(str(request.style_mask)),
    )
