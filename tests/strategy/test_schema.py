"""The JSON Schema editors get: valid, complete, with units, everything optional in overlays."""

from __future__ import annotations

import json

import msgspec
from jsonschema import Draft202012Validator

from polyframe.plugin import Config
from polyframe.settings import Settings
from polyframe.strategy import file_schema
from polyframe.strategy.schema import resolved_schema, unit_at


def test_the_schema_is_valid_json_schema_and_json(configs):
    for compose in (file_schema, resolved_schema):
        schema = compose(configs)
        Draft202012Validator.check_schema(schema)
        assert json.loads(json.dumps(schema)) == schema
        assert schema["$schema"] == "https://json-schema.org/draft/2020-12/schema"


def test_the_file_has_the_sections_of_the_settings(configs):
    schema = file_schema(configs)
    sections = set(Settings.__struct_fields__)
    assert set(schema["properties"]) == sections | {"plugins", "profiles"}
    for profile in ("paper", "production"):
        overlay = schema["properties"]["profiles"]["properties"][profile]
        assert set(overlay["properties"]) == sections | {"plugins"}
        assert "dist" not in overlay["properties"]["plugins"]["properties"]["guard"]["properties"]
    assert "dist" in schema["properties"]["plugins"]["properties"]["guard"]["properties"]


def test_overlays_require_nothing_but_entries_of_lists_stay_whole(configs):
    is_valid = Draft202012Validator(file_schema(configs)).is_valid

    def file(overlay):
        return {
            "plugins": {"guard": {}, "score": {}},
            "profiles": {"paper": {"plugins": overlay}, "production": {}},
        }

    assert is_valid(file({"guard": {}}))
    assert is_valid(file({"score": {"steps": [{"after_s": 1}]}}))
    assert not is_valid(file({"score": {"steps": [{"weight": 0.1}]}}))
    assert not is_valid(file({"other": {}}))
    assert not is_valid({"plugins": {}})


def test_units_and_floors_stand_in_the_descriptions(configs):
    schema = file_schema(configs)
    feed = schema["$defs"]["overlay.core.FeedSettings"]["properties"]
    assert feed["max_book_age_s"]["description"] == (
        "oldest book that may be quoted [s]; production: at most 5"
    )
    guard = schema["properties"]["plugins"]["properties"]["guard"]["properties"]
    assert guard["patience_h"]["description"] == "patience [h]; production: at least 1"


def test_every_core_number_has_unit_and_description():
    def walk(node, path):
        for key, sub in node.get("properties", {}).items():
            if sub.get("type") in ("number", "integer", "boolean") or "enum" in sub:
                assert sub.get("unit"), f"{path}.{key} has no unit"
                assert not sub["description"].startswith("["), f"{path}.{key} has no description"

    schema = file_schema({})
    walk(schema, "(top)")
    for name, node in schema["$defs"].items():
        walk(node, name)


def test_units_are_found_by_path(configs):
    schema = resolved_schema(configs)
    assert unit_at(schema, ("feed", "max_book_age_s")) == "s"
    assert unit_at(schema, ("plugins", "guard", "ceiling")) == "usd"
    assert unit_at(schema, ("plugins", "score", "by_category", "sport")) == "score"
    assert unit_at(schema, ("plugins", "score", "weights", 0)) == "share"
    assert unit_at(schema, ("plugins", "gone", "x")) == ""


def test_two_plugins_may_have_classes_and_fields_of_the_same_name():
    def make(kind):
        inner = msgspec.defstruct("Inner", [("value", kind), ("default", kind)])
        return msgspec.defstruct("Same", [("inner", inner), ("properties", kind)], bases=(Config,))

    configs = {"a": make(int), "b": make(str)}
    schema = file_schema(configs)
    Draft202012Validator.check_schema(schema)
    kinds = {
        name: schema["$defs"][f"overlay.plugin.{name}.Inner"]["properties"]["value"]["type"]
        for name in ("a", "b")
    }
    assert kinds == {"a": "integer", "b": "string"}
