"""The pages for plugin authors: every signature as in the code, every example run."""

from __future__ import annotations

import inspect
import re
import tomllib
from pathlib import Path
from typing import Any

import pytest

from polyframe import Plugin
from polyframe.hooks import Hooks
from polyframe.runtime.failures import POLICY_FAILURES_ALLOWED
from polyframe.runtime.plugins import check_class, check_hooks
from polyframe.runtime.signatures import _REFUSED_OPTIONS, HOOK_ARGUMENTS

DOCS = Path(__file__).parents[2] / "docs"
HOOKS_PAGE = (DOCS / "hooks.md").read_text(encoding="utf-8")
WRITING_PAGE = (DOCS / "writing-a-plugin.md").read_text(encoding="utf-8")


def signature(hook: str) -> str:
    """Return a hook as its heading shows it: without self, annotations without quotes."""
    parameters, returns = str(inspect.signature(getattr(Hooks, hook))).rsplit(" -> ", 1)
    arguments = parameters.removeprefix("(self, ").removesuffix(")")
    return f"{hook}({arguments}) -> {returns}".replace("'", "")


def section(hook: str) -> str:
    start = HOOKS_PAGE.index(f"### `{hook}(")
    return re.split(r"\n##", HOOKS_PAGE[start + 3 :])[0]


def examples(text: str, language: str = "python") -> list[str]:
    return re.findall(rf"```{language}\n(.*?)```", text, flags=re.DOTALL)


def plugin_classes(scope: dict[str, Any]) -> list[type]:
    return [
        value
        for value in scope.values()
        if isinstance(value, type) and issubclass(value, Plugin) and value is not Plugin
    ]


def test_the_headings_are_the_hooks_with_their_exact_signatures_in_order() -> None:
    headings = re.findall(r"^### `(.*)`$", HOOKS_PAGE, flags=re.MULTILINE)
    assert headings == [signature(hook) for hook in HOOK_ARGUMENTS]


@pytest.mark.parametrize("hook", list(HOOK_ARGUMENTS))
def test_each_hook_says_when_and_when_not_and_shows_a_plugin_that_runs(hook: str) -> None:
    text = section(hook)
    for word in ("**Called**", "**Not called**", "**Answer**"):
        assert word in text
    [example] = examples(text)
    scope: dict[str, Any] = {}
    exec(compile(example, f"docs/hooks.md {hook}", "exec", dont_inherit=True), scope)
    [kind] = plugin_classes(scope)
    assert hook in vars(kind)
    name = re.sub(r"(?<!^)(?=[A-Z])", "_", kind.__name__).lower()
    check_class(name, kind)
    check_hooks(name, kind)


def test_the_plugin_that_halts_runs_and_its_code_is_against_the_account() -> None:
    text = HOOKS_PAGE.partition("### Vetoes against the whole account\n")[2].partition("\n##")[0]
    [example] = examples(text)
    scope: dict[str, Any] = {}
    exec(compile(example, "docs/hooks.md halts", "exec", dont_inherit=True), scope)
    [kind] = plugin_classes(scope)
    check_class("floor", kind)
    check_hooks("floor", kind)
    assert kind.halts == kind.codes


def test_every_refusal_at_load_is_on_the_page() -> None:
    refused = HOOKS_PAGE[HOOKS_PAGE.index("## What is refused at load") :]
    for option in _REFUSED_OPTIONS:
        assert f"`{option}`" in refused


def test_the_page_counts_a_policy_s_failures_as_the_code_does() -> None:
    assert POLICY_FAILURES_ALLOWED == 2
    assert "first and second time" in HOOKS_PAGE
    assert "third time" in HOOKS_PAGE


def test_the_walk_from_three_lines_to_a_test_runs() -> None:
    scope: dict[str, Any] = {}
    for example in examples(WRITING_PAGE):
        exec(compile(example, "docs/writing-a-plugin.md", "exec", dont_inherit=True), scope)
    [kind] = plugin_classes(scope)
    check_class("last_hour", kind)
    check_hooks("last_hour", kind)


def test_the_package_on_the_page_offers_the_plugin_on_the_page() -> None:
    [project] = examples(WRITING_PAGE, "toml")
    table = tomllib.loads(project)
    assert table["project"]["entry-points"]["polyframe.plugins"] == {
        "last_hour": "last_hour:LastHour"
    }
    pin = f"{table['project']['name']}=={table['project']['version']}"
    assert f"dist: {pin}" in WRITING_PAGE


def test_links_between_the_pages_lead_somewhere() -> None:
    for page in (HOOKS_PAGE, WRITING_PAGE):
        for target in re.findall(r"\]\(([^)#]+)", page):
            assert (DOCS / target).exists(), target
    assert "## When a plugin fails" in HOOKS_PAGE
