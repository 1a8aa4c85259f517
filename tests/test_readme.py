"""README and docs say only what is so: snippets run, commands parse, links lead somewhere."""

import re
import shlex
from pathlib import Path

import pytest

from impasto import images
from impasto.cli.main import COMMANDS, _parser
from impasto.samples import PAIRS

ROOT = Path(__file__).parents[1]
PAGES = [ROOT / "README.md", *sorted((ROOT / "docs").glob("*.md"))]


def blocks(page, language):
    return re.findall(rf"```{language}\n(.*?)```", page.read_text(encoding="utf-8"), re.DOTALL)


def commands():
    """Every command line that starts with impasto, in a code block or in backquotes."""
    for page in PAGES:
        text = page.read_text(encoding="utf-8")
        lines = [line for block in blocks(page, "sh") for line in block.splitlines()]
        lines += re.findall(r"`(impasto [^`]+)`", text)
        for line in lines:
            line = line.replace(".venv/bin/", "").split("  #")[0].strip()
            if line.startswith("impasto "):
                yield page.name, line


@pytest.mark.parametrize("number", range(len(blocks(ROOT / "README.md", "python"))))
def test_python_snippets_run(number, tmp_path, monkeypatch, capsys):
    pair = PAIRS["tuebingen-starry-night"]
    images.write(tmp_path / "photo.jpg", images.read(pair.content_path, long_side=160).tensor)
    images.write(tmp_path / "painting.jpg", images.read(pair.style_path, long_side=160).tensor)
    monkeypatch.chdir(tmp_path)
    snippet = blocks(ROOT / "README.md", "python")[number].replace("256", "96")
    exec(compile(snippet, "README.md", "exec"), {})
    assert capsys.readouterr().out
    assert list(tmp_path.glob("*.png"))


@pytest.mark.parametrize(("page", "line"), list(commands()))
def test_commands_parse(page, line):
    words = shlex.split(line)[1:]
    assert words[0] in COMMANDS
    if len(words) == 1 or words[-1] == "-h":
        return  # the name of a command, or its help
    parsed = _parser(words[0]).parse_args(words)
    assert parsed is not None


def test_quick_start_is_two_commands_of_one_line():
    text = (ROOT / "README.md").read_text(encoding="utf-8")
    for mark, ending in (("paint", "impasto demo"), ("test", "pytest")):
        (block,) = re.findall(rf"<!-- {mark} -->\n```sh\n(.*?)```", text, re.DOTALL)
        assert len(block.splitlines()) == 1
        assert block.strip().endswith(ending)


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_links_lead_somewhere(page):
    for target in re.findall(r"\]\(([^)#]+)\)", page.read_text(encoding="utf-8")):
        if "://" not in target:
            assert (page.parent / target).exists(), target
