"""Halts and the switch: what the operator takes back is what the switch said, and no more."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path

import anyio
import pytest

from polyframe.events import HazardCleared, HazardRaised
from polyframe.hazards import Action, Hazard
from polyframe.runtime.live.account_folder import AccountFolder, Kill
from polyframe.runtime.live.halt_keeper import HaltKeeper
from polyframe.runtime.live.watches import KillWatch
from polyframe.runtime.safety import Safety

ADDRESS = "0x" + "ab" * 20


class Desk:
    """What of a desk has to do with halts, over a folder on the disk."""

    def __init__(self, root: Path) -> None:
        self.folder = AccountFolder(root, "live", ADDRESS)
        self.folder.make()
        self.safety = Safety(lambda message, **fields: None)
        self.watch = KillWatch(self.folder, self.halt, self.resumed)
        self.keeper = HaltKeeper(self.safety, self.watch, self.line)
        self.lines: list[str] = []

    def line(self, message: str, fields: Mapping[str, object]) -> None:
        self.lines.append(message)

    def halt(self, hazard: Hazard, action: Action | None, detail: str = "") -> None:
        if hazard not in self.safety.standing:
            self.safety.raise_(HazardRaised(1, hazard, action or Action.HALT, detail))

    def resumed(self) -> None:
        for hazard in self.keeper.resumed():
            self.safety.clear(HazardCleared(2, hazard))

    def keep(self) -> None:
        """Both look once, as they do five times a second."""
        anyio.run(self.keeper.look)
        self.watch.look()

    @property
    def said(self) -> str:
        killed = self.folder.killed()
        return "" if killed is None else killed.why


@pytest.fixture
def desk(tmp_path: Path) -> Desk:
    return Desk(tmp_path)


def broken(desk: Desk) -> None:
    desk.halt(Hazard.LIMIT_BROKEN, Action.HALT, "lost too much")


def test_a_resume_ends_what_the_switch_named(desk: Desk) -> None:
    broken(desk)
    desk.keep()
    assert desk.said == "limit_broken: lost too much"
    desk.folder.resume()
    desk.keep()
    assert desk.safety.standing == {}
    assert desk.said == ""


@pytest.mark.parametrize("look", [Desk.keep, lambda desk: desk.watch.look()])
def test_a_halt_that_the_switch_did_not_name_stands_and_is_kept(
    desk: Desk, look: Callable[[Desk], None]
) -> None:
    desk.folder.kill("a test", "somebody")
    desk.keep()
    broken(desk)
    desk.folder.resume()
    look(desk)
    assert Hazard.LIMIT_BROKEN in desk.safety.standing
    desk.keep()
    assert desk.said == "limit_broken: lost too much"
    desk.folder.resume()
    desk.keep()
    assert desk.safety.standing == {}


def test_the_switch_names_every_halt_once(desk: Desk) -> None:
    thrown = desk.folder.kill("a test", "somebody")
    desk.keep()
    broken(desk)
    desk.keep()
    desk.keep()
    desk.halt(Hazard.REJECTS, Action.HALT, "31")
    desk.keep()
    assert desk.folder.resume() == Kill(
        thrown.when, "somebody", "a test; limit_broken: lost too much; rejects: 31"
    )
    desk.keep()
    assert desk.safety.standing == {}


def test_a_switch_that_nobody_can_read_names_nothing_and_stays_as_it_is(desk: Desk) -> None:
    (desk.folder.path / "KILL").touch()
    desk.keep()
    broken(desk)
    desk.keep()
    assert (desk.folder.path / "KILL").read_bytes() == b""
    desk.folder.resume()
    desk.keep()
    assert Hazard.LIMIT_BROKEN in desk.safety.standing
    assert desk.said == "limit_broken: lost too much"


def test_a_signal_after_the_switch_was_taken_back_throws_it_again(desk: Desk) -> None:
    desk.folder.kill("a test", "somebody")
    desk.keep()
    desk.folder.resume()
    desk.watch.signalled()
    desk.keep()
    assert Hazard.KILL_SWITCH in desk.safety.standing
    desk.keep()
    assert desk.said == "SIGUSR1"
    desk.folder.resume()
    desk.keep()
    assert desk.safety.standing == {}


def test_a_switch_taken_back_while_a_halt_is_written_ends_none(desk: Desk) -> None:
    """The disk is slow: who resumes may have read the name, or not."""

    class Slow:
        look = staticmethod(desk.watch.look)

        async def throw(self, hazard: Hazard, detail: str) -> bool:
            is_named = await desk.watch.throw(hazard, detail)
            desk.folder.resume()
            desk.watch.look()
            return is_named

    quick, desk.keeper = desk.keeper, HaltKeeper(desk.safety, Slow(), desk.line)
    broken(desk)
    anyio.run(desk.keeper.look)
    assert Hazard.LIMIT_BROKEN in desk.safety.standing
    assert desk.keeper.resumed() == ()
    desk.keeper = quick
    desk.keep()
    assert desk.said == "limit_broken: lost too much"
