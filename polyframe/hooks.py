"""The contract: every hook a plugin may implement, and nothing else.

All hooks are synchronous and called by the engine only, in the order in which the strategy
file names the plugins. Implementations may leave out arguments they do not need. Views are
read-only and valid during the call. ``now_ns`` is the UTC time of the event in hand: there
is no other clock. Return within the time budget; never block, never do I/O.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

import pluggy

if TYPE_CHECKING:
    from polyframe.model import Cycle, Fill, Quote, Reading, ReportPeriod, Trade, Veto
    from polyframe.views import MarketView, PortfolioView

PROJECT = "polyframe"
hookspec = pluggy.HookspecMarker(PROJECT)
hookimpl = pluggy.HookimplMarker(PROJECT)


class Hooks:
    """The hook specifications. Each docstring says when it is called, and when it is not."""

    # --- facts -----------------------------------------------------------------------

    @hookspec
    def on_book(self, market: MarketView, now_ns: int) -> None:
        """A market's book changed and is consistent.

        Called for every plugin, after each applied change; for a plugin whose
        ``on_book_when`` is ``"top"``, only when the best bid or ask (price or size)
        changed. Not called while the book is incomplete (before a snapshot).
        """

    @hookspec
    def on_fill(
        self, fill: Fill, market: MarketView, portfolio: PortfolioView, now_ns: int
    ) -> None:
        """One of our orders traded; the portfolio already contains it.

        Called once per distinct fill. A settlement that failed arrives as a second
        call with ``fill.is_reversal``.
        """

    @hookspec
    def on_cycle_end(self, cycle: Cycle, portfolio: PortfolioView, now_ns: int) -> None:
        """A selection cycle is over; the cycle carries every decision since the last one."""

    # --- opinions --------------------------------------------------------------------

    @hookspec(firstresult=True)
    def rank_markets(self, markets: Sequence[MarketView], now_ns: int) -> Sequence[str] | None:
        """Return market ids, best first, or None to leave it to the next plugin.

        Called at each selection cycle with every subscribed market. What is left out
        is pulled. A plugin that only judges should veto, not leave out: a veto is
        recorded with its reason.
        """

    @hookspec(firstresult=True)
    def propose_quote(
        self, market: MarketView, portfolio: PortfolioView, now_ns: int
    ) -> Quote | None:
        """Return the wanted resting state of one market, or None to leave it to the next plugin.

        Called for each ranked market in a selection cycle, and for an active market
        whose book, position or state changed.
        """

    @hookspec
    def shape_quote(
        self, quote: Quote, market: MarketView, portfolio: PortfolioView, now_ns: int
    ) -> Quote | None:
        """Return a more careful quote, or None to leave it as it is.

        Called for each plugin in order, each seeing what the one before it returned.
        A shape may only widen, shrink or drop a leg, or shift both legs against the
        inventory; anything else is refused and counts as a plugin error. Not called for
        an empty quote.
        """

    @hookspec
    def propose_trades(
        self, markets: Sequence[MarketView], portfolio: PortfolioView, now_ns: int
    ) -> Sequence[Trade] | None:
        """Return what to take from the books now, or None.

        Called for every plugin at each selection cycle and, with the markets whose touch
        changed, after each batch. Every leg is put to ``pre_quote_veto`` before anything
        leaves; one veto stops the whole trade. A market with a trade under way is not
        offered again until it is over. Legs may be in other markets than those offered
        (``portfolio.market``).
        """

    @hookspec
    def pre_quote_veto(
        self, quote: Quote, market: MarketView, portfolio: PortfolioView, now_ns: int
    ) -> Sequence[Veto] | None:
        """Return the reasons why this quote must not rest, or None.

        Called for every plugin before any order leaves; all answers are kept, and
        nothing un-vetoes. The quote has no legs when no policy proposed one: the vetoes
        are asked all the same, so that refusals are complete. For a leg of a trade,
        ``quote.trade_legs`` is what the trade has still to send, this leg first. A plugin
        that raises here vetoes with ``runtime.plugin_error``.
        """

    @hookspec
    def explain_quote(
        self, quote: Quote, market: MarketView, portfolio: PortfolioView, now_ns: int
    ) -> Sequence[Reading] | None:
        """Return the numbers behind this plugin's opinion of a quote, or None.

        Called for every plugin after the vetoes of a decision that changes something (or would,
        but for the mutation budget), or refuses for other reasons than the market's last one,
        with the quote that was put to them; not for a leg of a trade. They are recorded with the
        decision, and nothing depends on them: a plugin's answer here must not change what it
        answers elsewhere.
        """

    @hookspec
    def report_section(self, period: ReportPeriod) -> Mapping[str, Any] | None:
        """Return this plugin's part of the daily report as JSON-ready data, or None.

        Called when a UTC day ends and when a run stops. Numbers must be finite.
        """
