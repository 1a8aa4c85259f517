"""The browser studio: a static site that paints in the visitor's own browser.

``impasto web build`` puts together the page, which is package data in ``web/browser`` (made of the
sources in the repository's folder ``browser``), a runtime in WebAssembly, exported models, samples.

| path | holds |
|---|---|
| ``index.html``, ``assets/``, ``sw.js``, ``icon.svg``, ``site.webmanifest`` | the page |
| ``runtime/`` | ONNX Runtime Web; the WebAssembly compressed with gzip, whatever the host does |
| ``models/NAME/`` | a model as :mod:`impasto.export.folder` writes it |
| ``styles/``, ``samples/`` | thumbnails of the named styles; photographs to begin with |
| ``site.json`` | what there is, with the bytes of every file |
"""

from __future__ import annotations

import gzip
import hashlib
import json
import lzma
import re
import shutil
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from impasto import __version__
from impasto.errors import ImpastoError, OptionError, unknown_name
from impasto.export.folder import export_model
from impasto.export.options import PRECISIONS
from impasto.images.samples import PAIRS
from impasto.networks.catalogue import networks
from impasto.networks.styles import IDENTITY
from impasto.runtime.folders import atomic_folder, check_new_folder

FORMAT, VERSION = "impasto.site", 1
DESCRIPTION = "site.json"

PAGE = Path(__file__).with_name("browser")
"""The built page; ``browser/README.md`` in the repository says how it is made."""

_THUMBNAILS = Path(__file__).with_name("static") / "styles"
_WORKER = "sw.js"
_RELEASE = "__RELEASE__"
_PACKED = ".xz"
_GPU_PAGE = "assets/gpu_worker.js"
_GPU_RUNTIME = ("ort-wasm-simd-threaded.jspi.mjs", "ort-wasm-simd-threaded.jspi.wasm")
_FOLDER = re.compile(r"\w[\w.-]{0,63}")

Progress = Callable[[str, float], None]


class SiteError(ImpastoError):
    """A site that cannot be written."""


def build_site(
    folder: str | Path,
    *,
    models: Sequence[str | Path] = (),
    precision: str = "float16",
    webgpu: str | Path | None = None,
    overwrite: bool = False,
    progress: Progress = lambda step, share: None,
) -> dict[str, Any]:
    """Write the site, atomically.

    Args:
        folder: To write; new, or empty.
        models: Names or files of one-pass models; by default those that are installed, the ones
            with named styles first. The first that fits a choice paints it.
        precision: Of :data:`impasto.export.options.PRECISIONS`. Browsers compute float16 files in
            float32, with the very pixels of Impasto.
        webgpu: The folder ``dist`` of the npm package onnxruntime-web, whose runtime for WebGPU the
            site then has as well; browsers take it where they measure that it is faster.
        overwrite: Whether to replace an earlier site.
        progress: Called with what is being done, and the share of the work that is done.

    Returns:
        What ``site.json`` holds.

    Raises:
        ImpastoError: For a folder that holds something else, or models that cannot be exported.
    """
    if precision not in PRECISIONS:
        raise unknown_name("precision", precision, PRECISIONS)
    chosen = _named(list(models) or list(networks()))
    target = check_new_folder(Path(folder), overwrite=overwrite, is_own=_is_site, error=SiteError)
    with atomic_folder(target, error=SiteError) as new:
        core = _write_page(new, has_gpu=webgpu is not None)
        described: list[dict[str, Any]] = []
        for number, (name, model) in enumerate(chosen.items()):

            def tell(step: str, share: float, number: int = number, name: str = name) -> None:
                progress(f"{name}: {step}", (number + share) / len(chosen))

            where = f"models/{name}"
            description = export_model(
                model, new / where, precisions=[precision], name=name, progress=tell
            )
            described.append({"folder": where, "description": description})
        if not models:  # the page begins to load the first one at once
            described.sort(key=lambda entry: not entry["description"]["styles"])
        site = {
            "format": FORMAT,
            "version": VERSION,
            "impasto": __version__,
            "runtime": _runtime(new),
            "models": described,
            "styles": _write_styles(new, described),
            "samples": _write_samples(new),
            "core": core,
        }
        if webgpu is not None:
            site["webgpu"] = _write_gpu_runtime(new, Path(webgpu))
        _finish(new, site)
    progress("done", 1.0)
    return site


def first_download(site: dict[str, Any]) -> int:
    """Bytes that a visitor loads for the first picture, in a named style if there is one."""
    model = site["models"][0]
    paths = [*site["core"], *site["runtime"].values(), _WORKER, DESCRIPTION]
    paths += [f"{model['folder']}/{name}" for name in _painting_files(model["description"])]
    paths += [style["thumbnail"] for style in site["styles"]]
    paths += [sample["file"] for sample in site["samples"]]
    return sum(site["files"].get(path, 0) for path in set(paths) - {""})


def _painting_files(description: dict[str, Any]) -> list[str]:
    files = [entry["file"] for entry in description["painter"]["files"].values()]
    if description["style_vectors"]:
        return [*files, description["style_vectors"]]
    return files + [entry["file"] for entry in description["reader"]["files"].values()]


def _named(models: Sequence[str | Path]) -> dict[str, str | Path]:
    """Folder's name → model."""
    named: dict[str, str | Path] = {}
    known = networks()
    for model in models:
        name = Path(model).stem if Path(model).suffix == ".safetensors" else str(model)
        if not _FOLDER.fullmatch(name):
            raise OptionError(f"A model of a site is named by letters and digits, not {name!r}.")
        if name in named:
            raise OptionError(f"Two models are called {name}: rename a file, or leave one out.")
        if name == str(model) and name not in known:
            raise unknown_name("model", name, [*known, "FILE.safetensors"])
        named[name] = model
    return named


def _is_site(folder: Path) -> bool:
    """Whether a folder holds an earlier site and nothing else."""
    try:
        site = json.loads((folder / DESCRIPTION).read_text(encoding="utf-8"))
        known = {*site["files"], DESCRIPTION, _WORKER}
        return site["format"] == FORMAT and set(_files(folder)) <= known
    except (OSError, ValueError, LookupError, TypeError):
        return False


def _files(folder: Path) -> list[str]:
    paths = (path for path in folder.rglob("*") if not path.is_dir())
    return sorted(path.relative_to(folder).as_posix() for path in paths)


def _write_page(new: Path, *, has_gpu: bool) -> list[str]:
    """Copy the page; the files without which it does not start."""
    shutil.copytree(PAGE, new, dirs_exist_ok=True)
    for packed in new.rglob(f"*{_PACKED}"):
        _write_zipped(packed.with_suffix(""), lzma.decompress(packed.read_bytes()))
        packed.unlink()
    if not has_gpu:
        (new / _GPU_PAGE).unlink()
    return [path for path in _files(new) if not path.startswith("runtime/") and path != _WORKER]


def _write_zipped(path: Path, content: bytes) -> None:
    """Write a file with gzip, which browsers can undo; without the time, so that it is the same."""
    path.with_name(f"{path.name}.gz").write_bytes(gzip.compress(content, 9, mtime=0))


def _write_gpu_runtime(new: Path, folder: Path) -> dict[str, str]:
    module, wasm = _GPU_RUNTIME
    try:
        contents = [(folder / name).read_bytes() for name in _GPU_RUNTIME]
    except OSError as error:
        raise OptionError(
            f"{folder} lacks {module} or {wasm}: name the folder dist of onnxruntime-web.",
            got=str(folder),
        ) from error
    (new / "runtime" / module).write_bytes(contents[0])
    _write_zipped(new / "runtime" / wasm, contents[1])
    return {"module": f"runtime/{module}", "wasm": f"runtime/{wasm}.gz"}


def _runtime(new: Path) -> dict[str, str]:
    (module,), (wasm,) = ((new / "runtime").glob(kind) for kind in ("*.mjs", "*.wasm.gz"))
    return {"module": f"runtime/{module.name}", "wasm": f"runtime/{wasm.name}"}


def _write_styles(new: Path, models: Sequence[dict[str, Any]]) -> list[dict[str, str]]:
    """The named styles of all models, with their thumbnails."""
    (new / "styles").mkdir()
    styles: dict[str, dict[str, str]] = {}
    for model in models:
        description = model["description"]
        for name in description["styles"]:
            if name == IDENTITY or name in styles:
                continue
            picture = _THUMBNAILS / f"{name}.jpg"
            thumbnail = f"styles/{picture.name}" if picture.is_file() else ""
            if thumbnail:
                shutil.copyfile(picture, new / thumbnail)
            styles[name] = {"name": name, "model": description["name"], "thumbnail": thumbnail}
    return list(styles.values())


def _write_samples(new: Path) -> list[dict[str, str]]:
    (new / "samples").mkdir()
    samples = []
    for pair in PAIRS.values():
        path = pair.content_path
        shutil.copyfile(path, new / "samples" / path.name)
        samples.append(
            {"name": path.stem, "file": f"samples/{path.name}", "credit": pair.content_credit}
        )
    return samples


def _finish(new: Path, site: dict[str, Any]) -> None:
    """Write the service worker of this release, and the description."""
    digest = hashlib.sha256()
    for path in _files(new):
        digest.update(path.encode() + b"\0" + hashlib.sha256((new / path).read_bytes()).digest())
    worker = (new / _WORKER).read_text(encoding="utf-8")
    site["release"] = release = digest.hexdigest()[:16]
    (new / _WORKER).write_text(worker.replace(_RELEASE, release), encoding="utf-8")
    site["files"] = {path: (new / path).stat().st_size for path in _files(new) if path != _WORKER}
    text = json.dumps(site, indent=1, ensure_ascii=False)
    (new / DESCRIPTION).write_text(text + "\n", encoding="utf-8")
