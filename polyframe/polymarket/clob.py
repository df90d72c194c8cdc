"""The gateway to Polymarket's private API: orders out, answers in, each with what is known of it.

Requests that change something go through the official client; reads are our own
(:mod:`~polyframe.polymarket.clob_account`). Whatever the venue does to a request becomes a value:
placing and cancelling never raise for it. Nothing is sent twice here; whoever has stored a
:class:`~polyframe.polymarket.signed_intent.SignedIntent` may send it again.
"""

from __future__ import annotations

import secrets
from collections.abc import Callable, Iterable, Sequence
from typing import TYPE_CHECKING, Final

import anyio

from polyframe.commands import PlaceOrder
from polyframe.live_settings import LimitSettings, ProductionSettings
from polyframe.model import MarketSpec
from polyframe.polymarket.account_words import (
    Cancelled,
    Placement,
    PlaceResult,
    VenueFill,
    VenueOrder,
)
from polyframe.polymarket.auth import ApiCredentials
from polyframe.polymarket.clob_account import AccountReads, Balances
from polyframe.polymarket.clob_outcomes import (
    Failure,
    cancelled_by_failure,
    failure_code,
    missing_leg,
    mode_of_code,
    placement_of_failure,
    placement_of_leg,
)
from polyframe.polymarket.keys import PrivateKey
from polyframe.polymarket.official_client import ClobError, failure_of, post
from polyframe.polymarket.order_building import TradingWallet
from polyframe.polymarket.request_budget import RequestBudget, SignerLimits
from polyframe.polymarket.rest import Params
from polyframe.polymarket.signed_intent import SALT_BITS, SignedIntent, VenueContracts, sign_intent
from polyframe.polymarket.venue_modes import ModeNow, VenueModes

if TYPE_CHECKING:
    from polymarket import AsyncSecureClient

MOST_ORDERS: Final = 15
"""Orders in one POST /orders (venue.md 0.2.8)."""
MOST_CANCELS: Final = 60
"""Ids in one DELETE /orders: half of what a Standard signer may cancel at once (venue.md 2.11)."""


class Clob:
    """One account at the CLOB; made by :func:`polyframe.polymarket.clob_opening.open_clob`.

    ``wallet`` is whose orders these are, ``credentials`` the API key's, ``budget`` the bucket
    to take from before placing (the venue's limiter closes it here), ``heard`` what answers
    last said of the signer's buckets, ``client`` the official client beneath, for chores.
    """

    def __init__(
        self,
        client: AsyncSecureClient,
        reads: AccountReads,
        *,
        wallet: TradingWallet,
        credentials: ApiCredentials,
        key: PrivateKey,
        contracts: VenueContracts,
        settings: ProductionSettings,
        limits: LimitSettings,
        heard: SignerLimits,
        clock: Callable[[], int],
        on_mode: Callable[[ModeNow], None],
    ) -> None:
        self.wallet = wallet
        self.credentials = credentials
        self.budget = RequestBudget(settings.order_rate_per_s, settings.order_burst)
        self.heard = heard
        self.client = client
        self._reads = reads
        self._key = key
        self._contracts = contracts
        self._settings = settings
        self._max_order_usd = limits.max_order_usd
        self._clock = clock
        self._modes = VenueModes(on_mode)

    @property
    def mode(self) -> ModeNow:
        """What the engine takes now, as far as answers have told."""
        return self._modes.now(self._clock())

    # --- signing ------------------------------------------------------------------------

    def sign(self, command: PlaceOrder, spec: MarketSpec, now_ns: int) -> SignedIntent:
        """Return a command's order signed, to be stored and then placed.

        CPU only; safe in a worker thread. Two calls sign two orders.

        Args:
            command: what is asked.
            spec: of its market, as it is now.
            now_ns: UTC nanoseconds.

        Raises:
            SigningRefused: the last gate does not let it through.
        """
        return sign_intent(
            command,
            spec,
            wallet=self.wallet,
            key=self._key,
            api_key=self.credentials.key,
            salt=secrets.randbits(SALT_BITS),
            now_ns=now_ns,
            max_order_usd=self._max_order_usd,
            venue=self._contracts,
        )

    # --- placing and cancelling -----------------------------------------------------------

    async def place(self, intents: Sequence[SignedIntent]) -> list[Placement]:
        """Post signed orders and return the outcome of each, in their order.

        At most 15 go in one request; requests leave together, and the venue promises no order
        between them. The budget is not asked. An order that may be in is UNKNOWN: ask for it
        by its id, or send the same intent again, which the venue refuses as a duplicate
        (UNKNOWN, code ``duplicate``) where it is in.
        """
        found: dict[int, Placement] = {}

        async def send(start: int) -> None:
            batch = intents[start : start + MOST_ORDERS]
            for index, placement in enumerate(await self._post(batch), start):
                found[index] = placement

        async with anyio.create_task_group() as tasks:
            for start in range(0, len(intents), MOST_ORDERS):
                tasks.start_soon(send, start)
        return [found[index] for index in range(len(intents))]

    async def cancel(self, venue_ids: Iterable[str]) -> Cancelled:
        """Cancel orders by the venue's ids; never held back.

        ``is_known`` is False where the fate of a request is not known: send it again.
        """
        wanted = list(dict.fromkeys(venue_ids))
        done: list[Cancelled] = []

        async def send(batch: tuple[str, ...]) -> None:
            done.append(await self._cancel(batch))

        async with anyio.create_task_group() as tasks:
            for start in range(0, len(wanted), MOST_CANCELS):
                tasks.start_soon(send, tuple(wanted[start : start + MOST_CANCELS]))
        return _joined(done)

    async def cancel_all(self) -> Cancelled:
        """Cancel every open order of the API key, foreign ones too; never held back."""
        return await self._cancel(None)

    async def heartbeat(self, previous_id: str) -> str:
        """Tell the venue that we live; return the id to send next time.

        From the first one on, ten silent seconds cancel everything (venue.md 0.2.10). One whose
        id is stale is sent again at once with the id the venue expects.

        Args:
            previous_id: what the last one returned, "" for the first.

        Raises:
            ClobError: not acknowledged.
        """
        heartbeat_id = previous_id
        for _attempt in range(2):
            failure: Failure
            try:
                with anyio.fail_after(
                    min(self._settings.request_timeout_s, self._settings.heartbeat_s)
                ):
                    beat = await self.client.send_order_heartbeat(heartbeat_id=heartbeat_id)
                return beat.heartbeat_id
            except Exception as error:  # noqa: BLE001 - whatever it was, nothing was acknowledged
                failure = failure_of(error)
            self._learn(failure)
            if failure.heartbeat_id is None:
                break
            heartbeat_id = failure.heartbeat_id
        raise ClobError(f"no heartbeat: {failure_code(failure)}: {failure.text}", failure.status)

    # --- questions --------------------------------------------------------------------------

    async def open_orders(self) -> list[VenueOrder]:
        """See :meth:`.AccountReads.open_orders`."""
        return await self._reads.open_orders()

    async def order(self, venue_id: str) -> VenueOrder | None:
        """See :meth:`.AccountReads.order`."""
        return await self._reads.order(venue_id)

    async def fills_since(self, unix_s: int) -> list[VenueFill]:
        """See :meth:`.AccountReads.fills_since`."""
        return await self._reads.fills_since(unix_s)

    async def balances(self, token_ids: Iterable[str] = ()) -> Balances:
        """See :meth:`.AccountReads.balances`."""
        return await self._reads.balances(token_ids)

    async def closed_only(self) -> bool:
        """See :meth:`.AccountReads.closed_only`."""
        return await self._reads.closed_only()

    async def rate_tier(self) -> str | None:
        """See :meth:`.AccountReads.rate_tier`."""
        return await self._reads.rate_tier()

    async def read(self, path: str, params: Params) -> bytes:
        """Return the body of another private GET of this account; ClobError as above."""
        return await self._reads.read(path, params)

    async def server_time(self) -> int:
        """See :meth:`.AccountReads.server_time`."""
        return await self._reads.server_time()

    # --- one request --------------------------------------------------------------------------

    async def _post(self, intents: Sequence[SignedIntent]) -> list[Placement]:
        try:
            with (
                self.heard.asking("orders"),
                anyio.fail_after(self._settings.request_timeout_s),
            ):
                legs = await post(self.client, intents)
        except Exception as error:  # noqa: BLE001 - whatever it was, the orders may be in
            failure = failure_of(error)
            self._learn(failure)
            return [placement_of_failure(one.order_id, failure) for one in intents]
        placements: list[Placement] = []
        for index, intent in enumerate(intents):
            if index >= len(legs):
                placements.append(missing_leg(intent.order_id))
                continue
            placement = placement_of_leg(intent.order_id, intent.venue_id, legs[index])
            placements.append(placement)
            self._learn_from(placement, is_post_only=intent.post.is_post_only)
        return placements

    async def _cancel(self, venue_ids: tuple[str, ...] | None) -> Cancelled:
        """Cancel these, or everything for None."""
        self.budget.count_cancels(1 if venue_ids is None else len(venue_ids))
        try:
            with (
                self.heard.asking("cancels"),
                anyio.fail_after(self._settings.request_timeout_s),
            ):
                answer = await (
                    self.client.cancel_all()
                    if venue_ids is None
                    else self.client.cancel_orders(order_ids=venue_ids)
                )
        except Exception as error:  # noqa: BLE001 - whatever it was, they may be cancelled
            failure = failure_of(error)
            self._learn(failure, is_cancel=True)
            return cancelled_by_failure(venue_ids or (), failure)
        gone = tuple(str(one) for one in answer.canceled)
        refused = {str(one): why for one, why in answer.not_canceled.items()}
        left_out = [one for one in venue_ids or () if one not in gone and one not in refused]
        return Cancelled(
            gone=gone,
            refused=refused,
            is_known=not left_out,
            message=f"the answer leaves out {len(left_out)} orders" if left_out else "",
        )

    # --- what answers tell besides ------------------------------------------------------------

    def _learn(self, failure: Failure, *, is_cancel: bool = False) -> None:
        code = failure_code(failure)
        now_ns = self._clock()
        mode = mode_of_code(code)
        if mode is not None:
            self._modes.refused(mode, failure.retry_after_s, failure.text, now_ns)
        if code == "rate_limited" and not is_cancel:
            self.budget.close(now_ns, reset_s=failure.reset_s, retry_after_s=failure.retry_after_s)

    def _learn_from(self, placement: Placement, *, is_post_only: bool) -> None:
        now_ns = self._clock()
        mode = mode_of_code(placement.code)
        if mode is not None:
            self._modes.refused(mode, None, placement.message, now_ns)
        elif placement.result is PlaceResult.ACCEPTED:
            self._modes.accepted(now_ns, post_only=is_post_only)


def _joined(parts: Sequence[Cancelled]) -> Cancelled:
    refused: dict[str, str] = {}
    for part in parts:
        refused |= part.refused
    return Cancelled(
        gone=tuple(one for part in parts for one in part.gone),
        refused=refused,
        is_known=all(part.is_known for part in parts),
        message="; ".join(dict.fromkeys(part.message for part in parts if part.message)),
    )
