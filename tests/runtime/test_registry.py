"""Style statistics from outside: registered ones, and entry points of installed packages."""

from __future__ import annotations

import importlib.metadata
import sys
from dataclasses import replace

import pytest
import torch

from impasto.errors import OptionError
from impasto.losses import registry
from impasto.losses.statistics import (
    STATISTICS,
    Statistic,
    get_statistic,
    register_statistic,
    style_error,
)
from impasto.runtime.registry import Registry, entry_points

GRAM = STATISTICS["gram"]

MODULE = """
from impasto.losses.moments import mean_vector, squared_norm
from impasto.losses.statistics import Statistic

MEAN = Statistic(
    lambda features, weights: {"mean": mean_vector(features, weights)},
    lambda summary, target: squared_norm(summary["mean"] - target["mean"]),
    "mean of each channel",
    "a test",
)
"""


@pytest.fixture
def table(monkeypatch):
    """A fresh table in the place of ``STATISTICS``, which has not looked for packages yet."""
    fresh = Registry("style statistic", Statistic, "impasto.statistics", {"gram": GRAM})
    monkeypatch.setattr(registry, "STATISTICS", fresh)
    return fresh


@pytest.fixture
def install(tmp_path, monkeypatch):
    """Installs a package that provides statistics: name → where it is defined."""

    def install(**provided: str) -> None:
        (tmp_path / "fake_statistics.py").write_text(MODULE)
        metadata = tmp_path / "fake_statistics-1.0.dist-info"
        metadata.mkdir()
        (metadata / "METADATA").write_text("Metadata-Version: 2.1\nName: fake-statistics\n")
        lines = [f"{name} = {value}" for name, value in provided.items()]
        (metadata / "entry_points.txt").write_text("\n".join(["[impasto.statistics]", *lines]))
        monkeypatch.syspath_prepend(tmp_path)

    yield install
    sys.modules.pop("fake_statistics", None)


def test_entry_point_is_found_by_name(table, install):
    install(**{"fake-mean": "fake_statistics:MEAN"})
    statistic = get_statistic("fake-mean")
    assert statistic.about == "mean of each channel"
    assert get_statistic("fake-mean") is statistic
    features, target = torch.full((1, 2, 3, 3), 1.0), torch.full((1, 2, 3, 3), 3.0)
    assert style_error("fake-mean", features, target).item() == pytest.approx(4 / 9)


def test_listing_names_entry_points_without_importing_them(table, install):
    install(fake="fake_statistics:MEAN", broken="missing_module:MEAN")
    assert list(table) == ["gram", "fake", "broken"]
    assert len(table) == 3
    assert "fake_statistics" not in sys.modules
    with pytest.raises(OptionError, match="choose one of gram, fake, broken"):
        get_statistic("fak")


def test_built_in_names_need_no_search(table, install, monkeypatch):
    def search(**_):
        raise AssertionError("searched")

    install(other="fake_statistics:MEAN")
    monkeypatch.setattr(importlib.metadata, "entry_points", search)
    assert get_statistic("gram") is GRAM
    register_statistic("other", replace(GRAM))
    assert "other" in table
    with pytest.raises(AssertionError, match="searched"):
        get_statistic("unknown")


def test_packages_are_searched_once(table, install, monkeypatch):
    install(other="fake_statistics:MEAN")
    searches = []
    monkeypatch.setattr(
        importlib.metadata, "entry_points", lambda group: searches.append(group) or ()
    )
    for name in ("one", "two"):
        with pytest.raises(OptionError, match=f"Unknown style statistic '{name}'"):
            get_statistic(name)
    assert searches == ["impasto.statistics"]


def test_nothing_is_searched_where_no_package_declares_the_group(table, monkeypatch):
    monkeypatch.setattr(importlib.metadata, "entry_points", None)
    assert entry_points("impasto.no-such-group") == {}
    assert list(table) == ["gram"]


class OtherFinder:
    """Knows packages that are not in folders of the path."""

    @staticmethod
    def find_spec(*_):
        return None

    @staticmethod
    def find_distributions(*_):
        return []


@pytest.mark.parametrize("place", ["archive", "egg", "finder"])
def test_packages_that_cannot_be_seen_are_searched(place, tmp_path, monkeypatch):
    searches = []
    monkeypatch.setattr(
        importlib.metadata, "entry_points", lambda group: searches.append(group) or ()
    )
    if place == "archive":
        (tmp_path / "packages.zip").write_bytes(b"PK")
        monkeypatch.syspath_prepend(tmp_path / "packages.zip")
    elif place == "egg":
        (tmp_path / "package.egg").mkdir()
        monkeypatch.syspath_prepend(tmp_path / "package.egg")
    else:
        monkeypatch.setattr(sys, "meta_path", [*sys.meta_path, OtherFinder])
    assert entry_points("impasto.no-such-group") == {}
    assert searches == ["impasto.no-such-group"]


def test_entry_point_does_not_replace_a_built_in(table, install):
    install(gram="fake_statistics:MEAN")
    assert get_statistic("gram") is GRAM
    assert list(table) == ["gram"]


@pytest.mark.parametrize(
    ("value", "reason"),
    [
        ("missing_module:MEAN", "ModuleNotFoundError: No module named 'missing_module'"),
        ("fake_statistics:MEDIAN", "AttributeError: .*'MEDIAN'"),
    ],
)
def test_broken_package_is_named(table, install, value, reason):
    install(broken=value)
    with pytest.raises(OptionError) as caught:
        get_statistic("broken")
    message = str(caught.value)
    assert "'broken' of the package fake-statistics cannot be loaded from" in message
    assert message.endswith("update or uninstall fake-statistics.")
    with pytest.raises(OptionError, match=reason):
        get_statistic("broken")
    assert get_statistic("gram") is GRAM


def test_entry_of_another_type_is_an_error(table, install):
    install(wrong="fake_statistics:mean_vector")
    with pytest.raises(OptionError, match="statistic 'wrong' must be a Statistic, not <function"):
        get_statistic("wrong")
    with pytest.raises(OptionError, match="statistic 'mean' must be a Statistic, not None"):
        register_statistic("mean", None)


def test_registered_statistic_is_in_the_table(table):
    mine = replace(GRAM, about="mine")
    register_statistic("mine", mine)
    register_statistic("mine", mine)
    assert get_statistic("mine") is mine
    assert list(table) == ["gram", "mine"]
    with pytest.raises(
        OptionError, match="style statistic 'mine' already exists: choose another name"
    ):
        register_statistic("mine", replace(GRAM, about="another"))


def test_a_table_of_functions():
    """Nothing in it is about statistics."""
    functions = Registry("total variation", type(len), "impasto.none", {"len": len})
    functions.register("abs", abs)
    assert dict(functions) == {"len": len, "abs": abs}
    with pytest.raises(KeyError):
        functions["max"]


def test_a_name_that_two_packages_provide_is_an_error_that_names_both(table, tmp_path, monkeypatch):
    for package in ("one", "two"):
        metadata = tmp_path / package / f"{package}-1.0.dist-info"
        metadata.mkdir(parents=True)
        (metadata / "METADATA").write_text(f"Metadata-Version: 2.1\nName: {package}\n")
        (metadata / "entry_points.txt").write_text(
            f"[impasto.statistics]\nsame = {package}_module:X\nonly-{package} = math:pi\n"
        )
        monkeypatch.syspath_prepend(tmp_path / package)
    assert list(table) == ["gram", "same", "only-two", "only-one"]
    with pytest.raises(OptionError) as told:
        get_statistic("same")
    assert str(told.value) == (
        "The style statistic 'same' is provided by several packages, one (one_module:X) and two "
        "(two_module:X): uninstall all but one."
    )


def test_a_package_that_is_found_twice_is_one(table, install, tmp_path, monkeypatch):
    install(**{"fake-mean": "fake_statistics:MEAN"})
    copy = tmp_path / "copy" / "fake_statistics-1.0.dist-info"
    copy.mkdir(parents=True)
    for file in (tmp_path / "fake_statistics-1.0.dist-info").iterdir():
        (copy / file.name).write_bytes(file.read_bytes())
    monkeypatch.syspath_prepend(tmp_path / "copy")
    assert get_statistic("fake-mean").about == "mean of each channel"


def test_what_is_broken_is_left_out_with_a_warning(table, install):
    install(fake="fake_statistics:MEAN", broken="missing_module:MEAN")
    with pytest.warns(UserWarning, match=r"'broken' of the package fake-statistics cannot be"):
        assert list(table.usable()) == ["gram", "fake"]
