"""Plugins are found by metadata, imported only when named, and never ambiguous."""

from __future__ import annotations

import sys
from random import Random
from typing import Any

import pytest

from polyframe.errors import PluginNotFound, PluginRefused
from polyframe.plugin import Log
from polyframe.runtime.claimants import claimants, find_claimant
from polyframe.runtime.plugins import build_contexts, load_plugin_classes


def test_a_named_plugin_is_loaded_and_an_unnamed_one_is_not_even_imported(
    install: Any, request_for: Any
) -> None:
    install("acme-guard", "acme_guard")
    install("acme-other", "acme_other")

    classes = load_plugin_classes([request_for("acme_guard")], production=False)

    assert classes["acme_guard"] is sys.modules["acme_guard"].Guard
    assert "acme_other" not in sys.modules
    assert "acme_other" in [claimant.name for claimant in claimants()]


def test_listing_imports_nothing(install: Any) -> None:
    install("acme-guard", "acme_guard", version="2.5")
    [found] = claimants("acme_guard")
    assert (found.distribution, found.version, found.is_own) == ("acme-guard", "2.5", False)
    assert "acme_guard" not in sys.modules


def test_classes_come_in_the_order_of_the_requests(install: Any, request_for: Any) -> None:
    for name in ("zeta", "alpha", "mid"):
        install(name, name)
    requests = [request_for(name) for name in ("mid", "zeta", "alpha")]
    assert list(load_plugin_classes(requests, production=False)) == ["mid", "zeta", "alpha"]


def test_the_own_plugins_are_found_and_own() -> None:
    [maker] = claimants("maker")
    assert maker.is_own
    assert maker.distribution == "polyframe-mm"


def test_an_unknown_name_is_refused_with_the_nearest_one(install: Any) -> None:
    install("acme-guard", "acme_guard")
    with pytest.raises(PluginNotFound, match="did you mean 'acme_guard'"):
        find_claimant("acme_gaurd")
    with pytest.raises(PluginNotFound) as refusal:
        find_claimant("xyzzy")
    assert "did you mean" not in str(refusal.value)


def test_two_claimants_are_refused_by_name_with_the_way_out(install: Any) -> None:
    install("acme-guard", "guard", version="1.0")
    install("zeta-guard", "guard", version="3.1")
    with pytest.raises(PluginNotFound) as refusal:
        find_claimant("guard")
    text = str(refusal.value)
    assert "acme-guard 1.0 and zeta-guard 3.1" in text
    assert "dist: DISTRIBUTION==VERSION" in text


def test_an_impostor_of_our_own_plugin_is_never_recommended(install: Any) -> None:
    install("a-thief", "maker", version="1.0")
    with pytest.raises(PluginNotFound, match=r"'dist: polyframe-mm==") as refusal:
        find_claimant("maker")
    assert "a-thief==" not in str(refusal.value)


def test_a_pin_selects_among_claimants_and_only_that_one_is_imported(
    install: Any, request_for: Any
) -> None:
    install("acme-guard", "guard", version="1.0")
    install("zeta-guard", "guard", version="3.1")
    classes = load_plugin_classes([request_for("guard", "Zeta_Guard==3.1")], production=True)
    assert classes["guard"].__module__ == "zeta_guard"
    assert "acme_guard" not in sys.modules


@pytest.mark.parametrize(
    ("pin", "words"),
    [
        ("acme-guard==2.0", "acme-guard 1.0 is installed"),
        ("other==1.0", "offered by acme-guard 1.0 only$"),
        ("acme-gard==1.0", r"only \(did you mean 'acme-guard==1\.0'\?\)"),
    ],
)
def test_a_pin_that_does_not_match_names_what_is_installed(
    install: Any, pin: str, words: str
) -> None:
    install("acme-guard", "guard", version="1.0")
    with pytest.raises(PluginNotFound, match=words):
        find_claimant("guard", pin)


@pytest.mark.parametrize("pin", ["acme-guard", "acme-guard>=1.0", "==1.0", "acme-guard==", ""])
def test_a_malformed_pin_is_refused(install: Any, pin: str) -> None:
    install("acme-guard", "guard")
    with pytest.raises(PluginRefused, match="distribution==version"):
        find_claimant("guard", pin)


def test_a_mismatched_pin_is_refused_before_anything_is_imported(
    install: Any, request_for: Any
) -> None:
    install("acme-guard", "guard", source="raise RuntimeError('imported')")
    with pytest.raises(PluginNotFound):
        load_plugin_classes([request_for("guard", "acme-guard==9")], production=False)
    assert "acme_guard" not in sys.modules


def test_the_same_distribution_twice_on_the_path_is_one_claimant(install: Any) -> None:
    install("acme-guard", "guard", version="1.0", folder="site")
    install("Acme_Guard", "guard", version="1.1", folder="editable")
    [found] = claimants("guard")
    assert found.version == "1.1"  # the copy that comes first on the path, as for an import


def test_production_wants_third_party_plugins_pinned(install: Any, request_for: Any) -> None:
    install("acme-guard", "guard", version="1.0")
    with pytest.raises(PluginRefused, match=r"dist: acme-guard==1\.0"):
        load_plugin_classes([request_for("guard")], production=True)
    assert "acme_guard" not in sys.modules
    assert load_plugin_classes([request_for("guard", "acme-guard==1.0")], production=True)


@pytest.mark.parametrize(
    ("source", "words"),
    [
        ("raise RuntimeError('no\\ngood')", "RuntimeError: no; good"),
        ("import does_not_exist_anywhere", "ModuleNotFoundError"),
        ("import sys\nsys.exit('bye')", "SystemExit: bye"),
        ("x = 1", "AttributeError"),
        ("def broken(:", "SyntaxError"),
    ],
)
def test_an_import_that_fails_is_one_line(
    install: Any, request_for: Any, source: str, words: str
) -> None:
    install("acme-guard", "guard", source=source)
    with pytest.raises(PluginRefused, match=words) as refusal:
        load_plugin_classes([request_for("guard")], production=False)
    assert "acme-guard 1.0" in str(refusal.value)
    assert "\n" not in str(refusal.value)


def test_a_class_of_the_wrong_shape_is_refused_on_loading(install: Any, request_for: Any) -> None:
    install("acme-guard", "guard", source="Guard = 5")
    with pytest.raises(PluginRefused, match="an int, not a class"):
        load_plugin_classes([request_for("guard")], production=False)


def test_a_name_given_twice_is_refused(install: Any, request_for: Any) -> None:
    install("acme-guard", "guard")
    with pytest.raises(PluginRefused, match="named twice"):
        load_plugin_classes([request_for("guard"), request_for("guard")], production=False)


def test_contexts_draw_chance_from_seed_and_name_only() -> None:
    log = Log()
    few = build_contexts(["b"], 7, {}, lambda name: log)
    many = build_contexts(["a", "b"], 7, {"a": {"kept": 1}}, lambda name: log)
    assert few["b"].rng.random() == many["b"].rng.random() == Random("7:b").random()
    assert many["a"].store == {"kept": 1}
    assert many["b"].store == {}
    assert many["a"].name == "a"
    assert many["a"].log is log
