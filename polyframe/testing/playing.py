"""Letting a plugin live through moments: which hook is asked when, as the engine would.

Nothing is checked or caught here; whoever wants to look at each call hands in a ``call``.
"""

from __future__ import annotations

import inspect
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any, NamedTuple

import msgspec

from polyframe.model import MAKER, Quote, QuoteLeg, Trade, TradeLeg
from polyframe.money import ceil_to_tick, complement_e4, floor_to_tick
from polyframe.runtime.signatures import HOOK_ARGUMENTS
from polyframe.testing.moment import Moment
from polyframe.testing.views import FakeMarket

TOLD = ("on_book", "on_fill", "on_cycle_end")
"""Hooks that are told a fact, and answer nothing."""
_OF_A_QUOTE = {"quote", "market", "portfolio", "now_ns"}
# The opinions that are not simply asked with a quote: each has its own place in a moment.
_PLACED = {*TOLD, "rank_markets", "propose_quote", "shape_quote", "propose_trades"}
_STANDING_SIZE_E6 = 50_000_000
_TRADE_COMPONENTS = ("arb", "satellite", "taker")


class Hook(NamedTuple):
    """One hook of a plugin: what to call, and the arguments it takes, in its own order."""

    function: Callable[..., Any]
    arguments: tuple[str, ...]


class Answer(NamedTuple):
    """What a hook answered: when, where in the story, about which market ("" for none).

    ``moment`` is the number of the moment, from 0. ``facts`` are the hook's arguments by name.
    """

    moment: int
    at_s: float
    label: str
    hook: str
    market_id: str
    value: Any
    facts: Mapping[str, Any]


class Answers(list[Answer]):
    """Everything a plugin answered, in order."""

    def of(self, hook: str, market_id: str | None = None) -> list[Answer]:
        """Return the answers of one hook, of one market or of all."""
        return [
            answer
            for answer in self
            if answer.hook == hook and market_id in (None, answer.market_id)
        ]

    @property
    def codes(self) -> list[str]:
        """The codes of all vetoes cast, in order."""
        return [veto.code for answer in self.of("pre_quote_veto") for veto in answer.value or ()]


Call = Callable[[str, Hook, Mapping[str, Any]], Any]
"""``call(hook's name, hook, facts by name)`` returns the answer."""


def hooks_of(plugin: object) -> dict[str, Hook]:
    """Return the hooks a plugin object implements."""
    found: dict[str, Hook] = {}
    for name in HOOK_ARGUMENTS:
        method = getattr(plugin, name, None)
        if method is not None:
            found[name] = Hook(method, tuple(inspect.signature(method).parameters))
    return found


def called(hook: Hook, facts: Mapping[str, Any]) -> Any:
    """Call a hook with the arguments it takes out of the facts."""
    return hook.function(*(facts[name] for name in hook.arguments))


def _just_call(name: str, hook: Hook, facts: Mapping[str, Any]) -> Any:
    return called(hook, facts)


def play(
    moments: Sequence[Moment],
    hooks: Mapping[str, Hook],
    *,
    first: int = 0,
    wants_top_only: bool = False,
    call: Call = _just_call,
) -> Answers:
    """Ask the hooks at each moment what the engine would ask, and return the answers.

    ``first`` is the number of the first of these moments; ``wants_top_only`` is a plugin's
    ``on_book_when == "top"``.
    """
    answers = Answers()
    for number, moment in enumerate(moments, start=first):
        _Ask(number, moment, hooks, call, answers).everything(wants_top_only)
    return answers


class _Ask:
    """One moment's questions."""

    def __init__(
        self,
        number: int,
        moment: Moment,
        hooks: Mapping[str, Hook],
        call: Call,
        answers: Answers,
    ) -> None:
        self._number = number
        self._moment = moment
        self._hooks = hooks
        self._call = call
        self._answers = answers
        self._common = {"portfolio": moment.portfolio, "now_ns": moment.now_ns}

    def everything(self, wants_top_only: bool) -> None:
        moment = self._moment
        changed = [moment.market(market_id) for market_id in moment.changed]
        if moment.fill is not None:
            filled = moment.market(moment.fill.market_id)
            self._ask("on_fill", filled.market_id, fill=moment.fill, market=filled)
        else:
            for market in changed:
                if market.has_book and not (
                    wants_top_only and market.market_id not in moment.top_changed
                ):
                    self._ask("on_book", market.market_id, market=market)
        for market in changed:
            self._opinions(market)
            # As other policies and traders would ask for the plugin's vote.
            self._one_sided(standing_quote(market), market)
            for quote in (Quote(market.market_id), *_legs_of_others(market, self._number)):
                self._about_quote(quote, market)
        if moment.cycle is not None:
            self._ask("rank_markets", markets=list(moment.markets))
            changed = list(moment.markets)
            for market in changed:
                self._opinions(market)
        self._trades([market for market in changed if market.has_book])
        if moment.cycle is not None:
            self._ask("on_cycle_end", cycle=moment.cycle)
        if moment.period is not None:
            self._ask("report_section", period=moment.period)

    def _ask(self, name: str, market_id: str = "", **facts: Any) -> Any:
        hook = self._hooks.get(name)
        if hook is None:
            return None
        facts = {**self._common, **facts}
        value = self._call(name, hook, facts)
        moment = self._moment
        self._answers.append(
            Answer(self._number, moment.at_s, moment.label, name, market_id, value, facts)
        )
        return value

    def _opinions(self, market: FakeMarket) -> None:
        proposed = self._ask("propose_quote", market.market_id, market=market)
        # What is no quote is reported where it was answered; here the world goes on without it.
        quote = proposed if type(proposed) is Quote else standing_quote(market)
        self._about_quote(self._shaped(quote, market), market)

    def _one_sided(self, quote: Quote, market: FakeMarket) -> None:
        """Ask about a quote's bid alone or its ask alone, as another plugin may have left them."""
        if quote.bid is None or quote.ask is None:
            return
        dropped = "bid" if _flips(self._number) else "ask"
        quote = self._shaped(msgspec.structs.replace(quote, **{dropped: None}), market)
        self._ask("pre_quote_veto", market.market_id, quote=quote, market=market)

    def _shaped(self, quote: Quote, market: FakeMarket) -> Quote:
        if quote.is_empty:
            return quote
        shaped = self._ask("shape_quote", market.market_id, quote=quote, market=market)
        return shaped if type(shaped) is Quote else quote

    def _about_quote(self, quote: Quote, market: FakeMarket) -> None:
        for name, arguments in HOOK_ARGUMENTS.items():
            if name in _PLACED or not set(arguments) <= _OF_A_QUOTE:
                continue
            if name == "pre_quote_veto" or quote.component == MAKER:
                self._ask(name, market.market_id, quote=quote, market=market)

    def _trades(self, markets: list[FakeMarket]) -> None:
        if not markets:
            return
        trades = self._ask("propose_trades", markets=markets)
        for quote in _legs_to_ask(trades):
            market = self._moment.portfolio.market(quote.market_id)
            if isinstance(market, FakeMarket):
                self._about_quote(quote, market)


def standing_quote(market: FakeMarket) -> Quote:
    """Return a plain quote of some other policy: 50 shares a tick outside the touch."""
    book, tick_e4 = market.book, market.tick_e4
    size_e6 = max(_STANDING_SIZE_E6, market.min_size_e6)
    if book.mid is None or book.best_bid_e4 is None or book.best_ask_e4 is None:
        return Quote(market.market_id)
    bid_e4 = floor_to_tick((book.best_bid_e4 - tick_e4) / 1e4, tick_e4)
    ask_e4 = ceil_to_tick((book.best_ask_e4 + tick_e4) / 1e4, tick_e4)
    return Quote(
        market.market_id,
        book.mid,
        QuoteLeg(bid_e4, size_e6) if bid_e4 < ask_e4 else None,
        QuoteLeg(ask_e4, size_e6),
        "other",
        (("mid", book.mid),),
    )


def _flips(number: int) -> bool:
    """Return one of two, so that no rhythm of the moments sees one of them only."""
    return number.bit_count() % 2 == 1


def _legs_of_others(market: FakeMarket, number: int) -> Iterator[Quote]:
    """Yield two of the four ways to take what the book shows, as legs of trades.

    Which ways, and which component takes them, changes with the moment's ``number``; every third
    time the first of them has a second leg to come.
    """
    bid_e4, ask_e4 = market.book.best_bid_e4, market.book.best_ask_e4
    is_buy = _flips(number)
    for at, is_yes in enumerate((True, False)):
        # Who takes YES from the asks, or gives NO to them, needs a best ask; else a best bid.
        yes_e4 = ask_e4 if is_yes == is_buy else bid_e4
        if yes_e4 is None:
            continue
        limit_e4 = yes_e4 if is_yes else complement_e4(yes_e4)
        leg = TradeLeg(market.market_id, is_yes, is_buy, limit_e4, max(market.min_size_e6, 1))
        other = TradeLeg(market.market_id, not is_yes, is_buy, limit_e4, leg.size_e6)
        component = _TRADE_COMPONENTS[(number + at) % len(_TRADE_COMPONENTS)]
        yield leg.as_quote(component, after=(other,) if number % 3 == 0 else ())


def _legs_to_ask(trades: Any) -> Iterator[Quote]:
    if type(trades) not in (list, tuple):
        return
    for trade in trades:
        if type(trade) is Trade and trade.legs:
            yield trade.legs[0].as_quote(trade.component, trade.inputs, trade.legs[1:])
