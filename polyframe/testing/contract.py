"""``PluginContract``: three lines in a test file hold a plugin to the contract.

::

    from polyframe.testing import PluginContract

    class TestContract(PluginContract):
        plugin = "spread_guard"

docs/plugin-contract.md has each check with an example of its message and the remedy.
"""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Mapping
from typing import Any, ClassVar

from polyframe.errors import PluginError, PluginNotFound
from polyframe.runtime.plugins import deprecations_of
from polyframe.testing import (
    checks_of_class,
    checks_of_life,
    checks_of_repetition,
    deprecations,
    timings,
)
from polyframe.testing.lives import plain_recording
from polyframe.testing.scenario import Scenario
from polyframe.testing.subject import CannotBeJudged, ContractBroken, Subject, subject_of

CHECKS: dict[str, Callable[[Subject], None]] = {
    "has_a_plugins_shape": checks_of_class.check_class_shape,
    "declares_the_api_range_it_runs_with": checks_of_class.check_api_range,
    "settings_are_closed_and_described": checks_of_class.check_settings,
    "is_built_under_both_profiles": checks_of_class.check_profiles,
    "hooks_are_plain_methods_of_the_contract": checks_of_class.check_hook_shapes,
    "annotations_agree_with_the_specification": checks_of_class.check_annotations,
    "survives_every_world": checks_of_life.check_survives,
    "answers_are_sound": checks_of_life.check_answers,
    "casts_declared_codes_only": checks_of_life.check_codes,
    "changes_nothing_it_is_given": checks_of_life.check_reads_only,
    "stays_inside_during_hooks": checks_of_life.check_stays_inside,
    "answers_the_same_twice": checks_of_repetition.check_repeats,
    "answers_the_same_under_another_hash_seed": checks_of_repetition.check_hash_seeds,
    "a_restart_changes_no_vote": checks_of_repetition.check_restart,
    "reports_finite_json": checks_of_life.check_report,
}
"""Every check by the name its test has after ``test_``, in the order in which they explain best."""


def check_everything(subject: Subject) -> None:
    """Run every check, for who does without pytest.

    Raises:
        ContractBroken: with the message of the first check that fails.
        CannotBeJudged: a check needs another one to pass first (none of those before it failed).
    """
    for check in CHECKS.values():
        check(subject)


class PluginContract:
    """Derive a test class from this and name the plugin; pytest does the rest.

    ``plugin`` is the entry point's name, or the class itself together with ``name``. ``settings``
    are those of the plugin that have no default. :meth:`more` and :meth:`after` add what your
    plugin has to meet to the world that every plugin has to live through.
    """

    plugin: ClassVar[str | type] = ""
    name: ClassVar[str] = ""
    settings: ClassVar[Mapping[str, Any]] = {}
    _subject: ClassVar[Subject | None] = None

    def more(self, world: Scenario) -> None:
        """Add to the world before the restart; times begin at 0 again.

        For example ``world.book("2c x 50 | 5c x 50", at_s=10, rules="...")``: without it, what
        your plugin looks for may never happen, and nothing of it is checked.
        """

    def after(self, world: Scenario) -> None:
        """Add to the world after the restart; times begin at 0 again, all books are back by then.

        What :meth:`more` filled and your plugin has to remember shows here.
        """

    def subject(self) -> Subject:
        """Return the plugin under examination, found once per test class."""
        kind = type(self)
        if "_subject" not in vars(kind) or kind._subject is None:
            kind._subject = subject_of(
                self.plugin,
                name=self.name,
                settings=self.settings,
                more=self.more,
                after=self.after,
            )
        return kind._subject

    def _hold(self, check: str) -> None:
        # pytest's own words for "not now"; who has no pytest calls the checks themselves.
        import pytest

        reason = broken = None
        try:
            subject = self.subject()
        except (ContractBroken, PluginNotFound) as error:
            # Once is enough: nothing else can be said while nobody knows which plugin is meant.
            if check == next(iter(CHECKS)):
                broken = str(error)
            else:
                reason = f"which plugin is meant is not clear: {error}"
        else:
            try:
                CHECKS[check](subject)
            except CannotBeJudged as error:
                reason = str(error)
            except ContractBroken as error:
                broken = str(error)
        if reason is not None:
            # Never instead of a failure: the check that this one waits for has failed by itself.
            pytest.skip(reason)
        if broken is not None:
            # The message says where; our own frames would only stand in front of it.
            pytest.fail(broken, pytrace=False)

    def test_has_a_plugins_shape(self) -> None:
        """The entry point names a class with sound codes, halts and switches."""
        self._hold("has_a_plugins_shape")
        subject = self.subject()
        with contextlib.suppress(PluginError):
            told = deprecations_of(subject.name, subject.kind)
            deprecations.keep(subject.name, [one.text for one in told])

    def test_declares_the_api_range_it_runs_with(self) -> None:
        """``api_versions`` stands in the class itself and meets this polyframe's."""
        self._hold("declares_the_api_range_it_runs_with")

    def test_settings_are_closed_and_described(self) -> None:
        """``Config`` refuses unknown keys; every setting has a meaning and a unit."""
        self._hold("settings_are_closed_and_described")

    def test_is_built_under_both_profiles(self) -> None:
        """Its settings pass both profiles, production's floor included, and it can be built."""
        self._hold("is_built_under_both_profiles")

    def test_hooks_are_plain_methods_of_the_contract(self) -> None:
        """No async, no wrappers, no order, no defaults, no misspelt names."""
        self._hold("hooks_are_plain_methods_of_the_contract")

    def test_annotations_agree_with_the_specification(self) -> None:
        """What is annotated says what the hook's specification says."""
        self._hold("annotations_agree_with_the_specification")

    def test_survives_every_world(self) -> None:
        """No hook raises, whatever the world looks like."""
        self._hold("survives_every_world")

    def test_answers_are_sound(self) -> None:
        """Every answer is one its hook allows."""
        self._hold("answers_are_sound")

    def test_casts_declared_codes_only(self) -> None:
        """Every veto's code is one of the class's ``codes``."""
        self._hold("casts_declared_codes_only")

    def test_changes_nothing_it_is_given(self) -> None:
        """Views, lists and values are left as they were."""
        self._hold("changes_nothing_it_is_given")

    def test_stays_inside_during_hooks(self) -> None:
        """No clock, file, socket, environment or unseeded chance."""
        self._hold("stays_inside_during_hooks")

    def test_answers_the_same_twice(self) -> None:
        """One world, two lives, the same answers; the first one is timed for the summary."""
        self._hold("answers_the_same_twice")
        subject = self.subject()
        timings.keep(subject.name, plain_recording(subject).nanoseconds)

    def test_answers_the_same_under_another_hash_seed(self) -> None:
        """The order of a set reaches no answer."""
        self._hold("answers_the_same_under_another_hash_seed")

    def test_a_restart_changes_no_vote(self) -> None:
        """What votes depend on is in ``context.store``."""
        self._hold("a_restart_changes_no_vote")

    def test_reports_finite_json(self) -> None:
        """``report_section`` can be written down at any moment."""
        self._hold("reports_finite_json")
