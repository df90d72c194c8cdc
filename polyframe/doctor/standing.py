"""Who trades, with what money, and what the venue lets them do; nothing secret is in a finding."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Final

import anyio

from polyframe.doctor.findings import Finding, doubt, fault, sound
from polyframe.doctor.reach import TIMEOUT_S, Reach
from polyframe.errors import VenueError
from polyframe.exchange.rate_limits import TIERS
from polyframe.polymarket import contracts
from polyframe.polymarket.auth import ApiCredentials
from polyframe.polymarket.clob_account import AccountReads, Balances
from polyframe.polymarket.hosts import VenueUrls
from polyframe.polymarket.operator_requests import OperatorAccount, derive_api_key
from polyframe.polymarket.order_signing import SignatureType
from polyframe.polymarket.rest import RestError
from polyframe.polymarket.wallets import deposit_wallets
from polyframe.secrets.credentials import Credentials
from polyframe.secrets.files import CredentialsRefused
from polyframe.settings import Settings

UNAUTHORIZED: Final = 401
_NAMES = ("balance", "allowances", "closed_only", "rate_tier")
_DEPOSIT: Final = SignatureType.DEPOSIT_WALLET
_SPENDERS = {
    contracts.STANDARD_EXCHANGE: "standard",
    contracts.NEG_RISK_EXCHANGE: "negative risk",
    contracts.EXCHANGE_V3: "v3",
}


def refused(error: CredentialsRefused) -> list[Finding]:
    """Return the findings of an account whose credentials cannot be had."""
    return [
        fault("credentials", error.found, error.fix),
        *(
            doubt(name, "not known: it needs credentials")
            for name in ("wallet", "relayer", *_NAMES)
        ),
    ]


async def checks(
    credentials: Credentials, urls: VenueUrls, reach: Reach, settings: Settings
) -> list[Finding]:
    """Return the checks of an account.

    Args:
        credentials: who trades.
        urls: the venue.
        reach: what of it answers, and its clock, by which requests are signed.
        settings: of the strategy file, or the defaults.
    """
    known = [_wallet(credentials), _relayer(credentials, settings)]
    if not reach.has_clob:
        unknown = "the CLOB does not answer"
        held = doubt("credentials", f"{credentials.origin}, not verified: {unknown}")
        return [held, *known, *_unknown(unknown)]
    verdict, api = await _verified(credentials, urls, reach)
    if api is None:
        return [verdict, *known, *_unknown("the credentials are not verified")]
    account = OperatorAccount(
        urls.clob, api, credentials.trading_wallet, clock=reach.clock, timeout_s=TIMEOUT_S
    )
    async with account:
        return [verdict, *known, *await _asked(account.reads, settings)]


def _unknown(why: str) -> list[Finding]:
    return [doubt(name, f"not known: {why}") for name in _NAMES]


def _wallet(credentials: Credentials) -> Finding:
    kind, wallet = credentials.signature_type.name, credentials.trading_wallet
    if not credentials.is_wallet_named and credentials.signature_type is _DEPOSIT:
        _, older = deposit_wallets(credentials.signer)
        return doubt(
            "wallet",
            f"none named: {wallet.address} trades, the newer deposit wallet of "
            f"{credentials.signer}; the older one is {older}",
            "set TRADING_ADDRESS to the wallet that has the money",
        )
    owner = "" if credentials.signature_type is SignatureType.EOA else f" of {credentials.signer}"
    return sound("wallet", f"{wallet.address}, {kind}{owner}")


def _relayer(credentials: Credentials, settings: Settings) -> Finding:
    """Return whether what the file has turned into cash can be: a chore, not a trade."""
    if credentials.signature_type is SignatureType.EOA:
        return sound("relayer", "not needed: a plain address pays for its own transactions")
    if credentials.relayer is not None:
        return sound(
            "relayer", "POLY_RELAYER_KEY is set; the first chore shows whether it is taken"
        )
    least_usd, bankroll_usd = settings.capital.merge_above_usd, settings.capital.bankroll_usd
    # Pairs are bought with the bankroll: more than that no merge frees.
    merges = f"merge pairs (capital.merge_above_usd {least_usd:g})"
    wanted = [merges] if least_usd <= bankroll_usd else []
    if settings.production.redeem:
        wanted.append("redeem (production.redeem)")
    if not wanted:
        return sound("relayer", "POLY_RELAYER_KEY is not set, and nothing is merged or redeemed")
    return fault(
        "relayer",
        f"POLY_RELAYER_KEY is not set: the file wants to {' and '.join(wanted)}, and a "
        f"{credentials.signature_type.name} cannot without",
        "set it, or production.redeem: false and capital.merge_above_usd above the bankroll; then "
        "pairs and payouts wait for you, or for the venue's redeemer",
    )


async def _verified(
    credentials: Credentials, urls: VenueUrls, reach: Reach
) -> tuple[Finding, ApiCredentials | None]:
    """Return whether the venue takes the credentials, and what to ask it with, None if not."""
    where = credentials.origin
    try:
        if credentials.api is None:
            api = await derive_api_key(urls.clob, credentials.key, reach.clock, TIMEOUT_S)
            how = "API key derived"
        else:
            api, how = credentials.api.reveal(), "API key given"
        if api is None:
            found = f"{where}: no API key was ever made for {credentials.signer}"
            return doubt("credentials", found, "the first production run makes one"), None
        account = OperatorAccount(
            urls.clob, api, credentials.trading_wallet, clock=reach.clock, timeout_s=TIMEOUT_S
        )
        async with account:
            keys = await account.api_keys()
    except RestError as error:
        if error.status != UNAUTHORIZED:
            return doubt("credentials", f"{where}, not verified: {error}", "try again"), None
        fix = (
            "correct the key: the venue does not take its signature"
            if credentials.api is None
            else "correct POLY_API_KEY, POLY_API_SECRET and POLY_API_PASSPHRASE, or leave all "
            "three out: they follow from the key"
        )
        return fault("credentials", f"{where}: refused by the venue (401)", fix), None
    if api.key not in keys:
        fix = "leave POLY_API_KEY and its two companions out: they follow from the key"
        return fault("credentials", f"{where}: the API key is another account's", fix), None
    return sound("credentials", f"{where}, {how}, taken by the venue"), api


async def _asked(reads: AccountReads, settings: Settings) -> list[Finding]:
    """Return what the venue says of the account, every question at once."""
    found: dict[str, list[Finding]] = {}

    async def ask(name: str, question: Callable[[], Awaitable[list[Finding]]]) -> None:
        try:
            with anyio.fail_after(2 * TIMEOUT_S):
                found[name] = await question()
        except TimeoutError:
            found[name] = [doubt(name, "not known: no answer in time", "try again")]
        except VenueError as error:
            found[name] = [doubt(name, f"not known: {error}", "try again")]

    async def money() -> list[Finding]:
        held = await reads.balances()
        return [_balance(held, settings), _allowances(held)]

    async def standing() -> list[Finding]:
        return [_closed_only(await reads.closed_only())]

    async def tier() -> list[Finding]:
        return [_tier(await reads.rate_tier(), settings.production.order_rate_per_s)]

    async with anyio.create_task_group() as tasks:
        tasks.start_soon(ask, "balance", money)
        tasks.start_soon(ask, "closed_only", standing)
        tasks.start_soon(ask, "rate_tier", tier)
    if len(found["balance"]) == 1:
        found["balance"].append(doubt("allowances", "not known: as the balance"))
    return [*found["balance"], *found["closed_only"], *found["rate_tier"]]


def _balance(held: Balances, settings: Settings) -> Finding:
    usd, least = held.cash_e6 / 1e6, settings.production.least_balance_usd
    bankroll = settings.capital.bankroll_usd
    if usd < least:
        return fault(
            "balance", f"{usd:.2f} USD, a run wants {least:g} or more",
            "deposit on Polymarket, or set TRADING_ADDRESS to the wallet that has the money",
        )  # fmt: skip
    if usd < bankroll:
        fix = "deposit, or lower capital.bankroll_usd"
        return doubt("balance", f"{usd:.2f} USD, less than the bankroll of {bankroll:g}", fix)
    return sound("balance", f"{usd:.2f} USD, a bankroll of {bankroll:g}")


def _allowances(held: Balances) -> Finding:
    missing = [
        f"{name} ({address})"
        for address, name in _SPENDERS.items()
        if held.allowances.get(address, 0) < max(1, held.cash_e6)
    ]
    if missing:
        return fault(
            "allowances",
            f"too small for {', '.join(missing)}",
            "approve trading on Polymarket's website (the first trade there asks for it), then "
            "look again",
        )
    return sound("allowances", f"{', '.join(_SPENDERS.values())}: enough")


def _closed_only(is_closed: bool) -> Finding:
    if is_closed:
        return fault(
            "closed_only",
            "the account may only reduce what it holds",
            "ask Polymarket's support why; nothing can be opened until then",
        )
    return sound("closed_only", "the account may open positions")


def _tier(name: str | None, wanted_per_s: float) -> Finding:
    tier = TIERS.get(name or "")
    if name is None or tier is None:
        return doubt("rate_tier", f"{name or 'not told'}: its limits are not known here")
    told = f"{name}: {tier.orders_per_s} orders/s, {tier.cancels_per_s} cancels/s"
    if wanted_per_s > tier.orders_per_s:
        fix = f"lower production.order_rate_per_s to {tier.orders_per_s / 2:g}"
        return doubt("rate_tier", f"{told}; the file wants {wanted_per_s:g} orders/s", fix)
    return sound("rate_tier", told)
