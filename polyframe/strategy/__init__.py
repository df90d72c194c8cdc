"""The strategy file: plugins, numbers and profiles, from YAML to typed settings.

``source`` reads YAML and keeps the lines, ``schema`` composes the JSON Schema from the typed
settings, ``wording`` says what the schema refuses, ``loading`` overlays a profile and types the
result, ``difference`` compares two profiles.
"""

from polyframe.strategy.difference import Difference, count_settings, profile_diff
from polyframe.strategy.loading import (
    PluginRequest,
    Profile,
    Strategy,
    check_profiles,
    load_strategy,
    named_plugins,
    requests_of,
    strategy_from_resolved,
)
from polyframe.strategy.schema import PROFILES, file_schema
from polyframe.strategy.source import Problem, Source, read_source, refusal

__all__ = [
    "PROFILES",
    "Difference",
    "PluginRequest",
    "Problem",
    "Profile",
    "Source",
    "Strategy",
    "check_profiles",
    "count_settings",
    "file_schema",
    "load_strategy",
    "named_plugins",
    "profile_diff",
    "read_source",
    "refusal",
    "requests_of",
    "strategy_from_resolved",
]
