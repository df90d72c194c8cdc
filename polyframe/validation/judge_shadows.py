"""The outside judge's shadows on our paper venue, which is told the aggregate view alone."""

from __future__ import annotations

from polyframe.commands import CancelOrder, PlaceOrder
from polyframe.events import (
    BookSnapshot,
    LevelChange,
    MarketsFetched,
    PriceChange,
    Side,
    TradePrint,
)
from polyframe.model import FeeSchedule, MarketSpec, RewardTerms
from polyframe.money import PRICE_ONE_E4, SHARE_E6, usd_e12
from polyframe.runtime.paper import PROFILES, PaperVenue
from polyframe.settings import LatencySettings, PaperSettings

# The judge's events come 2 ms apart and its shadows live 60 ms. Time is stretched, and the window
# in which prints and drops are paired is short, so that it is over before the next event.
_STRETCH = 10_000
_WINDOW_S = 0.01
_CENTRE_E4, _MID_TICKS = 5_000, 9_000
_MARKET, _YES, _NO = "judge", "yes", "no"
# When base has all of an order, the other profiles' orders end with it. The judge's estimators end
# each for itself, so an order is larger than any profile can fill: its first lot is the shadow.
_ORDER_E6 = 1_000_000 * SHARE_E6


class PaperShadows:
    """A paper venue and the judge's shadow orders on it.

    The caller owes :meth:`begin` once, :meth:`see` for every event of the exchange, and
    ``settle(None)`` after the last.

    Args:
        tick: the judge's price step; its prices become ours around 0.5 on the finest grid.
        queue_power: of the base profile.
    """

    def __init__(self, tick: int, queue_power: float) -> None:
        instant = LatencySettings(p50_s=0.0, p99_s=0.0)
        settings = PaperSettings(
            entry=instant, cancel=instant, queue_power=queue_power, participation=1.0,
            pairing_window_s=_WINDOW_S,
        )  # fmt: skip
        self._tick = tick
        self._venue = PaperVenue(settings, 0, usd_e12(10**12))
        self._now_ns = 0
        self._measured: list[tuple[int, int]] = []
        self._over: list[int] = []
        self._filled_e6: dict[str, dict[str, int]] = {name: {} for name in PROFILES}
        self._seen = dict.fromkeys(PROFILES, 0)
        self.errors: dict[int, list[float]] = {}
        self.errors_abs: dict[int, list[float]] = {}

    def is_filled(self, sid: int, profile: str) -> bool:
        """Return whether the profile filled a shadow's one lot whole."""
        return self._filled_e6[profile].get(str(sid), 0) >= SHARE_E6

    def begin(self, ts: int, bids: dict[int, int], asks: dict[int, int]) -> None:
        """Take the first book: ``price -> lots``."""
        self._now_ns = ts * _STRETCH
        self._venue.observe(MarketsFetched(self._now_ns, (_SPEC,)))
        self._venue.observe(
            BookSnapshot(
                self._now_ns, self._ms(), _MARKET, _YES, self._levels(bids), self._levels(asks)
            )
        )

    def see(
        self, ts: int, trades: list[tuple[int, str, int]], levels: list[tuple[str, int, int]]
    ) -> None:
        """Take one event: its prints ``(price, aggressor, lots)``, then its levels' new totals."""
        self.settle(ts)
        self._now_ns = ts * _STRETCH
        for number, (price, aggressor, lots) in enumerate(trades):
            side = Side.BUY if aggressor == "B" else Side.SELL
            self._observe(
                TradePrint(
                    self._now_ns, self._ms(), _MARKET, _YES, self._price_e4(price),
                    lots * SHARE_E6, side, f"{ts}-{number}",
                )
            )  # fmt: skip
        changes = tuple(
            LevelChange(_YES, side == "B", self._price_e4(price), float(lots))
            for side, price, lots in levels
        )
        if changes:
            self._observe(PriceChange(self._now_ns, self._ms(), _MARKET, changes))

    def place(self, sid: int, side: str, price: int) -> None:
        """Place a shadow; it rests at once, behind what is displayed."""
        is_bid, price_e4 = side == "B", self._price_e4(price)
        order = PlaceOrder(
            order_id=str(sid), market_id=_MARKET, token_id=_YES if is_bid else _NO,
            side=Side.BUY, price_e4=price_e4 if is_bid else PRICE_ONE_E4 - price_e4,
            size_e6=_ORDER_E6, expires_ns=None, post_only=True, component="maker", decision_id=0,
        )  # fmt: skip
        self._venue.submit([order], self._now_ns)
        self._venue.advance(self._now_ns)
        self.errors[sid] = [0.0] * len(PROFILES)
        self.errors_abs[sid] = [0.0] * len(PROFILES)

    def measure(self, sid: int, true_ahead: int) -> None:
        """Compare with the true queue ahead, once this event's pairing window is over."""
        self._measured.append((sid, true_ahead))

    def retire(self, sid: int) -> None:
        """Take a shadow away before the next event."""
        self._over.append(sid)

    def settle(self, before_ts: int | None) -> None:
        """Let the pairing window pass, as far as the next event allows; measure and retire."""
        settled_ns = self._now_ns + round(_WINDOW_S * 1e9)
        if before_ts is not None:
            settled_ns = min(settled_ns, before_ts * _STRETCH - 1)
        self._venue.advance(settled_ns)
        for sid, true_ahead in self._measured:
            ahead = self._venue.ahead_e6(str(sid))
            for column, name in enumerate(PROFILES):
                error = (0.0 if ahead is None else ahead[name] / SHARE_E6) - true_ahead
                self.errors[sid][column] += error
                self.errors_abs[sid][column] += abs(error)
        for sid in self._over:
            self._venue.submit([CancelOrder(str(sid), "horizon")], settled_ns)
        self._venue.advance(settled_ns)
        self._measured, self._over = [], []

    def _observe(self, event: TradePrint | PriceChange) -> None:
        self._venue.advance(event.ts_ns)
        self._venue.observe(event)
        for name in PROFILES:
            fills = self._venue.fills(name)
            for fill in fills[self._seen[name] :]:
                filled = self._filled_e6[name]
                filled[fill.order_id] = filled.get(fill.order_id, 0) + fill.size_e6
            self._seen[name] = len(fills)

    def _levels(self, side: dict[int, int]) -> tuple[tuple[int, float], ...]:
        return tuple((self._price_e4(price), float(lots)) for price, lots in side.items())

    def _ms(self) -> int:
        return self._now_ns // 1_000_000

    def _price_e4(self, price: int) -> int:
        return _CENTRE_E4 + price // self._tick - _MID_TICKS


_SPEC = MarketSpec(
    market_id=_MARKET, question="", rules="", resolution_source="", slug=_MARKET,
    outcomes=("Yes", "No"), token_ids=(_YES, _NO), tick_e4=1, min_size_e6=SHARE_E6,
    fees=FeeSchedule(), rewards=RewardTerms(), neg_risk=False, neg_risk_augmented=False,
    market_event_id="", market_event_title="", group_item_title="", category="", tags=(),
    end_ns=None, game_start_ns=None, accepting_orders=True, closed=False, uma_statuses=(),
    liveness_s=None, volume_24h_usd=0.0, liquidity_usd=0.0, seconds_delay=0.0,
)  # fmt: skip
