"""A simulated market's way from its listing to its payout, and what the venue does to it.

Every method is what the universe's own calendar calls, and what a fault script may call at any
time; each shows in Gamma's view, in the terms, and on the market channel where the venue says it.
"""

from __future__ import annotations

from polyframe.exchange.simulation.crowd import Crowd
from polyframe.exchange.simulation.floor import Floor
from polyframe.exchange.simulation.market import SimulatedMarket
from polyframe.exchange.simulation.schedule import Step
from polyframe.money import SHARE_E6

_HOUR_NS = 3_600 * 10**9
_CHALLENGE_NS = 2 * _HOUR_NS
_SECOND_PROPOSAL_H = (0.5, 6.0)
_VOTE_H = (96.0, 144.0)  # debate and vote after a second dispute: 4 to 6 days (venue.md 6.5)
_CANCELED = "CANCELED"
_CANCELED_RESOLVED = "CANCELED_MARKET_RESOLVED"


class Lifecycle:
    """Opens, halts, proposes, disputes and resolves the markets of one universe (venue.md 6.5)."""

    def __init__(self, floor: Floor, crowd: Crowd) -> None:
        self._floor = floor
        self._crowd = crowd
        # What happened, by belief: exclusive siblings agree on it.
        self._settled: dict[str, int] = {}
        self._revealed: dict[str, None] = {}

    def open(self, market: SimulatedMarket) -> None:
        """List a market with its traders and plan its days."""
        floor, rng = self._floor, market.rng
        market.is_listed = True
        self._crowd.open(market)
        market.publisher.begin()
        now_ns, listing = floor.now_ns, market.listing
        if listing.game_start_ns is not None and listing.game_start_ns > now_ns:
            floor.agenda.push(listing.game_start_ns, market.index, Step.GAME_START)
        if listing.end_ns is None:
            return
        if listing.end_ns > now_ns:
            floor.agenda.push(listing.end_ns, market.index, Step.END)
        elif market.uma:
            self._await_answer(market, answered_for=rng.random())
        else:
            self._plan(market, rng.uniform(1, 10), Step.PROPOSE)

    def act(self, market: SimulatedMarket, step: Step, argument: str) -> None:
        """Do what the calendar says is due."""
        if step is Step.GAME_START:
            self.start_game(market)
        elif step is Step.END:
            self._crowd.withdraw_makers(market)
            self._plan(market, market.rng.uniform(0.2, 1.0), Step.PROPOSE)
        elif argument != str(len(market.uma)):
            return  # somebody has proposed, disputed or resolved since it was planned
        elif step is Step.PROPOSE:
            self.propose(market)
        else:
            self.resolve(market, self._payouts_e6(market))

    # --- resolution ------------------------------------------------------------------

    def propose(self, market: SimulatedMarket) -> None:
        """Answer the question: the market resolves in two hours unless somebody disputes.

        What the answer tells moves the hidden probability, and makers leave.

        Raises:
            ValueError: an answer stands already, or the market is resolved.
        """
        if market.payouts_e6 is not None or market.uma[-1:] == ["proposed"]:
            raise ValueError(f"market {market.market_id} is {market.uma[-1]} already")
        belief_id = market.listing.belief_id
        if belief_id not in self._revealed:
            self._revealed[belief_id] = None
            market.belief.advance(self._floor.now_ns)
            market.belief.reveal()
        market.uma.append("proposed")
        self._crowd.withdraw_makers(market)
        self._crowd.spread_news(market)
        self._await_answer(market)

    def dispute(self, market: SimulatedMarket) -> None:
        """Dispute the standing answer: the first time it is given anew, the second time voted on.

        Raises:
            ValueError: no answer stands.
        """
        if market.uma[-1:] != ["proposed"]:
            raise ValueError(f"market {market.market_id} has no answer to dispute")
        market.uma.append("disputed")
        self._await_answer(market)

    def resolve(self, market: SimulatedMarket, payouts_e6: tuple[int, int]) -> None:
        """End a market: resting orders are cancelled, a YES and a NO share pay this much.

        Raises:
            ValueError: the payouts do not add up to a dollar, or it is resolved already.
        """
        if sum(payouts_e6) != SHARE_E6 or min(payouts_e6) < 0:
            raise ValueError(f"payouts of {payouts_e6}: they must add up to {SHARE_E6}")
        if market.payouts_e6 is not None:
            raise ValueError(f"market {market.market_id} is resolved already")
        floor, listing = self._floor, market.listing
        if payouts_e6[0] == SHARE_E6:
            self._settled.setdefault(listing.belief_id, listing.outcome_index)
        market.payouts_e6 = payouts_e6
        market.uma.append("resolved")
        floor.clear(market, _CANCELED_RESOLVED)
        if floor.listener is not None:
            floor.listener.resolved(market.market_id, payouts_e6, floor.now_ns)
        winner = None if 0 < payouts_e6[0] < SHARE_E6 else int(payouts_e6[0] == 0)
        floor.frames.append(market.publisher.resolved(market.gamma, winner, floor.now_ns))

    def _payouts_e6(self, market: SimulatedMarket) -> tuple[int, int]:
        """Draw what happened, once for all that share the belief."""
        listing = market.listing
        if listing.belief_id not in self._settled:
            market.belief.advance(self._floor.now_ns)
            self._settled[listing.belief_id] = market.belief.settle()
        is_yes = self._settled[listing.belief_id] == listing.outcome_index
        return (SHARE_E6, 0) if is_yes else (0, SHARE_E6)

    def _await_answer(self, market: SimulatedMarket, answered_for: float = 0.0) -> None:
        """Plan what follows the last status; ``answered_for`` is the share of the wait gone by."""
        if market.uma[-1] == "proposed":
            wait_ns = int(_CHALLENGE_NS * (1.0 - answered_for))
            self._plan(market, wait_ns / _HOUR_NS, Step.RESOLVE)
        elif market.uma.count("disputed") == 1:
            self._plan(market, market.rng.uniform(*_SECOND_PROPOSAL_H), Step.PROPOSE)
        else:
            self._plan(market, market.rng.uniform(*_VOTE_H), Step.RESOLVE)

    def _plan(self, market: SimulatedMarket, hours: float, step: Step) -> None:
        at_ns = self._floor.now_ns + int(hours * _HOUR_NS)
        self._floor.agenda.push(at_ns, market.index, step, str(len(market.uma)))

    # --- what the venue does -----------------------------------------------------------

    def start_game(self, market: SimulatedMarket) -> None:
        """Clear the book where the market says so, and let the in-play crowd in (venue.md 4.6)."""
        if market.payouts_e6 is not None:
            return
        if market.gamma.get("clearBookOnStart"):
            self._floor.clear(market, _CANCELED)
        self._crowd.change_character(market, market.listing.in_play)

    def halt(self, market: SimulatedMarket) -> None:
        """Stop accepting orders; what rests stays and can be cancelled."""
        market.is_halted = True

    def resume(self, market: SimulatedMarket) -> None:
        """Accept orders again."""
        market.is_halted = False

    def change_tick(self, market: SimulatedMarket, tick_e4: int) -> None:
        """Change the price grid; what rests off it stays (whether it would is not established)."""
        floor = self._floor
        floor.frames += market.publisher.change_tick(tick_e4, floor.now_ns)

    def set_min_size(self, market: SimulatedMarket, min_size_e6: int) -> None:
        """Change the least order size, in micro-shares."""
        market.book.min_size_e6 = min_size_e6

    def set_fees(self, market: SimulatedMarket, rate: float) -> None:
        """Change the taker fee's rate; 0 switches fees off."""
        schedule = {"exponent": 1, "takerOnly": True, "rebateRate": 0.25}
        schedule |= market.gamma.get("feeSchedule") or {}
        market.gamma |= {"feesEnabled": rate > 0, "feeSchedule": {**schedule, "rate": rate}}
