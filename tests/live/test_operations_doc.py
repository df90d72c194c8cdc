"""docs/operations.md against the code: hazards, lines, codes, exit codes, settings."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from pathlib import Path

import msgspec
import pytest

from polyframe import cli
from polyframe.errors import PolyframeError
from polyframe.hazards import Action, Hazard
from polyframe.live_settings import LimitSettings, ProductionSettings
from polyframe.polymarket.clob_outcomes import REJECT_CODES, UNKNOWN_CODES
from polyframe.runtime.live import desk
from polyframe.secrets import credentials
from source_tree import ROOT

DOCS = ROOT / "docs"
TEXT = (DOCS / "operations.md").read_text(encoding="utf-8")
OPERATOR = (DOCS / "operator.md").read_text(encoding="utf-8")
# What calls its argument a line of the log.
LINE_CALLS = {"line", "log", "_line", "_log"}
# Who speaks of real orders: everything else is a line of every run.
OF_REAL_ORDERS = [
    *sorted((ROOT / "polyframe/runtime/live").glob("*.py")),
    *(ROOT / "polyframe/runtime" / name for name in ("safety.py", "redeeming.py")),
]
LABELS = ("Action", "Raised by", "By itself", "Ends", "You", "Evidence")


def section(heading: str, text: str = TEXT) -> str:
    """Return what stands under a heading, up to the next one of its rank or above."""
    rank = heading.partition(" ")[0]
    start = text.index(f"{heading}\n")
    rest = text[start + len(heading) :]
    end = re.search(rf"^#{{1,{len(rank)}}} ", rest, re.MULTILINE)
    return rest if end is None else rest[: end.start()]


def rows(heading: str) -> list[list[str]]:
    """Return the cells of the tables under a heading, without their heads."""
    lines = [line for line in section(heading).splitlines() if line.startswith("| ")]
    cells = [[cell.strip() for cell in line.strip("| ").split(" | ")] for line in lines]
    return [row for row in cells if row[0].startswith(("`", "1", "2", "3", "4", "5", "6", "0"))]


def told(path: Path) -> Iterator[str]:
    """Yield the name of every line that a module writes."""
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if not isinstance(node, ast.Call) or not node.args:
            continue
        name = getattr(node.func, "attr", getattr(node.func, "id", ""))
        if name in LINE_CALLS:
            yield from _texts(node.args[0])


def _texts(node: ast.expr) -> Iterator[str]:
    if isinstance(node, ast.IfExp):
        yield from _texts(node.body)
        yield from _texts(node.orelse)
    elif isinstance(node, ast.Constant) and isinstance(node.value, str):
        yield node.value


def lines_in(heading: str) -> set[str]:
    """Return the names of the lines in a table: what stands before the first ``key=``."""
    names = [name for row in rows(heading) for name in re.findall(r"`([^`]+)`", row[0])]
    return {re.split(r" ?\w+=", name)[0].rstrip(":") for name in names}


# --- hazards -----------------------------------------------------------------------------


def test_every_hazard_has_its_entry_in_order() -> None:
    runbook = section("## Runbook: one entry per hazard")
    assert re.findall(r"^### `(\w+)`$", runbook, re.MULTILINE) == [str(one) for one in Hazard]


@pytest.mark.parametrize("hazard", Hazard)
def test_an_entry_says_all_of_it(hazard: Hazard) -> None:
    entry = section(f"### `{hazard}`")
    assert re.findall(r"^- \*\*([\w ]+)\*\* ", entry, re.MULTILINE) == list(LABELS)


@pytest.mark.parametrize("hazard", Hazard)
def test_an_entry_names_what_the_hazard_asks_for(hazard: Hazard) -> None:
    """The actions in the entry are those that some module raises it with."""
    said = re.search(r"\*\*Action\*\* ([^\n]*)", section(f"### `{hazard}`"))
    assert said is not None
    named = {action for action in Action if re.search(rf"\b{action}\b", said[1])}
    assert named == _raised_with()[hazard]


def _raised_with() -> dict[Hazard, set[Action]]:
    """Return every action that stands beside a hazard in a call, a function of ours followed."""
    found: dict[Hazard, set[Action]] = {hazard: set() for hazard in Hazard}
    for path in sorted((ROOT / "polyframe/runtime").rglob("*.py")):
        tree = ast.parse(path.read_text(encoding="utf-8"))
        returned = {
            node.name: _members(node, "Action")
            for node in ast.walk(tree)
            if isinstance(node, ast.FunctionDef)
        }
        for node in ast.walk(tree):
            if not isinstance(node, ast.Call):
                continue
            for name in {name for arg in node.args[:1] for name in _members(arg, "Hazard")}:
                actions = {one for arg in node.args[1:] for one in _members(arg, "Action")}
                for inner in ast.walk(node):
                    if isinstance(inner, ast.Call) and inner is not node:
                        actions |= returned.get(getattr(inner.func, "attr", ""), set())
                found[Hazard[name]] |= {Action[one] for one in actions}
    return found


def _members(node: ast.AST, enum: str) -> set[str]:
    return {
        one.attr
        for one in ast.walk(node)
        if isinstance(one, ast.Attribute)
        and isinstance(one.value, ast.Name)
        and one.value.id == enum
    }


# --- lines -------------------------------------------------------------------------------


def test_every_line_of_real_orders_is_explained() -> None:
    written = {name for path in OF_REAL_ORDERS for name in told(path)}
    explained = lines_in("## The lines of real orders") | lines_in("## The lines")
    assert written
    assert sorted(written - explained) == []


def test_every_line_of_a_run_is_explained() -> None:
    written = {name for path in (ROOT / "polyframe/runtime").glob("*.py") for name in told(path)}
    explained = lines_in("## The lines of real orders") | lines_in("## The lines")
    assert sorted(written - explained) == []


def test_every_line_that_is_explained_is_written() -> None:
    code = "".join(
        path.read_text(encoding="utf-8")
        for folder in ("polyframe", "plugins")
        for path in sorted((ROOT / folder).rglob("*.py"))
    )
    named = lines_in("## The lines of real orders") | lines_in("## The lines")
    assert sorted(name for name in named if name not in code) == []


def test_every_kind_of_difference_is_explained() -> None:
    source = (ROOT / "polyframe/runtime/live/reconciliation.py").read_text(encoding="utf-8")
    kinds = set(re.findall(r'what="(\w+)"', source))
    shown = re.findall(r"^\| `(\w+)` \| .* \| .* \| .* \|$", section("## The lines of real orders"),
                       re.MULTILINE)  # fmt: skip
    assert set(shown) == kinds


# --- codes -------------------------------------------------------------------------------


def test_the_refusals_are_the_codes_and_their_words() -> None:
    table = {row[0].strip("`"): row for row in rows("## Why orders are refused")}
    for code, words in (*REJECT_CODES.items(), *UNKNOWN_CODES.items()):
        assert table[code][1].startswith(_plain(words)), code
    own = set(table) - set(REJECT_CODES) - set(UNKNOWN_CODES)
    # The rest is ours, and none of it is the venue's fault or a plugin's.
    assert own == {"held", "not_stored", "never_arrived", "gate_tick", "gate_expiration"}


def test_which_refusals_count_is_what_the_desk_counts() -> None:
    for row in rows("## Why orders are refused"):
        if len(row) < 3:
            continue  # unknown: neither in nor out
        code, counts = row[0].strip("`"), row[2]
        if counts == "halts":
            assert f"gate_{code}" not in desk._NO_FAULT
        else:
            assert counts == ("no" if code in desk._NO_FAULT else "yes"), code


def _plain(words: str) -> str:
    """A setting or a code is set in code in the document."""
    return re.sub(r"max_order_usd", "`limits.max_order_usd`", words)


# --- exit codes --------------------------------------------------------------------------


def test_the_exit_codes_are_the_programs() -> None:
    def codes(kind: type[PolyframeError]) -> set[int]:
        return {kind.exit_code}.union(*(codes(one) for one in kind.__subclasses__()))

    known = {0, cli.EXIT_INTERRUPTED, cli.EXIT_BROKEN_PIPE} | codes(PolyframeError)
    assert [int(row[0]) for row in rows("## Exit codes")] == sorted(known)


# --- settings and names ------------------------------------------------------------------


@pytest.mark.parametrize(
    ("name", "kind"), [("limits", LimitSettings), ("production", ProductionSettings)]
)
def test_the_tables_of_the_strategy_file_are_the_settings(
    name: str, kind: type[msgspec.Struct]
) -> None:
    text = (DOCS / "strategy-file.md").read_text(encoding="utf-8")
    properties = msgspec.json.schema(kind)["$defs"][kind.__name__]["properties"]
    wanted = []
    for key, one in properties.items():
        floor = ""
        if "productionMax" in one:
            floor = f"at most {one['productionMax']:g}"
        if "productionMin" in one:
            floor = f"at least {one['productionMin']:g}"
        if one.get("productionRequired"):
            floor = "must be written"
        default = one["default"]
        if not isinstance(default, bool | str):
            default = f"{default:g}"
        cells = (f"`{key}`", str(default).lower(), one["unit"], floor, one["description"])
        wanted.append(f"| {' | '.join(cells)} |".replace("|  |", "| |"))
    shown = section(f"### `{name}`", text)
    assert [line for line in shown.splitlines() if line.startswith("| `")] == wanted


def test_settings_that_are_named_exist() -> None:
    sections = {"limits": LimitSettings, "production": ProductionSettings}
    for text in (TEXT, OPERATOR):
        for name, key in re.findall(r"`(limits|production)\.(\w+)`", text):
            assert key in sections[name].__struct_fields__, f"{name}.{key}"


def test_every_name_of_the_credentials_is_in_the_operators_page() -> None:
    assert [name for name in credentials.NAMES if f"`{name}" not in OPERATOR] == []


def test_each_page_leads_to_the_other() -> None:
    assert "(operator.md" in TEXT
    assert "(operations.md" in OPERATOR


@pytest.mark.parametrize("page", ["operations.md", "operator.md"])
def test_links_within_and_between_the_two_pages_have_their_headings(page: str) -> None:
    for target, anchor in re.findall(
        r"\]\(([\w-]*\.?m?d?)#([\w-]+)\)", (DOCS / page).read_text(encoding="utf-8")
    ):
        text = (DOCS / (target or page)).read_text(encoding="utf-8")
        headings = re.findall(r"^#+ (.*)$", text, re.MULTILINE)
        slugs = {re.sub(r"[^\w -]", "", one.lower()).replace(" ", "-") for one in headings}
        assert anchor in slugs, f"{page}: {target}#{anchor}"


@pytest.mark.parametrize("package", ["polymarket", "runtime/live", "doctor"])
def test_a_packages_table_names_all_its_modules(package: str) -> None:
    folder = ROOT / "polyframe" / package
    said = ast.get_docstring(ast.parse((folder / "__init__.py").read_text(encoding="utf-8")))
    modules = {path.stem for path in folder.glob("*.py")} - {"__init__"}
    assert said is not None
    assert {name for name in modules if f"``{name}``" not in said} == set()
    assert set(re.findall(r"^``(\w+)``", said, re.MULTILINE)) <= modules
