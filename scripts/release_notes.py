"""The notes of a release, from CHANGELOG.md; refuses a tag that does not fit the sources.

    python scripts/release_notes.py v0.2.0 > notes.md

A release has its version in ``src/impasto/__init__.py``, the same one in ``CITATION.cff``, and a
section ``## VERSION - YYYY-MM-DD`` in ``CHANGELOG.md`` below an empty ``## Unreleased``.
"""

from __future__ import annotations

import re
import sys
from pathlib import Path

ROOT = Path(__file__).parents[1]


def main() -> int:
    """Print the notes of the tag on the command line."""
    (tag,) = sys.argv[1:]
    try:
        print(release_notes(tag, ROOT))
    except ValueError as error:
        print(error, file=sys.stderr)
        return 1
    return 0


def release_notes(tag: str, root: Path) -> str:
    """The section of the changelog for a tag such as ``v0.2.0``.

    Args:
        tag: ``v`` and the version.
        root: Folder of the sources.

    Raises:
        ValueError: If the tag, the version or the changelog do not fit together.
    """
    version = declared_version(root)
    if tag != f"v{version}":
        raise ValueError(f"The tag is {tag}, and src/impasto/__init__.py has {version}.")
    if not re.fullmatch(r"\d+\.\d+\.\d+((a|b|rc)\d+)?", version):
        raise ValueError(f"{version} is no version of a release.")
    if f"\nversion: {version}\n" not in read(root, "CITATION.cff"):
        raise ValueError(f"CITATION.cff does not have version {version}.")
    sections = changelog(root)
    if sections.get("Unreleased", ""):
        raise ValueError(f"CHANGELOG.md: what is under Unreleased belongs to {version}.")
    heading = next((name for name in sections if is_section_of(version, name)), None)
    if heading is None or not sections[heading]:
        raise ValueError(f"CHANGELOG.md has no section '## {version} - YYYY-MM-DD'.")
    return sections[heading]


def declared_version(root: Path) -> str:
    """The version of the sources."""
    text = read(root, "src/impasto/__init__.py")
    (version,) = re.findall(r'^__version__ = "(.+)"$', text, re.MULTILINE)
    return str(version)


def changelog(root: Path) -> dict[str, str]:
    """Heading → text of every section of CHANGELOG.md."""
    _, *parts = re.split(r"^## ", read(root, "CHANGELOG.md"), flags=re.MULTILINE)
    split = (part.partition("\n") for part in parts)
    return {heading.strip(): text.strip() for heading, _, text in split}


def is_section_of(version: str, heading: str) -> bool:
    """Whether a heading is ``VERSION - DATE``."""
    return bool(re.fullmatch(rf"{re.escape(version)} - \d{{4}}-\d{{2}}-\d{{2}}", heading))


def read(root: Path, name: str) -> str:
    """The text of a file of the sources."""
    return (root / name).read_text(encoding="utf-8")


if __name__ == "__main__":
    sys.exit(main())
