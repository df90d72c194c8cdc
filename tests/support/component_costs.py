"""What each component's tokens cost, from the list of fills alone.

An oracle for the budgets: it keeps every fill of the account and replays them all from the
first, with fractions, whenever it is asked. A fill that was taken back is left out of the list.
"""

from collections import defaultdict
from fractions import Fraction

MAKER = "maker"
TOKENS = (True, False)


class Costs:
    def __init__(self):
        self._log = defaultdict(list)
        self._replays = {}

    def fill(self, fill):
        log = self._log[fill.market_id]
        self._replays.pop(fill.market_id, None)
        if not fill.is_reversal:
            log.append(fill)
            return
        taken_back = (fill.reverses, fill.order_id)
        log[:] = [
            one
            for one in log
            if isinstance(one, tuple) or (one.trade_id, one.order_id) != taken_back
        ]

    def account(self, market_id, yes_e6, no_e6):
        """The account is seen to hold this; what it lacks was merged or paid out."""
        held = self._replay(market_id)
        total = [sum(tokens[token][0] for tokens in held.values()) for token in TOKENS]
        if any(mine > there for mine, there in zip(total, (yes_e6, no_e6), strict=True)):
            self._log[market_id].append((yes_e6, no_e6))
            del self._replays[market_id]

    def held_e6(self, market_id, component, is_yes):
        return self._replay(market_id)[component][is_yes][0]

    def cost_e12(self, component):
        return sum(
            cost
            for market_id in self.markets
            for _, cost in self._replay(market_id)[component].values()
        )

    def components(self):
        found = {
            fill.component
            for log in self._log.values()
            for fill in log
            if not isinstance(fill, tuple)
        }
        return sorted(found - {MAKER})

    @property
    def markets(self):
        return list(self._log)

    def _replay(self, market_id):
        if market_id not in self._replays:
            self._replays[market_id] = self._replayed(market_id)
        return self._replays[market_id]

    def _replayed(self, market_id):
        account = dict.fromkeys(TOKENS, 0)
        held = defaultdict(lambda: {token: [0, Fraction(0)] for token in TOKENS})
        for one in self._log.get(market_id, ()):
            if isinstance(one, tuple):
                account = dict(zip(TOKENS, one, strict=True))
                _merged(held, account)
            else:
                cash = Fraction(one.price_e4 * 100 * one.size_e6)
                mine = {token: [account[token], Fraction(0)] for token in TOKENS}
                _trade(mine, one, cash)
                account = {token: size for token, (size, _) in mine.items()}
                if one.component != MAKER:
                    _trade(held[one.component], one, cash)
            for tokens in held.values():
                for token in TOKENS:
                    _keep(tokens[token], account[token])
        return held


def _trade(tokens, fill, cash):
    bought, other = tokens[fill.is_yes], tokens[not fill.is_yes]
    if fill.is_buy:
        bought[0] += fill.size_e6
        bought[1] += cash + fill.fee_e12
        return
    short = max(0, fill.size_e6 - bought[0])
    _keep(bought, bought[0] - fill.size_e6 + short)
    if short:
        # A share sold that nobody has is the other one bought: both together pay one dollar.
        other[0] += short
        other[1] += Fraction(short, fill.size_e6) * (
            Fraction(fill.size_e6 * 10**6) - cash + fill.fee_e12
        )


def _keep(held, most):
    if held[0] > most:
        held[1] = held[1] * most / held[0] if most else Fraction(0)
        held[0] = most


def _merged(held, account):
    """Pairs that all together have too many of, whoever has them loses."""
    lacking = min(
        sum(tokens[token][0] for tokens in held.values()) - account[token] for token in TOKENS
    )
    for component in sorted(held):
        tokens = held[component]
        pairs = max(0, min(lacking, tokens[True][0], tokens[False][0]))
        lacking -= pairs
        lost = max(pairs, *(tokens[token][0] - account[token] for token in TOKENS))
        for token in TOKENS:
            _keep(tokens[token], max(0, tokens[token][0] - lost))
