"""What resolved markets pay, learned in time, and booked when somebody else turned it in.

A resolution can be missed: it came while nobody ran, or its message was lost. Its tokens then go
from the wallet and its dollars come (venue.md 6.5), which looks like a theft until the market is
asked. The venue burns worthless tokens too, and nobody of ours would ask for that.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Iterable, Mapping

from polyframe.runtime.live.ledger import LiveLedger
from polyframe.runtime.live.statements import Statements
from polyframe.runtime.live.venue_books import VenueBooks
from polyframe.runtime.live.writer import AccountWriter


class PayoutKeeper:
    """Resolved markets of which the wallet holds, or held, something.

    Args:
        ledger: what is held by our books.
        writer: makes bookings durable.
        books: knows which markets have resolved.
        fetch: fetches markets' metadata and gives it to the engine.
        clock: market time, UTC ns.
        line: writes a line of the run's log.
    """

    def __init__(
        self,
        ledger: LiveLedger,
        writer: AccountWriter,
        books: VenueBooks,
        fetch: Callable[[tuple[str, ...]], Awaitable[None]],
        *,
        clock: Callable[[], int],
        line: Callable[[str, Mapping[str, object]], None],
    ) -> None:
        self._ledger = ledger
        self._writer = writer
        self._books = books
        self._fetch = fetch
        self._clock = clock
        self._line = line
        self._gone: set[str] = set()

    def payouts_e6(self) -> Mapping[str, int]:
        """Return what a share of each resolved market's tokens pays, 1e-6 USD by token id."""
        return self._books.payouts_e6()

    def markets_held(self) -> tuple[str, ...]:
        """Return the markets of everything that our books hold."""
        return self._markets_of(self._ledger.books.tokens_e6)

    async def learn(self, token_ids: Iterable[str]) -> None:
        """Ask what became of the markets of tokens; the engine hears the answer."""
        market_ids = self._markets_of(token_ids)
        if market_ids:
            await self._fetch(market_ids)

    def _markets_of(self, token_ids: Iterable[str]) -> tuple[str, ...]:
        known = self._ledger.books.market_of
        return tuple(dict.fromkeys(known[one] for one in token_ids if one in known))

    def look(self, held_e6: Mapping[str, int], asked_ns: int, lag_ns: int) -> None:
        """Book what the wallet does not hold any more of markets that have resolved.

        Args:
            held_e6: what the venue shows, by token id.
            asked_ns: when it was asked.
            lag_ns: how old what it shows may be.
        """
        ledger, payouts_e6 = self._ledger, self._books.payouts_e6()
        busy = {row.market_id for row in ledger.fills.moving(asked_ns - lag_ns)}
        busy |= {row.market_id for row in ledger.conversions.under_way()}
        gone: dict[str, list[str]] = {}
        for token_id, size_e6 in ledger.books.wallet_tokens_e6().items():
            market_id = ledger.books.market_of.get(token_id)
            if size_e6 and market_id is not None and token_id in payouts_e6:
                gone.setdefault(market_id, []).append(token_id)
        gone = {
            market_id: token_ids
            for market_id, token_ids in gone.items()
            if market_id not in busy and all(held_e6.get(one) == 0 for one in token_ids)
        }
        for market_id, token_ids in gone.items():
            # The venue may show nothing for a moment: what two looks do not show is gone.
            if market_id in self._gone:
                self._book(market_id, token_ids, payouts_e6)
        self._gone = {market_id for market_id in gone if market_id not in self._gone}

    def _book(
        self, market_id: str, token_ids: Iterable[str], payouts_e6: Mapping[str, int]
    ) -> None:
        books, now_ns = self._ledger.books, self._clock()
        statements, reference = Statements(books), f"venue {market_id} {books.seq}"
        ours = {one: books.tokens_e6[one] for one in token_ids if one in books.tokens_e6}
        aside = {one: books.aside_tokens_e6[one] for one in token_ids
                 if one in books.aside_tokens_e6}  # fmt: skip
        if ours:
            self._writer.put(
                statements.redeemed(reference, market_id, ours, _paid(ours, payouts_e6), now_ns)
            )
        if aside:
            gone = {one: -size_e6 for one, size_e6 in aside.items()}
            self._writer.put(
                statements.set_aside(
                    f"{reference} aside", "redeemed by the venue", now_ns,
                    cash_e12=_paid(aside, payouts_e6), tokens_e6=gone,
                )
            )  # fmt: skip
        paid_usd = (_paid(ours, payouts_e6) + _paid(aside, payouts_e6)) / 1e12
        self._line("Redeemed by the venue", {"market": market_id, "paid_usd": f"{paid_usd:.2f}"})


def _paid(tokens_e6: Mapping[str, int], payouts_e6: Mapping[str, int]) -> int:
    return sum(size_e6 * payouts_e6[token_id] for token_id, size_e6 in tokens_e6.items())
