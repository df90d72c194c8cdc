"""The private side of an exchange: keys, routes, user channel and chain over one desk."""

from __future__ import annotations

from collections.abc import Callable

from aiohttp import web

from polyframe.exchange.chain.ledger import Chain
from polyframe.exchange.chain.relayer import Relayer
from polyframe.exchange.chain.rpc import Rpc
from polyframe.exchange.private.api_keys import ApiKeys, Caller
from polyframe.exchange.private.intake import Intake
from polyframe.exchange.private.limits import SignerLimits
from polyframe.exchange.private.notices import Notices
from polyframe.exchange.private.requests import Doorman
from polyframe.exchange.private.rest_account import AccountRoutes
from polyframe.exchange.private.rest_auth import auth_routes
from polyframe.exchange.private.rest_orders import OrderRoutes
from polyframe.exchange.private.rest_rewards import RewardRoutes
from polyframe.exchange.private.user_channel import UserChannel
from polyframe.exchange.rate_limits import RateLimits
from polyframe.exchange.rest_answers import answer
from polyframe.exchange.trading.desk import OrderDesk
from polyframe.exchange.trading.terms import PrivateTerms


class PrivateSide:
    """Everything that asks who is calling.

    Args:
        desk: what takes the orders.
        terms: how accounts are treated.
        clock: market time, UTC ns.
        acted: called after the desk did something, to hand out frames and events at once.
        asked: called at the first sign of an account, to let market time begin.
    """

    def __init__(
        self,
        desk: OrderDesk,
        terms: PrivateTerms,
        clock: Callable[[], int],
        acted: Callable[[], None],
        asked: Callable[[], None],
    ) -> None:
        self.desk = desk
        self.keys = ApiKeys(terms.seed)
        self.limits = RateLimits(tier=terms.tier, is_enforced=terms.enforces_limits)
        self.channel = UserChannel(self.keys, clock, asked)
        self._doorman = Doorman(self.keys, clock, asked, terms.max_skew_s)
        self._orders = OrderRoutes(
            desk, Intake(terms.takes_eoa, terms.binds_dollars), SignerLimits(self.limits), clock,
            acted, legs_fail_openly=terms.legs_fail_openly,
        )  # fmt: skip
        self._account = AccountRoutes(desk, clock, acted)
        self._rewards = RewardRoutes(desk, clock)
        self._notices = Notices(desk.registry.orders)
        self.chain = Chain(desk, terms.seed)
        self._relayer = Relayer(self.chain, clock, asked)
        self._rpc = Rpc(self.chain, clock, asked)

    def routes(self) -> list[web.RouteDef]:
        """Return every private route, the user channel's, the relayer's and the node's."""
        return [
            *auth_routes(self._doorman, self.desk),
            *self._orders.routes(self._doorman),
            *self._account.routes(self._doorman),
            *self._rewards.routes(self._doorman),
            *self._notices.routes(self._doorman),
            web.get("/v1/user/rate-limit-tier", self._doorman.private(self._tier)),
            *self._relayer.routes(),
            *self._rpc.routes(),
            web.get("/ws/user", self.channel.handle),
        ]

    def deliver(self) -> None:
        """Tell accounts what happened to them since the last call."""
        events = self.desk.take_events()
        self._notices.note(events)
        self.channel.deliver(events)

    async def _tier(self, request: web.Request, caller: Caller, body: bytes) -> web.Response:
        return answer({"tier": self.limits.tier_of(caller.address).name})
