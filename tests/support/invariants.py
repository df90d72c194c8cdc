"""What must hold of engine, account and paper venue at all times, from first principles.

Nothing here uses the code it judges: exposures are enumerated state by state, costs are replayed
from all fills, the books are those of :mod:`random_markets`, the limits are multiplied out anew.
"""

from collections import Counter
from fractions import Fraction

from component_costs import Costs
from exposures import exposures_e12
from polyframe import events
from polyframe.commands import PlaceOrder
from polyframe.model import MarketState
from polyframe.runtime.orders import OrderStatus

REDUCE_ONLY = {MarketState.WATCH, MarketState.CLOSE_WINDOW}
CAP_FACTOR = {
    MarketState.NORMAL: 1.0,
    MarketState.WATCH: 0.8,
    MarketState.CLOSE_WINDOW: 0.5,
}
MAKER = "maker"
# Average costs are rounded to 1e-12 USD once a sale.
ROUNDING_E12 = 10**6


class Broken(AssertionError):
    """An invariant does not hold."""


def need(condition, *words):
    if not condition:
        raise Broken(" ".join(str(word) for word in words))


# --- budgets, from all fills --------------------------------------------------------------


BUDGETS = ("taker", "satellite")


def budget_of(component):
    """Return whose budget a component spends; the maker's is none."""
    return component if component in (MAKER, "satellite") else "taker"


class Spending:
    """What orders may spend beside what their components hold; sales take from the holdings."""

    def __init__(self, engine, costs):
        self.engine, self.costs = engine, costs
        self.free_e6 = {}
        self.total_e12 = Fraction(0)

    def add(self, component, one, size_e6):
        """Count an order or leg: its price a share and the fee there, for all it may get."""
        price = Fraction(one.limit_e4 if hasattr(one, "limit_e4") else one.price_e4, 10_000)
        if not one.is_buy:
            key = component, one.market_id, one.is_yes
            held_e6 = self.free_e6.setdefault(key, self.costs.held_e6(*key_of(key)))
            self.free_e6[key] = max(0, held_e6 - size_e6)
            size_e6 = max(0, size_e6 - held_e6)
            price = 1 - price
        fees = self.engine.markets.find(one.market_id).spec.fees
        assert fees.exponent == 1.0
        fee = Fraction(str(fees.rate)) * price * (1 - price)
        spent_e12 = size_e6 * 10**6 * (price + fee)
        self.total_e12 += spent_e12
        return spent_e12


def key_of(key):
    component, market_id, is_yes = key
    return market_id, component, is_yes


class Truth:
    """The account from its registers, not from the view that plugins are shown."""

    def __init__(self, engine):
        self.position = engine.portfolio.position_of
        self.positions = engine.portfolio.held
        self.market = engine.markets.find
        self._orders = engine.orders

    def orders(self, market_id=None):
        orders = self._orders
        return list(orders.all_live() if market_id is None else orders.live(market_id))


# --- the watch -----------------------------------------------------------------------------


class Checker:
    """Looks at a machine before and after each decision and after each batch."""

    def __init__(self, machine, world, caps, *, paper=True, ghosts=False):
        self.machine, self.engine, self.world = machine, machine.engine, world
        self.truth = Truth(self.engine)
        self.caps = caps
        self.paper = paper
        self.ghosts = ghosts
        self.stats = Counter()
        self._last = ({}, Counter(), 0)
        self._realised_e12 = {}
        self.costs = Costs()
        self._last_used = dict.fromkeys(BUDGETS, Fraction(0))
        # Fees are rounded to 0.00001 USD, each execution's for itself.
        self._fee_rounding_e12 = 0
        self._is_selling = False
        self._regrouped = False
        self._halted = False
        decide = self.engine.decide

        def watched():
            self._before()
            before = exposures_e12(self.truth)
            commands = decide()
            self._after(before, [c for c in commands if isinstance(c, PlaceOrder)])
            return commands

        self.engine.decide = watched

    def note(self, batch):
        """Metadata and resolutions move markets between groups; fills never do."""
        self._regrouped = any(
            isinstance(event, events.MarketResolved | events.MarketsFetched) for event in batch
        )

    def after_batch(self, outcome):
        self._money()
        need(not self.engine.dispatcher.problems, "plugin", self.engine.dispatcher.problems)
        self._halted = self.machine.plugins["portfolio_risk"]._latch.halted is not None
        self.stats.update(decision.outcome for decision in outcome.decisions)
        self.stats.update(type(event).__name__ for event in outcome.order_events)
        self.stats["fills"] += len(outcome.fills)
        self.stats.update(
            f"{veto.veto.code} on a trade"
            for decision in outcome.decisions
            for veto in decision.vetoes
            if decision.proposal.trade_legs
        )
        if self.paper:
            self._same_as_paper()

    # --- limits --------------------------------------------------------------------------

    def _before(self):
        """What fills, cancels and time did: nothing may be at risk, or spent, that was not before.

        But for fills taken back: what had been sold is held again.
        """
        self._money()
        fills = self.engine.answers.new_fills
        for fill in fills:
            self.costs.fill(fill)
            if fill.fee_e12:
                self._fee_rounding_e12 += 5 * 10**6
            self.stats[f"{fill.component} {'back' if fill.is_reversal else 'filled'}"] += 1
        for market_id in self.costs.markets:
            position = self.engine.portfolio.position_of(market_id)
            self.costs.account(market_id, position.yes_e6, position.no_e6)
        taken_back = any(fill.is_reversal for fill in fills)
        # A sale on its way opens a position when the maker has sold the tokens meanwhile.
        is_clear = not taken_back and not self._is_selling
        used = {budget: self._used_e12(budget) for budget in BUDGETS}
        for budget in BUDGETS:
            most_e12 = self._last_used[budget] + self._fee_rounding_e12
            need(used[budget] <= most_e12 or not is_clear, "spent more", budget, used, most_e12)
        if self._regrouped or taken_back:
            return
        # A sale above cost turns a promised gain into cash.
        realised = self._realised()
        gained_e12 = ROUNDING_E12 + sum(
            max(0, realised[one] - self._realised_e12.get(one, 0)) for one in realised
        )
        markets, clusters, total = exposures_e12(self.truth)
        for now, before in ((markets, self._last[0]), (clusters, self._last[1])):
            for name, loss_e12 in now.items():
                need(loss_e12 <= before.get(name, 0) + gained_e12, "risk grew", name, loss_e12)
        need(total <= self._last[2] + gained_e12, "risk of all grew", total, self._last[2])

    def _realised(self):
        positions = self.engine.portfolio._positions
        return {market_id: position.realised_e12 for market_id, position in positions.items()}

    def _after(self, before, placed):
        engine = self.engine
        decisions = {decision.decision_id: decision for decision in engine.new_decisions}
        # Getting out of half a trade goes before everything, and nothing else may count on it.
        unwinding = {
            command.order_id
            for command in placed
            if decisions[command.decision_id].outcome == "unwinding"
        }
        limits = {}
        for command in placed:
            if command.order_id in unwinding:
                continue
            self._may_leave(command)
            market = engine.markets.find(command.market_id)
            limits[command.market_id] = market.cluster_id, self._limits_e12(market)
        self._within(limits, before, exposures_e12(self.truth, unwinding))
        self._within_budgets(placed, unwinding, decisions)
        self._within_hard_limits([c for c in placed if c.order_id not in unwinding])
        self._orders()
        self._reduces_only({decision.market_id for decision in engine.new_decisions})
        self._last, self._realised_e12 = exposures_e12(self.truth), self._realised()
        self._last_used = {budget: self._used_e12(budget) for budget in BUDGETS}
        self._is_selling = any(
            order.component != MAKER and not order.is_buy for order in engine.orders.all_live()
        )

    def _limits_e12(self, market):
        caps = self.caps
        shares = (caps.market_cap_share, caps.cluster_cap_share, caps.aggregate_cap_share)
        return [self._share_e12(market, share) for share in shares]

    def _share_e12(self, market, share):
        hours = market.hours_to_close
        factor = CAP_FACTOR.get(market.state, 0.0) * (0.5 if hours is None or hours < 48 else 1.0)
        equity_e12 = max(0, self.engine.portfolio.equity_e12)
        return round(equity_e12 * share * factor)

    # --- budgets -------------------------------------------------------------------------

    def _spending(self, budget, without=frozenset()):
        """What the open orders of a budget's components may spend, but for some orders."""
        spending = Spending(self.engine, self.costs)
        for order in self.engine.orders.all_live():
            if budget_of(order.component) == budget and order.order_id not in without:
                spending.add(order.component, order, order.leaves_e6)
        return spending

    def _held_e12(self, budget):
        components = [name for name in self.costs.components() if budget_of(name) == budget]
        return sum((self.costs.cost_e12(name) for name in components), Fraction(0))

    def _used_e12(self, budget):
        return self._held_e12(budget) + self._spending(budget).total_e12

    def _within_budgets(self, placed, unwinding, decisions):
        """In the order in which they left: each purchase fits, and what follows it in its trade."""
        taking = [command for command in placed if command.component != MAKER]
        for budget in BUDGETS:
            mine = [command for command in taking if budget_of(command.component) == budget]
            ids = {command.order_id for command in mine}
            held_e12, spending = self._held_e12(budget), self._spending(budget, ids)
            for command in mine:
                order = self.engine.orders.find(command.order_id)
                adds = spending.add(order.component, order, order.size_e6)
                if not adds or command.order_id in unwinding:
                    continue
                market = self.engine.markets.find(command.market_id)
                caps = self.caps
                share = (
                    caps.satellite_budget_share
                    if budget == "satellite"
                    else caps.taker_budget_share
                )
                limit_e12 = self._share_e12(market, share)
                used_e12 = held_e12 + spending.total_e12
                most_e12 = limit_e12 + self._fee_rounding_e12 + 10**7
                need(used_e12 <= most_e12, budget, "budget", float(used_e12), limit_e12, order)
                self.stats[f"brim of {budget}"] += used_e12 > limit_e12 * Fraction(98, 100)
                whole = Spending(self.engine, self.costs)
                whole.free_e6 = dict(spending.free_e6)
                for leg in decisions[command.decision_id].proposal.trade_legs[1:]:
                    whole.add(order.component, leg, leg.size_e6)
                used_e12 += whole.total_e12
                need(
                    used_e12 <= most_e12 + 10**8, budget, "whole trade", float(used_e12), limit_e12
                )

    def _within(self, limits, before, now):
        """Each cap holds, or was broken before and nothing was added."""
        for market_id, (cluster, _) in limits.items():
            of_cluster = [each[1] for name, each in limits.values() if name == cluster]
            for what, at, key, cap in (
                ("market", 0, market_id, limits[market_id][1][0]),
                ("cluster", 1, cluster, max(of_cluster)),
            ):
                most = max(cap, before[at].get(key, 0))
                need(now[at][key] <= most + ROUNDING_E12, what, "cap", key, now[at][key], most)
                self.stats[f"brim of {what}"] += most == cap and now[at][key] > cap * 0.98
        if limits:
            most = max([each[2] for _, each in limits.values()] + [before[2]])
            need(now[2] <= most + ROUNDING_E12, "aggregate cap", now[2], most)
            self.stats["brim of aggregate"] += most > before[2] and now[2] > most * 0.98

    # --- single orders -------------------------------------------------------------------

    def _may_leave(self, command):
        engine, public = self.engine, self.world.markets[command.market_id]
        market, order = engine.markets.find(command.market_id), engine.orders.find(command.order_id)
        now_ns, tick_e4 = engine.moment.now_ns, public.known_tick
        proven = public.is_current(now_ns, engine.settings.feed.max_book_age_s)
        need(proven, "placed on a book nobody proved", command, public.proof_ns)
        need(not public.resolved, "placed in a resolved market", command)
        need(market.state in CAP_FACTOR, "placed in state", market.state)
        need(public.spec.accepting_orders and not public.spec.closed, "not accepting", command)
        need(command.market_id in self.world.followed, "placed in a dropped market", command)
        need(command.post_only == (command.component == MAKER), "post-only is the maker's")
        need(command.price_e4 % tick_e4 == 0, "off the grid", command, tick_e4)
        need(tick_e4 <= command.price_e4 <= 10_000 - tick_e4, "outside the grid", command)
        need(command.size_e6 % 10_000 == 0, "no whole size step", command)
        need(command.size_e6 >= max(1, market.min_size_e6), "below the minimum", command)
        need(not self._halted, "placed after the halt", command)
        if command.post_only:
            need(public.is_two_sided, "quoted without two sides", command, public.best)
            bid_e4, ask_e4 = public.best
            price_e4 = order.yes_price_e4
            inside = price_e4 < ask_e4 if order.side == "bid" else price_e4 > bid_e4
            need(inside, "crosses the book", command, public.best)
        if market.state in REDUCE_ONLY:
            net_e6 = market.position.net_yes_e6
            most_e6 = -net_e6 if order.side == "bid" else net_e6
            need(command.size_e6 <= most_e6, "adds where one may only reduce", command, net_e6)

    def _reduces_only(self, market_ids):
        for market_id in sorted(market_ids):
            market = self.engine.markets.find(market_id)
            if market.state not in REDUCE_ONLY or self.ghosts:
                continue
            net_e6 = market.position.net_yes_e6
            for order in market.orders:
                most_e6 = max(0, -net_e6 if order.side == "bid" else net_e6)
                leaves = order.status is OrderStatus.LEAVING or order.component != MAKER
                need(leaves or order.leaves_e6 <= most_e6, "kept, and adds", order, net_e6)

    def _within_hard_limits(self, placed):
        """What leaves keeps ``limits:``, counted from the registers; getting out costs nothing."""
        limits, engine = self.engine.settings.limits, self.engine
        live = list(engine.orders.all_live())
        if placed:
            need(len(live) <= limits.max_open_orders, "open orders", len(live))
            need(len(live) == engine.orders.live_count, "orders are counted wrong")
        costs = {}
        for market_id in {*engine.portfolio.held(), *(order.market_id for order in live)}:
            net_e6 = engine.portfolio.position_of(market_id).net_yes_e6
            mark_e6 = engine.portfolio.mark_e6(market_id) or 0
            cost_e12 = net_e6 * mark_e6 if net_e6 > 0 else -net_e6 * (10**6 - mark_e6)
            for order in engine.orders.live(market_id):
                if order.is_buy:
                    cost_e12 += order.leaves_e6 * order.price_e4 * 100
            costs[market_id] = cost_e12
        for command in placed:
            order = engine.orders.find(command.order_id)
            cost_e12 = order.size_e6 * order.price_e4 * 100
            need(cost_e12 <= limits.max_order_usd * 1e12, "order of", cost_e12 / 1e12)
            net_e6 = engine.portfolio.position_of(order.market_id).net_yes_e6
            pairs_e6 = net_e6 if order.side == "ask" else -net_e6
            if not order.is_buy or order.size_e6 <= pairs_e6:
                continue
            self.stats["held to limits"] += 1
            free_e12 = sum(
                other.leaves_e6 * other.price_e4 * 100
                for other in engine.orders.live(order.market_id)
                if other.side == ("ask" if net_e6 > 0 else "bid")
                and other.is_buy
                and other.size_e6 <= abs(net_e6)
            )
            here_e12 = costs[order.market_id] - free_e12
            need(here_e12 <= limits.max_market_usd * 1e12, "market costs", here_e12 / 1e12)
            pairing_e12 = sum(
                other.leaves_e6 * other.price_e4 * 100
                for other in live
                if other.is_buy and self._pairs(other)
            )
            total_e12 = sum(costs.values()) - pairing_e12
            need(total_e12 <= limits.max_total_usd * 1e12, "all cost", total_e12 / 1e12)

    def _pairs(self, order):
        net_e6 = self.engine.portfolio.position_of(order.market_id).net_yes_e6
        return order.size_e6 <= (net_e6 if order.side == "ask" else -net_e6)

    def _orders(self):
        orders, portfolio = self.engine.orders, self.engine.portfolio
        reserved_e12 = sum(order.reserved_e12 for order in orders.all_live())
        need(reserved_e12 == orders.reserved_e12, "reserved", reserved_e12, orders.reserved_e12)
        if not self.ghosts:
            need(0 <= reserved_e12 <= portfolio.cash_e12, "cash", portfolio.cash_e12, reserved_e12)
        for market_id in orders.markets_with_live():
            live = list(orders.live(market_id))
            need(all(order.leaves_e6 > 0 for order in live), "a filled order is live")
            quotes = [order for order in live if order.component == MAKER]
            bids = [order.yes_price_e4 for order in quotes if order.side == "bid"]
            asks = [order.yes_price_e4 for order in quotes if order.side == "ask"]
            need(len(bids) < 2 and len(asks) < 2, "two quotes on a side", market_id)
            need(not bids or not asks or bids < asks, "crosses our own", *map(str, quotes))
            position = portfolio.position_of(market_id)
            if self.ghosts or self.world.markets[market_id].resolved:
                continue
            for is_yes, held_e6 in ((True, position.yes_e6), (False, position.no_e6)):
                selling = [o for o in quotes if not o.is_buy and o.is_yes is is_yes]
                promised_e6 = sum(order.leaves_e6 for order in selling)
                need(promised_e6 <= held_e6, "sells more than is held", market_id, promised_e6)

    # --- money ---------------------------------------------------------------------------

    def _money(self):
        portfolio = self.engine.portfolio
        error_e12 = portfolio.attribution_error_e12
        need(error_e12 == 0, "attribution", error_e12)
        change_e12 = portfolio.equity_e12 - portfolio.bankroll_e12
        parts_e12 = portfolio.realised_e12 + portfolio.unrealised_e12
        need(parts_e12 == change_e12, "realised + unrealised", parts_e12, change_e12)
        held = portfolio.held()
        value_e12 = sum(held[one].value_e12(portfolio.mark_e6(one)) for one in held)
        need(portfolio.cash_e12 + value_e12 == portfolio.equity_e12, "equity")
        need(portfolio.peak_equity_e12 >= portfolio.equity_e12, "peak")

    def _same_as_paper(self):
        """The venue's base books and the engine's are kept apart and must be the same."""
        engine, paper, portfolio = self.engine, self.machine.paper, self.engine.portfolio
        base = paper._executions.ledgers[1].account
        need(base.cash_e12 == portfolio.cash_e12, "cash", base.cash_e12, portfolio.cash_e12)
        for market_id in sorted(portfolio._positions.keys() | base.holdings.keys()):
            position = portfolio.position_of(market_id)
            for is_yes, mine_e6 in ((True, position.yes_e6), (False, position.no_e6)):
                theirs_e6 = base.held_e6(market_id, is_yes)
                need(mine_e6 == theirs_e6, "holding", market_id, is_yes, mine_e6, theirs_e6)
        equity_e12 = paper.results(portfolio.marks())["base"].equity_e12
        need(equity_e12 == portfolio.equity_e12, "equity", equity_e12, portfolio.equity_e12)
        for order_id, queued in paper._orders.items():
            order = engine.orders.find(order_id)
            need(order.is_live, "the venue has what the engine thinks gone", order_id)
            need(order.leaves_e6 == queued.leaves_e6[1], "leaves", order_id)
        for order in engine.orders.all_live():
            known = order.order_id in paper._orders or order.component != MAKER
            need(known, "nobody has what the engine waits for", order)
        for market_id, public in self.world.markets.items():
            theirs, mine = paper._markets.get(market_id), engine.markets.find(market_id)
            if theirs is not None and mine is not None:
                ticks = {theirs.tick_e4, mine.tick_e4, public.known_tick}
                need(len(ticks) == 1, "ticks", market_id, ticks)
                need(theirs.min_size_e6 == mine.min_size_e6, "minimum sizes", market_id)
