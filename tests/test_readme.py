"""README and docs are correct: snippets run, commands parse, links and pictures exist."""

import importlib.util
import re
import shlex
import shutil
import sys
from pathlib import Path

import pytest

from impasto import images
from impasto.cli.main import COMMANDS, _parser
from impasto.images.samples import PAIRS
from impasto.recipes.presets import RECIPES

ROOT = Path(__file__).parents[1]
DOCS = ROOT / "docs"
PICTURES = DOCS / "pictures"
PAGES = [ROOT / "README.md", *sorted(DOCS.glob("*.md"))]
GUIDES = sorted((DOCS / "guides").glob("*.md"))
DEEPER_PAGES = [
    *GUIDES, *sorted((DOCS / "zh").rglob("*.md")), *sorted((DOCS / "theory").glob("*.md")),
    *sorted((DOCS / "reference").rglob("*.md")), *sorted((DOCS / "gallery").glob("*.md")),
]  # fmt: skip
"""Pages in folders of the docs. Their programs and pictures have tests of their own."""
OTHER_PAGES = [ROOT / "CONTRIBUTING.md", ROOT / "CHANGELOG.md", ROOT / "examples/README.md",
               ROOT / "README.zh-CN.md", ROOT / "src/impasto/data/MODEL_CARD.md",
               *DEEPER_PAGES]  # fmt: skip


def blocks(page, language):
    """The blocks of a page, without those with a test of their own: ``<!-- example: NAME -->``."""
    text = re.sub(r"<!-- example: \w+ -->\n```.*?```", "", page.read_text("utf-8"), flags=re.DOTALL)
    return re.findall(rf"```{language}\n(.*?)```", text, re.DOTALL)


def commands():
    """Every command line that starts with impasto, in a code block or in backquotes."""
    for page in [*PAGES, ROOT / "README.zh-CN.md", *DEEPER_PAGES]:
        text = page.read_text(encoding="utf-8")
        lines = [line for block in blocks(page, "sh") for line in block.splitlines()]
        if page in [*GUIDES, DOCS / "at-a-glance.md"]:  # of files that the clone does not have
            lines += [line for block in blocks(page, "text") for line in block.splitlines()]
        lines += re.findall(r"`(impasto [^`]+)`", text)
        for line in lines:
            line = line.replace(".venv/bin/", "").split("  #")[0].strip()
            if line.startswith("impasto "):
                yield page.name, line


def snippets():
    for page in PAGES:
        for number, snippet in enumerate(blocks(page, "python"), 1):
            yield pytest.param(page, snippet, id=f"{page.stem}-{number}")


@pytest.mark.parametrize(("page", "snippet"), list(snippets()))
def test_python_snippets_run(page, snippet, tmp_path, monkeypatch, capsys):
    pair = PAIRS["tuebingen-starry-night"]
    images.write(tmp_path / "photo.jpg", images.read(pair.content_path, long_side=160).tensor)
    images.write(tmp_path / "painting.jpg", images.read(pair.style_path, long_side=160).tensor)
    shutil.copytree(PICTURES, tmp_path / "docs" / "pictures")
    monkeypatch.chdir(tmp_path)
    for name, recipe in RECIPES.items():
        monkeypatch.setitem(RECIPES, name, recipe.replace(steps=4, final_steps=2))
    exec(compile(snippet.replace("256", "96"), page.name, "exec"), {})
    assert bool(capsys.readouterr().out) == ("print(" in snippet)
    outputs = set(re.findall(r"[\w./-]+\.png(?=\")", snippet))
    assert [name for name in outputs if not (tmp_path / name).exists()] == []
    assert outputs


@pytest.mark.parametrize(("page", "line"), list(commands()))
def test_commands_parse(page, line):
    words = shlex.split(line)[1:]
    assert words[0] in COMMANDS
    if len(words) == 1 or "-h" in words:
        return  # the name of a command, or its help
    parsed = _parser(words[0]).parse_args(words)
    assert parsed is not None


def test_quick_start_is_two_commands_of_one_line():
    text = (ROOT / "README.md").read_text(encoding="utf-8")
    for marker, ending in (("paint", "impasto demo"), ("test", "pytest -n 2")):
        (block,) = re.findall(rf"<!-- {marker} -->\n```sh\n(.*?)```", text, re.DOTALL)
        assert len(block.splitlines()) == 1
        assert block.strip().endswith(ending)


@pytest.mark.parametrize("page", [*PAGES, *OTHER_PAGES], ids=lambda page: page.name)
def test_links_lead_somewhere(page):
    for target in re.findall(r"\]\(([^)#]+)\)", page.read_text(encoding="utf-8")):
        if "://" not in target:
            assert (page.parent / target).exists(), target


# --- the pictures of the docs --------------------------------------------------------------------


@pytest.fixture(scope="module")
def examples():
    """The blocks of commands in the docs, as docs/make_pictures.py runs them."""
    spec = importlib.util.spec_from_file_location("make_pictures", DOCS / "make_pictures.py")
    module = importlib.util.module_from_spec(spec)
    sys.modules[spec.name] = module  # its dataclass resolves annotations there
    spec.loader.exec_module(module)
    yield list(module.examples())
    del sys.modules[spec.name]


def test_commands_of_the_docs_run_in_a_clone(examples):
    """Their inputs are files of the repository, and the pictures shown are written to out/."""
    for example in examples:
        for command in example.commands:
            output = command[command.index("-o") + 1] if "-o" in command else ""
            files = re.findall(r"[\w./-]+\.(?:jpe?g|png)", " ".join(command))
            assert [f for f in files if f != output and not (ROOT / f).is_file()] == [], command
    outputs = [path for example in examples if example.picture for path in example.outputs]
    assert {path.parent for path in outputs} == {ROOT / "out"}
    assert len(set(outputs)) == len(outputs) > 30  # no output overwrites another


def test_every_picture_of_the_docs_is_made_by_the_commands_above_it(examples):
    shown = [
        page.parent / target
        for page in PAGES[1:]
        for target in re.findall(r"!\[[^]]*\]\(([^)]+)\)", page.read_text(encoding="utf-8"))
    ]
    generated = [example.picture for example in examples if example.picture]
    assert generated == shown
    inputs = {path for example in examples for path in example.inputs}
    assert {*generated, *inputs, PICTURES / "LICENSES.md"} == set(PICTURES.iterdir())
    credits = (PICTURES / "LICENSES.md").read_text(encoding="utf-8")
    assert [path.name for path in inputs if path.name not in credits] == []


def test_pictures_of_the_docs_are_small():
    sizes = {path.name: path.stat().st_size for path in PICTURES.iterdir()}
    assert sum(sizes.values()) < 4e6
    assert max(sizes.values()) < 4e5


# --- for readers ----------------------------------------------------------------------------------


@pytest.mark.parametrize("page", [*PAGES, *OTHER_PAGES], ids=lambda page: page.name)
def test_paragraphs_are_short(page):
    """At most six lines of prose; tables, lists and code are not prose."""
    text = re.sub(r"```.*?```", "", page.read_text(encoding="utf-8"), flags=re.DOTALL)
    paragraphs = [part.strip().splitlines() for part in text.split("\n\n")]
    other = re.compile(r"[|#*!<-]|\d+\. | {4}")
    prose = [lines for lines in paragraphs if lines and not other.match(lines[0])]
    assert [lines[0] for lines in prose if len(lines) > 6] == []


@pytest.mark.parametrize("page", [*PAGES, *OTHER_PAGES], ids=lambda page: page.name)
def test_links_to_headings_have_a_heading(page):
    for target, anchor in re.findall(r"\]\(([^)#:]*)#([^)]+)\)", page.read_text(encoding="utf-8")):
        text = ((page.parent / target) if target else page).read_text(encoding="utf-8")
        headings = re.findall(r"^#+ (.+)$", text, re.MULTILINE)
        anchors = [
            re.sub(r"[^\w -]", "", heading).lower().replace(" ", "-") for heading in headings
        ]
        assert anchor in anchors, f"{target}#{anchor}"


def test_model_card_has_the_same_sections_for_each_model():
    card = (ROOT / "src/impasto/data/MODEL_CARD.md").read_text(encoding="utf-8")
    sections = ["Data", "Command", "Figures", "Weak spots", "Licence"]
    models = re.split(r"^# `(\w+)`$", card, flags=re.MULTILINE)[1:]
    assert models[::2] == ["compact2", "compact", "any", "multi"]
    for text in models[1::2]:
        assert re.findall(r"^## (.+)$", text, re.MULTILINE) == sections
