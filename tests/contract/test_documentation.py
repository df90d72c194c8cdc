"""docs/plugin-contract.md and the code say the same: checks, messages, planted plugins."""

from __future__ import annotations

import importlib
import re
from pathlib import Path

import pytest

from planted import PLANTED
from polyframe.testing import CHECKS, ContractBroken, PluginContract, check_everything, subject_of
from polyframe.testing.tour import PAUSE_S

PAGE = (Path(__file__).parents[2] / "docs" / "plugin-contract.md").read_text(encoding="utf-8")


WARM = "class WarmUp"


def section(check: str) -> str:
    start = PAGE.index(f"### `{check}`")
    return re.split(r"\n##", PAGE[start + 3 :])[0]


def plain(text: str) -> str:
    """Return a message on one line, counts and line numbers left out."""
    return re.sub(r"\d+", "N", " ".join(text.split()))


def message(check: str, subject: object, name: str) -> str:
    with pytest.raises(ContractBroken) as broken:
        CHECKS[check](subject_of(subject, name=name))  # type: ignore[arg-type]
    return plain(str(broken.value))


def test_each_check_has_its_heading_in_order() -> None:
    assert re.findall(r"^### `(.*)`$", PAGE, flags=re.MULTILINE) == list(CHECKS)


@pytest.mark.parametrize("check", CHECKS)
def test_each_check_shows_a_message_that_is_given_and_what_to_do_instead(check: str) -> None:
    text = section(check)
    assert "**Instead.**" in text
    [shown] = re.findall(r"```text\n(.*?)```", text, flags=re.DOTALL)
    plants = [plant for plant in PLANTED if plant.check == check]
    assert any(plain(shown) == message(check, plant.kind, plant.name) for plant in plants)


def test_the_table_is_what_is_planted() -> None:
    rows = re.findall(r"^\| `(\w+)` \| (`.*`) \|$", PAGE, flags=re.MULTILINE)
    by_check: dict[str, list[str]] = {check: [] for check in CHECKS}
    for plant in PLANTED:
        by_check[plant.check].append(f"`{plant.kind.__name__}`")
    assert rows == [(check, ", ".join(names)) for check, names in by_check.items()]


def test_the_examples_run() -> None:
    scope: dict[str, object] = {}
    examples = re.findall(r"```python\n(.*?)```", PAGE, flags=re.DOTALL)
    for example in examples:
        exec(compile(example, "docs/plugin-contract.md", "exec", dont_inherit=True), scope)
    assert len(examples) == 4
    assert issubclass(scope["TestContract"], PluginContract)  # type: ignore[arg-type]


def test_the_accepted_warm_up_keeps_the_contract(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    [example] = [
        text for text in re.findall(r"```python\n(.*?)```", PAGE, re.DOTALL) if WARM in text
    ]
    (tmp_path / "warm_up_of_the_page.py").write_text(example, encoding="utf-8")
    monkeypatch.syspath_prepend(tmp_path)
    kind = importlib.import_module("warm_up_of_the_page").WarmUp
    check_everything(subject_of(kind, name="warm_up"))


def test_the_pause_is_the_code_s() -> None:
    assert f"nothing happens for {PAUSE_S:.0f} s" in " ".join(PAGE.split())
