"""Random but legal event streams over a few markets, and a plain model of what they say."""

from random import Random

import msgspec

from polyframe import events
from polyframe.events import Side
from polyframe.model import FeeSchedule
from polyframe.testing.builders import a_spec

SECOND, HOUR, DAY = 10**9, 3600 * 10**9, 86_400 * 10**9
SHARE = 1_000_000
NOW = 1_750_000_000 * SECOND
replace = msgspec.structs.replace


class Public:
    """One market as the venue has it, and what the engine may know of it."""

    def __init__(self, spec, rng):
        self.spec = spec
        self.tick = spec.tick_e4
        self.rng = rng
        self.mid = rng.randrange(1500, 8500) // 100 * 100
        self.bids, self.asks = {}, {}
        self.new_book()
        # what the events told so far allow one to know
        self.known_bids, self.known_asks = {}, {}
        self.is_known = False
        self.connected = False
        self.proof_ns = None
        self.known_tick = spec.tick_e4
        self.resolved = False

    def new_book(self, kind="normal"):
        rng, tick = self.rng, self.tick
        step = max(tick, 100) if rng.random() < 0.7 else tick
        mid = self.mid // step * step
        half = rng.choice([1, 1, 1, 2, 3]) * step
        depth = rng.randrange(1, 6)
        bids = {
            mid - half - i * step: float(rng.choice([40, 300, 1500, 4000])) for i in range(depth)
        }
        asks = {
            mid + half + i * step: float(rng.choice([40, 300, 1500, 4000])) for i in range(depth)
        }
        if kind == "crossed":
            bids[min(asks) + rng.randrange(0, 3) * step] = 77.0
        elif kind == "no_bids":
            bids = {}
        elif kind == "no_asks":
            asks = {}
        elif kind == "empty":
            bids, asks = {}, {}
        self.bids = {p: s for p, s in bids.items() if 0 < p < 10_000}
        self.asks = {p: s for p, s in asks.items() if 0 < p < 10_000}

    # --- what is known ---------------------------------------------------------------

    def forget(self):
        self.is_known = False
        self.proof_ns = None

    def leave(self):
        self.forget()
        self.connected = False

    def learn(self, bids, asks, ts_ns):
        self.known_bids, self.known_asks = dict(bids), dict(asks)
        self.is_known = True
        self.proof_ns = ts_ns

    @property
    def best(self):
        return (
            max((p for p, s in self.known_bids.items() if s > 0), default=None),
            min((p for p, s in self.known_asks.items() if s > 0), default=None),
        )

    def is_current(self, now_ns, max_age_s):
        return (
            self.is_known
            and self.connected
            and self.proof_ns is not None
            and now_ns - self.proof_ns <= max_age_s * SECOND
        )

    @property
    def is_two_sided(self):
        bid, ask = self.best
        return bid is not None and ask is not None and bid < ask


class World:
    """Draws batches of events; ``rng`` decides everything."""

    def __init__(
        self,
        rng: Random,
        markets: int,
        *,
        resolves=True,
        drops=True,
        metadata=True,
        old_stamps=True,
        crossed=1,
    ):
        self.rng = rng
        self.kinds = ["normal"] * 16 + ["crossed"] * crossed + ["no_bids", "no_asks", "empty"]
        self.now_ns = NOW
        self.allow = {
            "resolves": resolves,
            "drops": drops,
            "metadata": metadata,
            "old_stamps": old_stamps,
        }
        self.markets = {}
        for i in range(markets):
            event_id = "nr" if i < 3 else ("ev" if i < 5 else f"e{i}")
            spec = a_spec(
                f"m{i}",
                token_ids=(f"m{i}-yes", f"m{i}-no"),
                market_event_id=event_id,
                neg_risk=i < 3,
                neg_risk_augmented=i == 0,
                tick_e4=rng.choice([100, 100, 10]),
                min_size_e6=rng.choice([5, 5, 1, 50]) * SHARE,
                fees=rng.choice([FeeSchedule(), FeeSchedule(rate=0.07, rebate_share=0.25)]),
                end_ns=NOW + rng.choice([30 * DAY, 30 * DAY, 30 * DAY, 75 * HOUR, 50 * HOUR]),
            )
            self.markets[spec.market_id] = Public(spec, rng)
        self.followed = list(self.markets)
        self.may_stay = frozenset  # set by who drives a machine
        self.trades = 0

    # --- batches -----------------------------------------------------------------------

    def start(self):
        specs = tuple(m.spec for m in self.markets.values())
        yield [events.RunStarted(self.now_ns, "run", "test")]
        yield [events.MarketsFetched(self.now_ns, specs)]
        tokens = tuple(t for spec in specs for t in spec.token_ids)
        yield [self.connect(tokens)]
        for market in self.markets.values():
            yield [self.snapshot(market)]

    def batch(self, own_orders):
        """``own_orders``: (market_id, yes_price_e4, is_bid) of what rests, for prints to aim at."""
        rng = self.rng
        self.now_ns += round(
            rng.choice([0.0, 0.02, 0.1, 0.3, 0.7, 1.5, 4.0, rng.choice([4.0, 9.0, 40.0, 130.0])])
            * SECOND
        )
        found = []
        if rng.random() < 0.004:
            self.now_ns += rng.choice([1, 6, 14]) * HOUR
            found += [self.snapshot(m) for m in self.markets.values()]
        for _ in range(rng.choice([1, 1, 1, 2, 4])):
            made = self.event(own_orders)
            found.extend(made if isinstance(made, list) else [made])
        return found

    def ts(self):
        if self.allow["old_stamps"] and self.rng.random() < 0.03:
            return self.now_ns - self.rng.randrange(0, 4 * SECOND)
        return self.now_ns

    def event(self, own_orders):
        rng = self.rng
        market = self.markets[rng.choice(list(self.markets))]
        if own_orders and rng.random() < 0.5:
            market = self.markets[rng.choice(own_orders)[0]]
        roll = rng.random()
        if roll < 0.20:
            return events.Tick(self.ts())
        if roll < 0.42:
            return self.change(market)
        if roll < 0.52:
            market.mid = min(9500, max(500, market.mid + rng.choice([-400, -100, 0, 100, 400])))
            market.new_book(rng.choice(self.kinds))
            return self.snapshot(market)
        if roll < 0.57:
            return self.snapshot(market)
        if roll < 0.80:
            return self.trade(market, own_orders)
        if roll < 0.83:
            return self.new_tick(market)
        if roll < 0.87:
            return self.connection()
        if roll < 0.91:
            return self.witness(market)
        if roll < 0.95:
            if self.allow["metadata"]:
                return self.metadata()
            return events.Tick(self.ts())
        if roll < 0.955:
            if self.allow["drops"]:
                return self.universe()
            return events.Tick(self.ts())
        if roll < 0.957:
            if self.allow["resolves"]:
                return self.resolve(market)
            return events.Tick(self.ts())
        return self.noise(market)

    # --- market data -------------------------------------------------------------------

    def snapshot(self, market, is_yes=None):
        rng = self.rng
        is_yes = rng.random() < 0.6 if is_yes is None else is_yes
        ts = self.ts()
        tick = market.tick if rng.random() < 0.6 else None
        bids, asks = list(market.bids.items()), list(market.asks.items())
        rng.shuffle(bids)
        if tick is not None and tick != market.known_tick:
            market.known_tick = tick
            market.forget()
        market.learn(market.bids, market.asks, ts)
        if not is_yes:
            bids, asks = [(10_000 - p, s) for p, s in asks], [(10_000 - p, s) for p, s in bids]
        return events.BookSnapshot(
            ts,
            ts // 1_000_000,
            market.spec.market_id,
            market.spec.token_ids[0 if is_yes else 1],
            tuple(bids),
            tuple(asks),
            tick,
            market.spec.min_size_e6 if rng.random() < 0.5 else None,
        )

    def change(self, market, level=None, size=None):
        rng, tick = self.rng, market.tick
        if level is None:
            off = rng.choice([0, 1, 2, 3, -1]) * tick * rng.choice([1, 1, 10 if tick == 10 else 1])
            is_bid = rng.random() < 0.5
            book = market.bids if is_bid else market.asks
            best = (
                max(market.bids, default=market.mid - 100)
                if is_bid
                else min(market.asks, default=market.mid + 100)
            )
            price = best - off if is_bid else best + off
            if rng.random() < 0.05:
                price += rng.choice([-3, 3, 5])
            size = (
                rng.choice([0.0, 0.0, 25.0, 300.0, 2000.0])
                if price in book
                else rng.choice([25.0, 300.0, 2000.0])
            )
        else:
            is_bid, price = level
        price = min(9999, max(1, price))
        book = market.bids if is_bid else market.asks
        if size:
            book[price] = size
        else:
            book.pop(price, None)
        ts = self.ts()
        yes, no = market.spec.token_ids
        both = rng.random()
        changes = []
        if both < 0.8:
            changes.append(events.LevelChange(yes, is_bid, price, size))
        if both > 0.6:
            changes.append(events.LevelChange(no, not is_bid, 10_000 - price, size))
        if market.is_known:
            known = market.known_bids if is_bid else market.known_asks
            if size:
                known[price] = size
            else:
                known.pop(price, None)
            market.proof_ns = ts
        return events.PriceChange(ts, ts // 1_000_000, market.spec.market_id, tuple(changes))

    def trade(self, market, own_orders):
        rng = self.rng
        mine = [o for o in own_orders if o[0] == market.spec.market_id]
        if mine and rng.random() < 0.8:
            _, price, is_bid = rng.choice(mine)
            through = rng.choice([0, 0, 1, 3]) * market.tick
            price = price - through if is_bid else price + through
        else:
            is_bid = rng.random() < 0.5
            best = max(market.bids, default=4000) if is_bid else min(market.asks, default=6000)
            price = best
        price = min(9999, max(1, price))
        self.trades += 1
        ts = self.ts()
        size = rng.choice([3, 20, 55, 150, 900, 20_000]) * SHARE + rng.choice([0, 0, 123_456])
        is_yes = rng.random() < 0.6
        print_ = events.TradePrint(
            ts,
            ts // 1_000_000,
            market.spec.market_id,
            market.spec.token_ids[0 if is_yes else 1],
            price if is_yes else 10_000 - price,
            size,
            rng.choice([Side.BUY, Side.SELL]),
            f"0x{self.trades}",
        )
        found = [print_]
        if rng.random() < 0.15:
            found.append(print_)
        book = market.bids if is_bid else market.asks
        if price in book and rng.random() < 0.6:
            left = max(0.0, book[price] - size / 1e6)
            follow = self.change(market, (is_bid, price), left)
            if rng.random() < 0.5:
                found.insert(0, follow)
            else:
                found.append(follow)
        return found

    def new_tick(self, market):
        rng = self.rng
        old = market.tick
        market.tick = rng.choice([t for t in (100, 10, 50, 1) if t != old])
        market.bids = {p: s for p, s in market.bids.items() if p % market.tick == 0}
        market.asks = {p: s for p, s in market.asks.items() if p % market.tick == 0}
        market.known_tick = market.tick
        market.forget()
        ts = self.ts()
        made = [
            events.TickSizeChange(ts, 0, market.spec.market_id, token, old, market.tick)
            for token in market.spec.token_ids
        ]
        made = made if rng.random() < 0.7 else made[:1]
        if rng.random() < 0.7:
            made.append(self.snapshot(market))
        return made

    def connection(self):
        rng = self.rng
        tokens = [t for m in self.followed for t in self.markets[m].spec.token_ids]
        if not tokens:
            return events.Tick(self.ts())
        some = (
            tuple(tokens)
            if rng.random() < 0.4
            else tuple(rng.sample(tokens, rng.randrange(1, min(5, len(tokens)) + 1)))
        )
        touched = [m for m in self.markets.values() if any(t in some for t in m.spec.token_ids)]
        down = [
            t
            for m in self.followed
            for t in self.markets[m].spec.token_ids
            if not self.markets[m].connected
        ]
        kind = rng.random()
        if down and kind < 0.85:
            return [
                self.connect(tuple(down)),
                *(self.snapshot(m) for m in self.markets.values() if m.connected),
            ]
        if kind < 0.45:
            for market in touched:
                market.forget()
                market.connected = False
            return events.FeedLost(self.ts(), 0, some, "test")
        made = [self.connect(some)]
        if rng.random() < 0.7:
            made += [self.snapshot(m) for m in touched]
        return made

    def connect(self, tokens):
        for market in self.markets.values():
            if any(t in tokens for t in market.spec.token_ids):
                market.forget()
                market.connected = True
        return events.FeedConnected(self.ts(), 0, tuple(tokens))

    def witness(self, market):
        rng = self.rng
        bids, asks = list(market.known_bids.items()), list(market.known_asks.items())
        ts = self.ts()
        if rng.random() < 0.6 and market.is_known:
            market.proof_ns = ts
        else:
            asks = [(p, s + 1.0) for p, s in asks] or [(9000, 5.0)]
            bids = [(p, s + 2.0) for p, s in bids]
        is_yes = rng.random() < 0.5
        if not is_yes:
            bids, asks = [(10_000 - p, s) for p, s in asks], [(10_000 - p, s) for p, s in bids]
        return events.BookWitness(
            ts, 0, market.spec.token_ids[0 if is_yes else 1], tuple(bids), tuple(asks)
        )

    def noise(self, market):
        rng = self.rng
        ts = self.ts()
        return rng.choice(
            [
                events.Unrecognised(ts, "x", "y"),
                events.MarketListed(ts, 0, "new", ("a", "b"), "?"),
                events.BestBidAsk(
                    ts, 0, market.spec.market_id, market.spec.token_ids[0], *market.best
                ),
                events.BestBidAsk(ts, 0, "nowhere", "nothing", None, None),
                events.PriceChange(
                    ts, 0, "nowhere", (events.LevelChange("nothing", True, 5000, 1.0),)
                ),
                events.PriceChange(ts, 0, market.spec.market_id, ()),
                events.BookSnapshot(ts, 0, "nowhere", "nothing", ((4000, 1.0),), ()),
                events.TradePrint(ts, 0, "nowhere", "nothing", 5000, SHARE, Side.BUY),
                events.TickSizeChange(ts, 0, "nowhere", "nothing", 100, 10),
                events.BookWitness(ts, 0, "nothing", (), ()),
                events.MarketResolved(ts, 0, "nowhere", ""),
                events.FeedLost(ts, 9, ("nothing",), "x"),
                events.FeedConnected(ts, 9, ("nothing",)),
                events.OrderAccepted(ts, "o-999999"),
                events.OrderRejected(ts, "o-999999", "x", "y"),
                events.OrderCancelled(ts, "o-999999", "x"),
                events.CancelRejected(ts, "o-999999", "x"),
                events.OrderFilled(ts, "o-999999", "t-1", 5000, SHARE, 0, True),
                events.MarketsFetched(ts, (), False, False, "broken"),
            ]
        )

    # --- the universe ------------------------------------------------------------------

    def metadata(self):
        rng = self.rng
        specs = []
        for market in rng.sample(list(self.markets.values()), rng.randrange(1, 3)):
            spec = market.spec
            change = rng.choice(["volume", "min", "end", "accept", "uma", "event", "tick", "neg"])
            if change == "min":
                spec = replace(spec, min_size_e6=rng.choice([1, 5, 50, 200]) * SHARE)
            elif change == "end":
                spec = replace(
                    spec,
                    end_ns=rng.choice(
                        [None, *(self.now_ns + h * HOUR for h in (-1, 20, 47, 60, *[300] * 10))]
                    ),
                )
            elif change == "accept":
                spec = replace(spec, accepting_orders=rng.random() < 0.8)
            elif change == "uma":
                spec = replace(
                    spec, uma_statuses=rng.choice([(), (), (), (), ("proposed",), ("odd",)])
                )
            elif change == "event":
                spec = replace(spec, market_event_id=rng.choice(["nr", "ev", "own", ""]))
            elif change == "neg":
                spec = replace(spec, neg_risk=not spec.neg_risk)
            elif change == "tick":
                spec = replace(spec, tick_e4=market.tick)
            elif change == "volume":
                spec = replace(spec, volume_24h_usd=spec.volume_24h_usd + 1)
            market.spec = spec
            specs.append(spec)
        return events.MarketsFetched(self.ts(), tuple(specs), universe=False)

    def universe(self):
        rng = self.rng
        names = [m for m in self.markets if rng.random() < 0.8] or list(self.markets)
        # What is held stays followed; where an order may still fill, only the engine knows.
        may_stay = self.may_stay()
        self.followed = [m for m in self.markets if m in names or m in may_stay]
        made = [events.MarketsFetched(self.ts(), tuple(self.markets[m].spec for m in names))]
        for name in self.markets:
            if name not in self.followed:
                self.markets[name].leave()
        if rng.random() < 0.8:
            tokens = tuple(t for m in names for t in self.markets[m].spec.token_ids)
            made.append(self.connect(tokens))
            made += [self.snapshot(self.markets[m]) for m in names]
        return made

    def subscribed(self, token_ids):
        """The engine follows these tokens and no others from now on."""
        self.followed = [m for m in self.markets if self.markets[m].spec.token_ids[0] in token_ids]
        for name in self.markets:
            if name not in self.followed:
                self.markets[name].leave()

    def resolve(self, market):
        rng = self.rng
        market.resolved = True
        winner = rng.choice([*market.spec.token_ids, *market.spec.token_ids, ""])
        return events.MarketResolved(self.ts(), 0, market.spec.market_id, winner)
