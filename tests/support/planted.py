"""Bad plugins, each with one fault: which check of the contract says so, and what a run does.

``run`` is what becomes of it in the engine (docs/hooks.md, "When a plugin fails"):

* ``refused``: it does not load.
* an action of ``polyframe.runtime.failures``: it is contained as that says.
* ``runtime.off_tick``: the engine's own veto catches what it proposed.
* ``unseen``: nothing tells at run time. That is what the contract test is for.

Each plugin's name is its class's in lower case.
"""

from __future__ import annotations

import datetime
import logging
import os
import random
import socket
import threading
import time
import uuid
from dataclasses import dataclass
from pathlib import Path
from time import time as now
from typing import Annotated, ClassVar

import msgspec

import polyframe
from planted_at_import import StartedAtImport
from polyframe import Plugin, Quote, QuoteLeg, Reading, Veto, hookimpl, setting

PLANTED: list[Planted] = []
_OPENED_AT: dict[str, float] = {}


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


@planted("has_a_plugins_shape", "halts names 'haltsundeclared.loss', which is none", "refused")
class HaltsUndeclared(Sound):
    codes = ("haltsundeclared.spread",)
    halts = ("haltsundeclared.loss",)

    @hookimpl
    def pre_quote_veto(self, market):
        return None


@planted("has_a_plugins_shape", "halts is a str, not a tuple", "refused")
class HaltsAlone(Sound):
    codes = ("haltsalone.loss",)
    halts = "haltsalone.loss"

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


@planted("survives_every_world", "ZeroDivisionError", "unseen")
class DividesByTheChurn(Sound):
    """In a run a market that never changes brings it down."""

    @hookimpl
    def pre_quote_veto(self, market):
        return [] if 1 / market.updates_per_s > 0 else None


@planted("survives_every_world", "AttributeError: 'NoneType' object has no attribute 'price_e4'",
         "unseen")  # fmt: skip
class NeedsBothLegs(Sound):
    @hookimpl
    def shape_quote(self, quote):
        return None if quote.bid.price_e4 < quote.ask.price_e4 else quote


@planted("survives_every_world", "only whole outcomes", "unseen")
class ExpectsPurchases(Sound):
    @hookimpl
    def pre_quote_veto(self, quote):
        if not all(leg.is_buy and leg.is_yes for leg in quote.trade_legs):
            raise ValueError("only whole outcomes")


@planted("survives_every_world", "unwinding", "unseen")
class KnowsFewOutcomes(Sound):
    @hookimpl
    def on_cycle_end(self, cycle):
        for decision in cycle.decisions:
            if decision.outcome == "unwinding":
                raise ValueError(decision.outcome)


_SOUND = "answers_are_sound"


@planted(_SOUND, "observed is nan", "vetoes this market")
class NotANumber(Sound):
    codes = ("notanumber.no",)

    @hookimpl
    def pre_quote_veto(self, market):
        return [Veto("notanumber.no", None, float("nan"), 1.0)]


@planted(_SOUND, "not made of a-z, 0-9 and _", "readings left out")
class NamesAReadingFreely(Sound):
    @hookimpl
    def explain_quote(self, quote):
        return [Reading("Cool down (s)", 1.0)]


@planted(_SOUND, "a shape may only append to inputs", "vetoes this market")
class ReplacesInputs(Sound):
    @hookimpl
    def propose_quote(self, market):
        legs = QuoteLeg(4700, 50_000_000), QuoteLeg(5300, 50_000_000)
        return Quote(market.market_id, 0.5, *legs, "mine", (("edge_c", 3.0),))

    @hookimpl
    def shape_quote(self, quote):
        return msgspec.structs.replace(quote, inputs=(("width_c", 6.0),))


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


@planted("changes_nothing_it_is_given", "it changed 'portfolio.by_market'", "unseen")
class ClearsPositions(Sound):
    """In a run it clears a copy."""

    @hookimpl
    def on_cycle_end(self, portfolio):
        portfolio.positions().clear()


@planted("changes_nothing_it_is_given", "it changed 'quote.policy'", "unseen")
class RenamesThePolicy(Sound):
    @hookimpl
    def pre_quote_veto(self, quote):
        msgspec.structs.force_setattr(quote, "policy", "mine")


@planted("changes_nothing_it_is_given", "it keeps 'market' after the call", "unseen")
class KeepsTheView(Sound):
    """In a run the view it kept shows another state each time it looks."""

    def __init__(self, config, context):
        super().__init__(config, context)
        self.last = None

    @hookimpl
    def on_book(self, market):
        self.last = market


# --- the world outside -------------------------------------------------------------------

_INSIDE = "stays_inside_during_hooks"


@planted(_INSIDE, "reads the clock (time.monotonic, support/planted.py:", "unseen")
class ReadsTheClock(Sound):
    @hookimpl
    def on_book(self, market):
        self.context.store["late"] = time.monotonic() < 0


@planted(_INSIDE, "reads the clock (time.time, support/planted.py:", "unseen")
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


@planted(_INSIDE, "looks at a file (os.stat", "unseen")
class LooksForAFile(Sound):
    codes = ("looksforafile.stop",)

    @hookimpl
    def pre_quote_veto(self, market):
        return [Veto("looksforafile.stop")] if Path("/no/such/STOP").exists() else None


@planted(_INSIDE, "reads the clock (time.gmtime", "unseen")
class ReadsTheHour(Sound):
    @hookimpl
    def on_cycle_end(self, cycle):
        self.context.store["late"] = time.gmtime().tm_hour > 99


@planted(_INSIDE, "reads the clock (uuid.uuid1", "unseen")
class MakesAnIdOfTheClock(Sound):
    @hookimpl
    def on_cycle_end(self, cycle):
        self.context.store["length"] = len(str(uuid.uuid1()))


@planted(_INSIDE, "waits for a time (threading", "unseen")
class Waits(Sound):
    @hookimpl
    def on_cycle_end(self, cycle):
        threading.Event().wait(0.0001)


@planted(_INSIDE, "reads the time zone (datetime.fromtimestamp", "unseen")
class ReadsTheTimeZone(Sound):
    @hookimpl
    def on_cycle_end(self, now_ns):
        local = datetime.datetime.fromtimestamp(now_ns / 1e9)  # noqa: DTZ006 - it is the fault
        self.context.store["late"] = local.year > 9000


@planted(_INSIDE, "self.context.log writes a line", "unseen")
class LogsByItself(Sound):
    @hookimpl
    def on_cycle_end(self, cycle):
        logging.getLogger("planted").warning("cycle %d", cycle.number)


@planted(_INSIDE, "__init__ reaches outside, at 'its first start': reads the clock (time.time_ns",
         "unseen")  # fmt: skip
class StartsAClock(Sound):
    def __init__(self, config, context):
        super().__init__(config, context)
        self.started_ns = time.time_ns()

    @hookimpl
    def on_book(self, market):
        pass


@planted(_INSIDE, "__init__ reaches outside, at 'a restart': reads the environment", "unseen")
class AsksTheEnvironmentLater(Sound):
    """Only where there is a document to go on from."""

    def __init__(self, config, context):
        super().__init__(config, context)
        self.host = os.environ.get("HOST", "") if context.store else ""

    @hookimpl
    def on_cycle_end(self, cycle):
        self.context.store["cycle"] = cycle.number


PLANTED.append(
    Planted(
        StartedAtImport,
        _INSIDE,
        "the module reaches outside, at 'its import': reads the clock (time.time_ns, "
        "support/planted_at_import.py:",
        "unseen",
    )
)


# --- the same again ----------------------------------------------------------------------


@planted("answers_the_same_twice", "gives two answers", "unseen")
class RemembersInTheClass(Sound):
    codes = ("remembersintheclass.number",)
    built: ClassVar[int] = 0

    def __init__(self, config, context):
        super().__init__(config, context)
        type(self).built += 1
        # One digit: a message is cut to length, and must not depend on what was built before.
        self.number = (type(self).built - 1) % 9 + 1

    @hookimpl
    def pre_quote_veto(self, market):
        if market.book.best_ask_e4 is not None:
            return None
        return [Veto("remembersintheclass.number", None, self.number, 0)]


@planted("answers_the_same_twice", "asked for its readings or not, it gives two answers", "unseen")
class ChangesItsMindWhenAsked(Sound):
    codes = ("changesitsmindwhenasked.no",)

    @hookimpl
    def explain_quote(self, quote):
        self.context.store["explained"] = self.context.store.get("explained", 0) + 1
        return [Reading("explained", self.context.store["explained"])]

    @hookimpl
    def pre_quote_veto(self, quote):
        return (
            [Veto("changesitsmindwhenasked.no")]
            if self.context.store.get("explained", 0) > 9
            else None
        )


@planted("answers_the_same_twice", "explain_quote draws from self.context.rng", "unseen")
class DrawsToExplain(Sound):
    @hookimpl
    def explain_quote(self, quote):
        return [Reading("chance", self.context.rng.random())]


@planted("answers_the_same_under_another_hash_seed", "PYTHONHASHSEED", "unseen")
class TakesTheOrderOfASet(Sound):
    codes = tuple(f"takestheorderofaset.{word}" for word in ("a", "b", "c", "d", "e"))

    @hookimpl
    def pre_quote_veto(self, market):
        if market.book.best_ask_e4 is not None:
            return None
        return [Veto(code) for code in {*self.codes}]


@planted("answers_the_same_under_another_hash_seed", "PYTHONHASHSEED", "unseen")
class TakesTheOrderOfTwo(Sound):
    codes = ("takestheorderoftwo.no",)

    @hookimpl
    def pre_quote_veto(self, market):
        if market.book.best_ask_e4 is not None:
            return None
        return [Veto("takestheorderoftwo.no", side) for side in {"bid", "ask"}]


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


@planted(_RESTART, "a new Python has nothing else", "unseen")
class RemembersInTheModule(Sound):
    codes = ("remembersinthemodule.moved",)

    @hookimpl
    def pre_quote_veto(self, market):
        mid = market.book.mid
        if mid is not None and abs(mid - _OPENED_AT.setdefault(market.market_id, mid)) > 0.05:
            return [Veto("remembersinthemodule.moved")]


@planted(_RESTART, "of 0xwindow-1 at", "unseen")
class ForgetsTheWindow(Sound):
    """Two fills of a side within 600 s make it rest; the fills are not stored."""

    codes = ("forgetsthewindow.hot",)

    def __init__(self, config, context):
        super().__init__(config, context)
        self.fills = {}
        self.until = context.store.setdefault("until", {})

    @hookimpl
    def on_fill(self, fill, now_ns):
        if fill.market_id.startswith("0xwindow"):
            key = f"{fill.market_id}/{fill.sign}"
            recent = [ts for ts in self.fills.get(key, ()) if now_ns - ts < 600 * 10**9]
            self.fills[key] = [*recent, now_ns]
            if len(self.fills[key]) >= 2:
                self.until[key] = now_ns + 1800 * 10**9

    @hookimpl
    def pre_quote_veto(self, market, now_ns):
        hot = [self.until.get(f"{market.market_id}/{sign}", 0) > now_ns for sign in (1, -1)]
        return [Veto("forgetsthewindow.hot")] if any(hot) else None


@planted(_RESTART, "is no text; JSON has text keys only", "unseen")
class CountsByNumber(Sound):
    @hookimpl
    def on_cycle_end(self, cycle):
        self.context.store.setdefault("cycles", {})[cycle.number] = len(cycle.decisions)


@planted(_RESTART, "ChokesOnItsDocument(config, context) failed: KeyError: 'fills'", "unseen")
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
