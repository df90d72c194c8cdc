"""Bad plugins, each with one fault: which check of the contract says so, and what a run does.

``run`` is what becomes of it in the engine (docs/hooks.md, "When a plugin fails"):

* ``refused``: it does not load.
* an action of ``polyframe.runtime.failures``: it is contained as that says.
* ``runtime.off_tick``: the engine's own veto catches what it proposed.
* ``unseen``: nothing tells at run time. That is what the contract test is for.

Each plugin's name is its class's in lower case.
"""

from __future__ import annotations

import os
import random
import socket
import threading
import time
from dataclasses import dataclass
from pathlib import Path
from time import time as now
from typing import Annotated, ClassVar

import msgspec

import polyframe
from polyframe import Plugin, Quote, QuoteLeg, Veto, hookimpl, setting

PLANTED: list[Planted] = []


@dataclass(frozen=True)
class Planted:
    """A bad plugin, the check that must catch it, words of its message, and its fate in a run."""

    kind: type
    check: str
    words: str
    run: str

    @property
    def name(self) -> str:
        return self.kind.__name__.lower()


def planted(check: str, words: str, run: str):
    """Plant a class; see :class:`Planted`."""

    def plant(kind: type) -> type:
        PLANTED.append(Planted(kind, check, words, run))
        return kind

    return plant


class Sound(Plugin):
    api_versions = (1, 1)


# --- the class ---------------------------------------------------------------------------


@planted("has_a_plugins_shape", "does not start with 'foreigncodes.'", "refused")
class ForeignCodes(Sound):
    codes = ("qs.crossed",)

    @hookimpl
    def pre_quote_veto(self, market):
        return None


@planted("has_a_plugins_shape", "not 'change' or 'top'", "refused")
class Sometimes(Sound):
    on_book_when = "sometimes"

    @hookimpl
    def on_book(self, market):
        pass


@planted("declares_the_api_range_it_runs_with", "upgrade the plugin", "refused")
class TooOld(Sound):
    api_versions = (0, 0)

    @hookimpl
    def on_book(self, market):
        pass


@planted("declares_the_api_range_it_runs_with", "does not say which plugin API", "unseen")
class SaysNoApi(Plugin):
    @hookimpl
    def on_book(self, market):
        pass


@planted("settings_are_closed_and_described", "forbid unknown fields", "refused")
class OpenConfig(Sound):
    class Config(polyframe.Config, forbid_unknown_fields=False):
        limit: Annotated[float, setting("the limit", unit="usd")] = 1.0

    @hookimpl
    def on_book(self, market):
        pass


@planted("settings_are_closed_and_described", "'limit' has no unit", "unseen")
class NoUnit(Sound):
    class Config(polyframe.Config):
        limit: Annotated[float, msgspec.Meta(description="the limit")] = 1.0

    @hookimpl
    def on_book(self, market):
        pass


class Inner(polyframe.Config):
    wait: float = 1.0


@planted("settings_are_closed_and_described", "'inner.wait' has no description", "unseen")
class NestedNoUnit(Sound):
    class Config(polyframe.Config):
        inner: Inner = msgspec.field(default_factory=Inner)

    @hookimpl
    def on_book(self, market):
        pass


@planted("is_built_under_both_profiles", "refused under production", "unseen")
class BelowTheFloor(Sound):
    class Config(polyframe.Config):
        limit: Annotated[float, setting("the limit", unit="usd", production_max=5.0)] = 9.0

    @hookimpl
    def on_book(self, market):
        pass


@planted("is_built_under_both_profiles", "raises under paper: TypeError", "refused")
class TakesNoContext(Sound):
    def __init__(self, config):
        self.config = config

    @hookimpl
    def on_book(self, market):
        pass


# --- the hooks ---------------------------------------------------------------------------

_HOOKS = "hooks_are_plain_methods_of_the_contract"


@planted(_HOOKS, "is 'async def'", "refused")
class Late(Sound):
    @hookimpl
    async def pre_quote_veto(self, market):
        return None


@planted(_HOOKS, "is a wrapper", "refused")
class Wraps(Sound):
    @hookimpl(wrapper=True)
    def pre_quote_veto(self, market):
        yield
        return []


@planted(_HOOKS, "says tryfirst", "refused")
class PushesAhead(Sound):
    @hookimpl(tryfirst=True)
    def pre_quote_veto(self, market):
        return None


@planted(_HOOKS, "gives now_ns a default", "refused")
class Defaults(Sound):
    @hookimpl
    def on_book(self, market, now_ns=0):
        pass


@planted(_HOOKS, "did you mean 'on_book'", "refused")
class Misspelt(Sound):
    @hookimpl
    def on_bok(self, market):
        pass


@planted(_HOOKS, "takes 'portfolio', which the hook does not have", "refused")
class WantsMore(Sound):
    @hookimpl
    def on_book(self, market, portfolio):
        pass


_ANNOTATIONS = "annotations_agree_with_the_specification"


@planted(_ANNOTATIONS, "'market' is BookView, but it is given MarketView", "unseen")
class MisreadsTheArgument(Sound):
    @hookimpl
    def on_book(self, market: polyframe.BookView) -> None:
        pass


@planted(_ANNOTATIONS, "returns bool, the hook returns Sequence[Veto] | None", "unseen")
class PromisesABool(Sound):
    @hookimpl
    def pre_quote_veto(self, market: polyframe.MarketView) -> bool:
        return None


# --- answers -----------------------------------------------------------------------------


@planted("survives_every_world", "TypeError", "vetoes this market")
class NeedsTwoSides(Sound):
    codes = ("needstwosides.wide",)

    @hookimpl
    def pre_quote_veto(self, market):
        width_e4 = market.book.best_ask_e4 - market.book.best_bid_e4
        return [Veto("needstwosides.wide")] if width_e4 > 9_000 else None


@planted("survives_every_world", "TypeError", "detached")
class WatchesTwoSides(Sound):
    def __init__(self, config, context):
        super().__init__(config, context)
        self.widest_e4 = 0

    @hookimpl
    def on_book(self, market):
        self.widest_e4 = max(self.widest_e4, market.book.spread_e4)


_SOUND = "answers_are_sound"


@planted(_SOUND, "observed is nan", "vetoes this market")
class NotANumber(Sound):
    codes = ("notanumber.no",)

    @hookimpl
    def pre_quote_veto(self, market):
        return [Veto("notanumber.no", None, float("nan"), 1.0)]


@planted(_SOUND, "is not on the tick in force", "runtime.off_tick")
class OffTick(Sound):
    @hookimpl
    def propose_quote(self, market):
        return Quote(market.market_id, 0.5, QuoteLeg(4733, 50_000_000), None)


@planted(_SOUND, "is not a QuoteLeg", "no answer")
class FloatPrice(Sound):
    @hookimpl
    def propose_quote(self, market):
        return Quote(market.market_id, 0.5, QuoteLeg(4700.0, 50_000_000), None)


@planted(_SOUND, "may not grow the bid", "vetoes this market")
class Grows(Sound):
    @hookimpl
    def shape_quote(self, quote):
        if quote.bid is None:
            return None
        larger = QuoteLeg(quote.bid.price_e4, 2 * quote.bid.size_e6)
        return msgspec.structs.replace(quote, bid=larger)


@planted(_SOUND, "an answer is lost", "unseen")
class AnswersAFact(Sound):
    codes = ("answersafact.no",)

    @hookimpl
    def on_book(self, market):
        return [Veto("answersafact.no")]


@planted("casts_declared_codes_only", "codes = ('undeclared.known', 'undeclared.secret',)",
         "vetoes this market")  # fmt: skip
class Undeclared(Sound):
    codes = ("undeclared.known",)

    @hookimpl
    def pre_quote_veto(self, market):
        return [Veto("undeclared.secret")]


@planted("changes_nothing_it_is_given", "it changed 'markets'", "unseen")
class SortsInPlace(Sound):
    """In a run it sorts a copy of its own, and nothing happens."""

    @hookimpl
    def rank_markets(self, markets):
        markets.sort(key=lambda market: market.market_id, reverse=True)


@planted("changes_nothing_it_is_given", "cannot assign to field 'seen'", "detached")
class MarksTheView(Sound):
    @hookimpl
    def on_book(self, market):
        market.seen = True


@planted("changes_nothing_it_is_given", "cannot assign to field 'tick_e4'", "unseen")
class ChangesTheTick(Sound):
    """In a run it changes the engine's own market: views are trusted there, not copied."""

    @hookimpl
    def on_book(self, market):
        market.tick_e4 = 1


@planted("changes_nothing_it_is_given", "it changed 'portfolio'", "unseen")
class ClearsPositions(Sound):
    """In a run it clears a copy."""

    @hookimpl
    def on_cycle_end(self, portfolio):
        portfolio.positions().clear()


# --- the world outside -------------------------------------------------------------------

_INSIDE = "stays_inside_during_hooks"


@planted(_INSIDE, "reads the clock (time.monotonic, planted.py:", "unseen")
class ReadsTheClock(Sound):
    @hookimpl
    def on_book(self, market):
        self.context.store["late"] = time.monotonic() < 0


@planted(_INSIDE, "reads the clock (time.time, planted.py:", "unseen")
class ReadsTheClockByAnotherName(Sound):
    @hookimpl
    def on_cycle_end(self, cycle):
        self.context.store["late"] = now() < 0


@planted(_INSIDE, "opens a file", "unseen")
class OpensAFile(Sound):
    @hookimpl
    def on_cycle_end(self, cycle):
        self.context.store["length"] = len(Path(__file__).read_text())


@planted(_INSIDE, "uses a socket", "unseen")
class OpensASocket(Sound):
    @hookimpl
    def on_cycle_end(self, cycle):
        socket.socket().close()


@planted(_INSIDE, "reads the environment", "unseen")
class ReadsTheEnvironment(Sound):
    codes = ("readstheenvironment.no",)

    @hookimpl
    def pre_quote_veto(self, market):
        return [Veto("readstheenvironment.no")] if os.environ.get("NO_QUOTES_PLEASE") else None


@planted(_INSIDE, "draws global chance", "unseen")
class DrawsGlobalChance(Sound):
    codes = ("drawsglobalchance.no",)

    @hookimpl
    def pre_quote_veto(self, market):
        return [Veto("drawsglobalchance.no")] if random.random() > 1 else None


@planted(_INSIDE, "starts a thread", "unseen")
class StartsAThread(Sound):
    @hookimpl
    def on_cycle_end(self, cycle):
        worker = threading.Thread(target=int)
        worker.start()
        worker.join()


@planted(_INSIDE, "talks to the terminal", "unseen")
class Prints(Sound):
    @hookimpl
    def on_cycle_end(self, cycle):
        print("cycle", cycle.number)  # noqa: T201 - it is the fault


# --- the same again ----------------------------------------------------------------------


@planted("answers_the_same_twice", "gives two answers", "unseen")
class RemembersInTheClass(Sound):
    codes = ("remembersintheclass.first",)
    has_begun: ClassVar[bool] = False

    @hookimpl
    def pre_quote_veto(self, market):
        is_first = not type(self).has_begun
        type(self).has_begun = True
        return [Veto("remembersintheclass.first")] if is_first else None


@planted("answers_the_same_under_another_hash_seed", "PYTHONHASHSEED", "unseen")
class TakesTheOrderOfASet(Sound):
    codes = tuple(f"takestheorderofaset.{word}" for word in ("a", "b", "c", "d", "e"))

    @hookimpl
    def pre_quote_veto(self, market):
        if market.book.best_ask_e4 is not None:
            return None
        return [Veto(code) for code in {*self.codes}]


_RESTART = "a_restart_changes_no_vote"


@planted(_RESTART, "belongs into self.context.store", "unseen")
class Forgets(Sound):
    codes = ("forgets.enough",)

    def __init__(self, config, context):
        super().__init__(config, context)
        self.fills = 0

    @hookimpl
    def on_fill(self, fill):
        self.fills += 1

    @hookimpl
    def pre_quote_veto(self, market):
        return [Veto("forgets.enough", None, self.fills, 5)] if self.fills > 5 else None


@planted(_RESTART, "is no text; JSON has text keys only", "unseen")
class CountsByNumber(Sound):
    @hookimpl
    def on_cycle_end(self, cycle):
        self.context.store.setdefault("cycles", {})[cycle.number] = len(cycle.decisions)


@planted(_RESTART, "cannot be built from the document it left", "unseen")
class ChokesOnItsDocument(Sound):
    def __init__(self, config, context):
        super().__init__(config, context)
        if context.store:
            raise KeyError("fills")

    @hookimpl
    def on_cycle_end(self, cycle):
        self.context.store["cycles"] = cycle.number


# --- the report --------------------------------------------------------------------------


@planted("reports_finite_json", "which JSON cannot carry", "section left out")
class ReportsInfinity(Sound):
    @hookimpl
    def report_section(self, period):
        return {"worst_usd": float("-inf")}


@planted("reports_finite_json", "ZeroDivisionError", "section left out")
class DividesByNoFills(Sound):
    @hookimpl
    def report_section(self, period):
        return {"mean_c": 1 / 0}
