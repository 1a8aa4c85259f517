"""Folders for the Hugging Face Hub, and their upload.

    python publish.py models FOLDER              a folder for each built-in model
    python publish.py model MINE.safetensors FOLDER   a folder for a model of your own
    python publish.py space FOLDER               a folder for a Space with the studio
    python publish.py push FOLDER USER/NAME      uploads one of them

The cards of the built-in models are made from ``MODEL_CARD.md`` of the package, so that there is
one text. The upload needs ``pip install huggingface_hub`` and ``hf auth login``.
"""

from __future__ import annotations

import argparse
import re
import shutil
import sys
from pathlib import Path
from typing import Any

import impasto

ROOT = Path(__file__).resolve().parents[2]
DATA = ROOT / "src" / "impasto" / "data"
REPOSITORY = "https://github.com/impasto/impasto"

SPACE_FILES = ("pyproject.toml", "hatch_build.py", "LICENSE", "src")
"""What the container is built from, beside its own README and Dockerfile."""

SERVE = (
    "exec impasto serve --host 0.0.0.0 --open --host-name ${SPACE_HOST:-localhost} "
    "--embed-in https://huggingface.co --result-pixels 1500000 --most-seconds 600"
)
"""The studio in a Space: for everybody, in the frame of the Hub, with limits for two processors."""

USES = {
    "encoder": (
        'encoder = hf_hub_download("{repository}", "{file}")\n'
        'impasto.paint("photo.jpg", "painting.jpg", encoder=encoder).save("out.png")'
    ),
    "any": (
        'model = hf_hub_download("{repository}", "{file}")\n'
        'impasto.stylize("photo.jpg", "painting.jpg", model=model).save("out.png")'
    ),
    "named": (
        'model = hf_hub_download("{repository}", "{file}")\n'
        'impasto.stylize("photo.jpg", "{style}", model=model).save("out.png")'
    ),
}
"""How a model is used, by its kind."""


def built_in_folders(folder: Path, owner: str = "impasto") -> list[Path]:
    """A folder with weights and card for each built-in model.

    Args:
        folder: Where to put them, by name.
        owner: User or organization on the Hub.
    """
    made = []
    for name, text in built_in_texts().items():
        kind = "encoder" if name.startswith("compact") else kind_of(impasto.open_network(name))
        card = hub_card(name, text, f"{owner}/{name}", kind)
        made.append(_write_model(folder / name, DATA / f"{name}.safetensors", card))
    return made


def own_folder(file: Path, folder: Path, repository: str) -> Path:
    """A folder with a one-pass model that ``impasto train`` made, and its card.

    Args:
        file: The model.
        folder: Where to put it.
        repository: ``USER/NAME`` on the Hub.

    Raises:
        ImpastoError: If the file is not a one-pass model.
    """
    model = impasto.open_network(file)
    names = ", ".join(f"`{name}`" for name in model.style_names)
    lines = [f"Styles known by name: {names}." if names else "For any style picture."]
    lines += [f"* {key}: {value}" for key, value in model.card.items()]
    card = hub_card(file.stem, "\n".join(lines), repository, kind_of(model), file.name)
    return _write_model(folder, file, card)


def built_in_texts() -> dict[str, str]:
    """Name → text of the built-in model in the package's model card, links made absolute."""
    card = (DATA / "MODEL_CARD.md").read_text("utf-8")
    parts = re.split(r"^# `(\w+)`$", card, flags=re.MULTILINE)
    return {
        name: _absolute_links(text) for name, text in zip(parts[1::2], parts[2::2], strict=True)
    }


def kind_of(model: Any) -> str:
    """``"named"`` for a one-pass model with styles of its own, else ``"any"``."""
    return "named" if model.style_names else "any"


def hub_card(name: str, text: str, repository: str, kind: str, file: str = "") -> str:
    """A card in the Hub's form: a block of YAML, then Markdown.

    Args:
        name: Of the model.
        text: What is to be told about it; its licence, if it has a section or line on that.
        repository: ``USER/NAME`` on the Hub.
        kind: Of :data:`USES`.
        file: Of the weights; ``NAME.safetensors`` by default.
    """
    file = file or f"{name}.safetensors"
    found = re.search(r"^(?:## |\* )[Ll]icen[cs]e:?\s+([\w.-]+?)\.?$", text, re.MULTILINE)
    entries: dict[str, str | list[str]] = {"library_name": "impasto"}
    if found:
        entries["license"] = found[1].lower()
    entries["pipeline_tag"] = "image-feature-extraction" if kind == "encoder" else "image-to-image"
    entries["tags"] = ["style-transfer", "neural-style-transfer", "pytorch"]
    style = re.search(r"`([a-z]+(?:-[a-z]+)*)`", text)
    use = USES[kind].format(repository=repository, file=file, style=style[1] if style else "")
    return (
        f"---\n{_yaml(entries)}---\n\n# Impasto: {name}\n\n"
        f"```python\nimport impasto\nfrom huggingface_hub import hf_hub_download\n\n{use}\n```\n\n"
        f"[Impasto]({REPOSITORY}) is neural style transfer in Python.\n\n{text.strip()}\n"
    )


def space_folder(folder: Path) -> Path:
    """A folder for a Docker Space: the studio, built from the source beside it."""
    folder.mkdir(parents=True, exist_ok=True)
    shutil.copy(Path(__file__).with_name("space.md"), folder / "README.md")
    for name in SPACE_FILES:
        source = ROOT / name
        if source.is_dir():
            ignored = shutil.ignore_patterns("__pycache__", "*.pyc")
            shutil.copytree(source, folder / name, dirs_exist_ok=True, ignore=ignored)
        else:
            shutil.copy(source, folder / name)
    dockerfile = (ROOT / "Dockerfile").read_text("utf-8")
    own = f'USER 1000\nENTRYPOINT ["sh", "-c", "{SERVE}"]\n'
    (folder / "Dockerfile").write_text(
        f"{dockerfile.rstrip()}\n# In a Space: its user, and its name on the Hub.\n{own}",
        encoding="utf-8",
    )
    return folder


def push_to_hub(folder: Path, repository: str, *, private: bool = False, api: Any = None) -> str:
    """Upload a folder that was made here; creates the repository if there is none.

    Args:
        folder: Of a model or a Space.
        repository: ``USER/NAME`` on the Hub.
        private: Whether a new repository is private.
        api: A ``huggingface_hub.HfApi``; one of the user who is logged in by default.

    Returns:
        The address of the commit.
    """
    if api is None:
        from huggingface_hub import HfApi

        api = HfApi()
    is_space = (folder / "Dockerfile").is_file()
    kind = {"repo_type": "space", "space_sdk": "docker"} if is_space else {"repo_type": "model"}
    api.create_repo(repository, private=private, exist_ok=True, **kind)
    commit = api.upload_folder(
        folder_path=folder,
        repo_id=repository,
        repo_type=kind["repo_type"],
        commit_message=f"Impasto {impasto.__version__}",
    )
    return str(commit.commit_url)


def _write_model(folder: Path, weights: Path, card: str) -> Path:
    folder.mkdir(parents=True, exist_ok=True)
    shutil.copy(weights, folder / weights.name)
    (folder / "README.md").write_text(card, encoding="utf-8")
    return folder


def _absolute_links(text: str) -> str:
    """Links of the model card, which are relative to its folder, as addresses."""

    def absolute(found: re.Match[str]) -> str:
        target, anchor = found[1], found[2] or ""
        path = (DATA / target).resolve().relative_to(ROOT).as_posix()
        return f"]({REPOSITORY}/blob/main/{path}{anchor})"

    return re.sub(r"\]\((\.[^)#]+)(#[^)]*)?\)", absolute, text)


def _yaml(entries: dict[str, str | list[str]]) -> str:
    lines = []
    for key, value in entries.items():
        if isinstance(value, str):
            lines.append(f"{key}: {value}")
        else:
            lines += [f"{key}:", *(f"  - {item}" for item in value)]
    return "".join(f"{line}\n" for line in lines)


def main(words: list[str] | None = None) -> int:
    """Do what the command line says; the exit code."""
    parser = argparse.ArgumentParser(description="Folders for the Hugging Face Hub.")
    commands = parser.add_subparsers(dest="command", required=True)
    models = commands.add_parser("models", help="a folder for each built-in model")
    model = commands.add_parser("model", help="a folder for a model of your own")
    model.add_argument("file", type=Path)
    model.add_argument("--repository", default="USER/NAME", help="where it will be, for its card")
    space = commands.add_parser("space", help="a folder for a Space with the studio")
    push = commands.add_parser("push", help="upload a folder")
    for command in (models, model, space, push):
        command.add_argument("folder", type=Path)
    models.add_argument("--owner", default="impasto", help="user or organization on the Hub")
    push.add_argument("repository", metavar="USER/NAME")
    push.add_argument("--private", action="store_true")
    args = parser.parse_args(words)
    try:
        for line in _run(args):
            print(line)
    except impasto.ImpastoError as error:
        print(f"publish: {error}", file=sys.stderr)
        return 2
    return 0


def _run(args: argparse.Namespace) -> list[object]:
    if args.command == "models":
        return list(built_in_folders(args.folder, args.owner))
    if args.command == "model":
        return [own_folder(args.file, args.folder, args.repository)]
    if args.command == "space":
        return [space_folder(args.folder)]
    if not (args.folder / "README.md").is_file():
        raise impasto.ImpastoError(f"{args.folder} has no README.md: make it with this program.")
    return [push_to_hub(args.folder, args.repository, private=args.private)]


if __name__ == "__main__":
    sys.exit(main())
