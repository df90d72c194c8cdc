"""Opening an account for a run: lock, disk, venue, preflight, and the state it goes on from."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable, Iterator, Mapping
from contextlib import asynccontextmanager, closing, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from polyframe.errors import UsageError, VenueError
from polyframe.live_settings import ProductionSettings
from polyframe.model import FeeSchedule
from polyframe.money import usd, usd_e12
from polyframe.polymarket.chores import ChoreDone, Chores
from polyframe.polymarket.clob import Clob
from polyframe.polymarket.clob_account import Balances as VenueBalances
from polyframe.polymarket.clob_opening import open_clob
from polyframe.polymarket.contracts import EXCHANGES
from polyframe.polymarket.data_positions import held_token_ids
from polyframe.polymarket.geoblock import geoblock_fault
from polyframe.polymarket.hosts import VenueUrls
from polyframe.runtime.carried import CarriedAccount
from polyframe.runtime.day import DAY_NS
from polyframe.runtime.engine import Begin
from polyframe.runtime.live.account_folder import AccountFolder
from polyframe.runtime.live.ledger import LiveLedger
from polyframe.runtime.live.statements import Balances, Statements
from polyframe.runtime.live.store import LedgerStore
from polyframe.runtime.live.watches import clock_fix, least_skew_s
from polyframe.settings import Settings

if TYPE_CHECKING:
    from polyframe.secrets.credentials import Credentials

_S_NS = 10**9
_E6 = 10**6


@dataclass(frozen=True, kw_only=True)
class LiveAccount:
    """An account that is ours alone for as long as the run lasts.

    ``account`` and ``documents`` are what the engine and the plugins begin from (None: with the
    bankroll); ``mode`` is what reports call the run: only orders at the live venue are
    ``production``.
    """

    clob: Clob
    ledger: LiveLedger
    store: LedgerStore
    folder: AccountFolder
    settings: Settings
    urls: VenueUrls
    clock: Callable[[], int]
    speed: float
    mode: str
    begin: Begin
    run_id: str
    account: CarriedAccount | None
    documents: Mapping[str, dict[str, Any]]


@asynccontextmanager
async def open_account(
    credentials: Credentials,
    settings: Settings,
    urls: VenueUrls,
    *,
    source: str,
    state_folder: Path,
    run_id: str,
    clock: Callable[[], int],
    speed: float,
    fees: Callable[[str], FeeSchedule | None],
    line: Callable[[str, Mapping[str, object]], None],
) -> AsyncIterator[LiveAccount]:
    """Open an account, or say in one line why it cannot be traded with.

    Args:
        credentials: whose it is.
        settings: of the strategy file.
        urls: the venue's addresses.
        source: ``live``, or what stands in for it.
        state_folder: where accounts are kept.
        run_id: the run that is going to trade.
        clock: market time, UTC ns.
        speed: market seconds a wall second.
        fees: a market's fee schedule, None for a market nobody knows.
        line: writes a line of the run's log.

    Raises:
        UsageError: another engine trades with it, or its kill switch is on.
        VenueError: the venue does not answer, or does not let us trade.
        PolyframeError: the disk does not do.
    """
    folder = AccountFolder(state_folder, source, credentials.account)
    with _used_or_gone(folder) as keep, folder.lock(credentials.signer):
        killed = folder.killed()
        if killed is not None:
            raise UsageError(
                f"{folder.path}: killed ({killed.why}, by {killed.by}): look into it, then "
                "'polyframe resume'"
            )
        with closing(LedgerStore(folder.path / "account.sqlite")) as store:
            loaded = store.load(clock() - DAY_NS)
            ledger = LiveLedger(
                loaded.account,
                run_id=run_id,
                fees=fees,
                unknown_after_ns=round(settings.production.unknown_after_s * _S_NS),
            )
            async with open_clob(
                urls,
                credentials.key_hex,
                settings=settings.production,
                limits=settings.limits,
                clock=clock,
                wallet=credentials.wallet,
                signature_type=credentials.signature_type,
                credentials=None if credentials.api is None else credentials.api.reveal(),
                relayer=credentials.relayer,
                speed=speed,
                is_ours=ledger.is_ours,
            ) as clob:
                held = await _preflight(clob, settings.production, urls, source, clock, line)
                if not ledger.books.is_opened:
                    await _open_books(ledger, store, clob, urls, settings, clock, line)
                keep()
                snapshot = loaded.snapshot
                account = as_opened(ledger, settings) if snapshot is None else snapshot.account
                line(
                    "Account",
                    {"wallet": clob.wallet.address, "type": clob.wallet.signature_type.name,
                     "balance_usd": f"{held.cash_e6 / 1e6:.2f}",
                     "traded_usd": f"{usd(ledger.books.cash_e12):.2f}",
                     "orders_open": len(ledger.open_venue_ids()), "folder": folder.path},
                )  # fmt: skip
                numbers = ledger.numbers
                yield LiveAccount(
                    clob=clob,
                    ledger=ledger,
                    store=store,
                    folder=folder,
                    settings=settings,
                    urls=urls,
                    clock=clock,
                    speed=speed,
                    mode="production" if source == "live" else "rehearsal",
                    begin=Begin(
                        is_live=True,
                        order=numbers.order,
                        merge=numbers.merge,
                        redemption=numbers.redeem,
                    ),
                    run_id=run_id,
                    account=account,
                    documents={} if snapshot is None else snapshot.plugins,
                )


@contextmanager
def _used_or_gone(folder: AccountFolder) -> Iterator[Callable[[], None]]:
    """Leave no new folder behind where no account was opened; what is yielded says that one was."""
    is_kept = folder.path.exists()

    def keep() -> None:
        nonlocal is_kept
        is_kept = True

    try:
        yield keep
    finally:
        if not is_kept:
            folder.remove_unused()


def as_opened(ledger: LiveLedger, settings: Settings) -> CarriedAccount | None:
    """Return what an engine begins from where no run has left a snapshot.

    That is what the account was opened with, whatever bankroll the file names by now; None where
    it names the same.
    """
    opening_e12 = ledger.books.opening_cash_e12
    if opening_e12 == usd_e12(settings.capital.bankroll_usd):
        return None
    return CarriedAccount(
        run_id="", cash_e12=opening_e12, peak_equity_e12=opening_e12, day=None,
        day_start_equity_e12=opening_e12, positions=(),
    )  # fmt: skip


async def _preflight(
    clob: Clob,
    settings: ProductionSettings,
    urls: VenueUrls,
    source: str,
    clock: Callable[[], int],
    line: Callable[[str, Mapping[str, object]], None],
) -> VenueBalances:
    """Refuse what would fail with the first order; each refusal says what to do.

    Raises:
        VenueError: the venue does not let us trade.
    """
    sent_ns = clock()
    server_s = await clob.server_time()
    skew_s = least_skew_s(sent_ns, clock(), server_s)
    if abs(skew_s) > settings.max_clock_skew_s:
        raise VenueError(
            f"our clock is {skew_s:+.1f} s from the venue's (at most "
            f"{settings.max_clock_skew_s:g}): {clock_fix(is_live=source == 'live')}"
        )
    if source == "live" and (fault := await geoblock_fault(urls.geoblock)) is not None:
        raise VenueError(f"the venue does not trade from here: {fault}")
    if await clob.closed_only():
        raise VenueError(
            f"account {clob.wallet.address} is in closed-only mode: it may not open positions; "
            "ask Polymarket's support"
        )
    held = await clob.balances()
    if held.cash_e6 < settings.least_balance_usd * 1e6:
        raise VenueError(
            f"account {clob.wallet.address} holds {held.cash_e6 / 1e6:.2f} USD, less than "
            f"production.least_balance_usd {settings.least_balance_usd:g}: fund it, or set "
            "TRADING_ADDRESS to the wallet that has the money"
        )
    if not _missing(held):
        return held
    line("Allowances are missing", {"contracts": ",".join(_missing(held))})
    outcome = await Chores(clob.client).approve_missing()
    held = await clob.balances()
    if missing := _missing(held):
        why = "they do not show yet" if isinstance(outcome, ChoreDone) else outcome.message
        raise VenueError(
            f"account {clob.wallet.address} does not allow {', '.join(missing)} to move its cash, "
            f"and could not be made to ({why}): approve them at polymarket.com, then start again"
        )
    return held


def _missing(held: VenueBalances) -> list[str]:
    """Return the exchange contracts that may not move all of the cash."""
    return [one for one in EXCHANGES if held.allowances.get(one, 0) < held.cash_e6]


async def _open_books(
    ledger: LiveLedger,
    store: LedgerStore,
    clob: Clob,
    urls: VenueUrls,
    settings: Settings,
    clock: Callable[[], int],
    line: Callable[[str, Mapping[str, object]], None],
) -> None:
    """Begin an account's books: the bankroll is traded with, everything else is set aside."""
    asked_ns = clock()
    tokens = await held_token_ids(urls.data, clob.wallet.address)
    held = await clob.balances(tokens)
    balances = Balances(asked_ns=asked_ns, cash_e12=held.cash_e6 * _E6, tokens_e6=held.tokens_e6)
    bankroll_e12 = usd_e12(settings.capital.bankroll_usd)
    if balances.cash_e12 < bankroll_e12:
        raise VenueError(
            f"account {clob.wallet.address} holds {usd(balances.cash_e12):.2f} USD, less than "
            f"capital.bankroll_usd {settings.capital.bankroll_usd:g}: fund it, or lower that"
        )
    change = Statements(ledger.books).open_account(bankroll_e12, balances, clock())
    store.apply(change.rows)
    ledger.given(change)
    kept = sum(1 for size_e6 in held.tokens_e6.values() if size_e6)
    line(
        "Books opened",
        {"traded_usd": f"{usd(ledger.books.opening_cash_e12):.2f}",
         "set_aside_usd": f"{usd(balances.cash_e12 - ledger.books.opening_cash_e12):.2f}",
         "set_aside_tokens": kept},
    )  # fmt: skip
