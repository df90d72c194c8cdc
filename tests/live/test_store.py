"""The account on disk: durable, whole or not at all, and honest about damage."""

import sqlite3
import stat
import subprocess
import sys
import textwrap
from contextlib import closing
from pathlib import Path
from random import Random

import pytest

from live_rehearsal import ShadowEngine
from live_store import RUN, StoreDisk, a_snapshot, changes, filled_store, play
from live_venue import MARKET, START, YES, S
from live_words import Teller, a_fill, an_order
from polyframe.runtime.live.account_reading import read_account
from polyframe.runtime.live.journal_rows import ReconciliationRow, SweepRow
from polyframe.runtime.live.order_states import OrderState
from polyframe.runtime.live.reconciliation import Difference, Reconciliation
from polyframe.runtime.live.rows import BookingKind, LedgerRow, OrderRow
from polyframe.runtime.live.store import LedgerStore
from polyframe.runtime.live.store_file import StoreError, open_to_read
from polyframe.runtime.live.tables import TABLES

RECONCILIATION = Reconciliation(
    ts_ns=START, cash_e12=5, expected_cash_e12=(4, 6), orders=1, moving_fills=0,
    unread_tokens=("t",),
    differences=(Difference(what="cash", name="cash", ours="1", theirs="2", amount=10**25),),
)  # fmt: skip


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "account.sqlite"


@pytest.fixture
def store(path: Path):
    with closing(LedgerStore(path)) as store:
        store.begin_run(RUN, START, "hash", "0.1")
        yield store


def test_a_file_is_made_for_its_owner_only_and_flushes_every_change(path, store) -> None:
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert stat.S_IMODE(path.with_name(f"{path.name}-wal").stat().st_mode) == 0o600
    pragma = {
        name: store._one(f"PRAGMA {name}")
        for name in ("journal_mode", "synchronous", "foreign_keys")
    }
    assert pragma == {"journal_mode": "wal", "synchronous": 2, "foreign_keys": 1}


def test_an_open_file_of_others_is_closed_to_them(path) -> None:
    path.touch(mode=0o644)
    LedgerStore(path).close()
    assert stat.S_IMODE(path.stat().st_mode) == 0o600


def test_everything_comes_back_as_it_was(path, store) -> None:
    rows = filled_store(store)
    account = store.load().account
    assert {row.order_id: row for row in account.orders} == {
        row.order_id: row for row in rows if isinstance(row, OrderRow)
    }
    assert list(account.ledger) == [row for row in rows if isinstance(row, LedgerRow)]
    assert [row.kind for row in account.ledger] == [*BookingKind]
    assert account.numbers == (3, 2, 2)
    assert store.check() == []


def test_amounts_beyond_64_bits_are_kept(store) -> None:
    row = LedgerRow(seq=1, ts_ns=START, kind=BookingKind.OPENED, reference="o",
                    cash_e12=10**9 * 10**12)  # fmt: skip
    store.apply([row])
    assert store.load().account.ledger == (row,)


def test_the_account_begins_from_the_last_snapshot(store) -> None:
    filled_store(store)
    store.save_snapshot(a_snapshot(), {"qs": {"n": 1}}, 4, START)
    loaded = store.load()
    assert loaded.snapshot is not None
    assert (loaded.snapshot.account, loaded.snapshot.plugins) == (a_snapshot(), {"qs": {"n": 1}})
    assert loaded.account.books.seq == 4
    assert [row.seq for row in loaded.account.ledger] == [5, 6, 7, 8, 9]


def test_a_damaged_snapshot_gives_way_to_the_one_before(store) -> None:
    filled_store(store)
    for upto_seq in (2, 4):
        store.save_snapshot(a_snapshot(), {}, upto_seq, START + upto_seq)
    store._connection.execute("UPDATE snapshots SET ts_ns = 1 WHERE upto_seq = 4")
    loaded = store.load()
    assert loaded.snapshot.upto_seq == 2
    assert len(loaded.account.ledger) == 7
    store._connection.execute("UPDATE snapshots SET ts_ns = 1")
    with pytest.raises(StoreError, match="a row of snapshots is damaged"):
        store.load()


def test_a_few_snapshots_are_kept_and_none_of_the_future(store) -> None:
    filled_store(store)
    for _ in range(5):
        store.save_snapshot(a_snapshot(), {}, 4, START)
    assert store._one("SELECT COUNT(*) FROM snapshots") == 3
    with pytest.raises(StoreError, match="a snapshot of booking 10, but the last is 9"):
        store.save_snapshot(a_snapshot(), {}, 10, START)


def test_what_ended_long_ago_is_left_out_unless_it_may_still_change(path, store) -> None:
    told = Teller()
    old, unsettled, live = told.resting(1), told.resting(2), told.resting(3)
    told.hear(a_fill(old, 10, trade_id="t1"), a_fill(unsettled, 10, trade_id="t2"))
    told.hear(a_fill(old, 10, "CONFIRMED", trade_id="t1"))
    store.apply(told.rows)
    upto_seq = told.ledger.given_seq
    store.save_snapshot(a_snapshot(), {}, upto_seq, START)
    account = store.load(START + S).account
    assert [row.order_id for row in account.orders] == [unsettled.order_id, live.order_id]
    assert [row.trade_id for row in account.fills] == ["t2"]
    assert account.forgotten_before_ns == START + S
    assert account.numbers.order == 4
    assert len(store.load(START).account.orders) == 3
    assert store.load(START).account.forgotten_before_ns == 0


# --- refusals --------------------------------------------------------------------------


def test_a_later_version_is_refused_in_one_line(path, store) -> None:
    store._connection.execute("PRAGMA user_version = 2")
    store.close()
    for opens in (LedgerStore, read_account):
        with pytest.raises(StoreError, match=r"later polyframe \(schema 2, this one knows 1\)"):
            opens(path)


def test_another_programs_database_is_refused_and_left_alone(path) -> None:
    with closing(sqlite3.connect(path)) as other:
        other.execute("CREATE TABLE theirs (x)")
    with pytest.raises(StoreError, match="no account store of polyframe"):
        LedgerStore(path)
    path.write_bytes(b"not a database, but long enough to be looked at" * 20)
    with pytest.raises(StoreError, match="cannot be read: file is not a database"):
        LedgerStore(path)


def test_a_place_that_cannot_be_written_is_named(tmp_path) -> None:
    with pytest.raises(StoreError, match="cannot be opened: No such file or directory"):
        LedgerStore(tmp_path / "no" / "account.sqlite")
    with pytest.raises(StoreError, match="there is no account store"):
        read_account(tmp_path / "none.sqlite")


def test_a_gap_in_the_ledger_is_refused(store) -> None:
    filled_store(store)
    with pytest.raises(StoreError, match="booking 11 follows 9: one is missing"):
        store.apply([LedgerRow(seq=11, ts_ns=0, kind=BookingKind.REWARD, reference="r")])


def test_nothing_is_booked_twice_under_one_reference(store) -> None:
    rows = [
        LedgerRow(seq=seq, ts_ns=0, kind=BookingKind.REWARD, reference="same") for seq in (1, 2)
    ]
    with pytest.raises(StoreError, match="UNIQUE"):
        store.apply(rows)


def test_an_order_belongs_to_a_run_that_is_known(store) -> None:
    told = Teller()
    told.ledger._run_id = "nobody's"
    told.intend(an_order())
    with pytest.raises(StoreError, match="FOREIGN KEY"):
        store.apply(told.rows)


def test_after_a_failure_nothing_more_is_taken(store) -> None:
    bad = LedgerRow(seq=5, ts_ns=0, kind=BookingKind.REWARD, reference="r")
    with pytest.raises(StoreError):
        store.apply([bad])
    with pytest.raises(StoreError, match="booking 5 follows 0"):
        store.apply([LedgerRow(seq=1, ts_ns=0, kind=BookingKind.REWARD, reference="r")])


def test_a_second_writer_is_noticed(path, store) -> None:
    with closing(LedgerStore(path)) as other:
        other.note(RUN, "hello", START)
    with pytest.raises(StoreError, match="two engines on one account"):
        store.note(RUN, "hello", START)


# --- faults of the disk ----------------------------------------------------------------


def test_a_disk_that_is_full_at_any_page_leaves_the_whole_of_some_changes(tmp_path) -> None:
    pages = 0
    batches = changes(60)
    for most_pages in range(40, 400, 3):
        path = tmp_path / f"{most_pages}.sqlite"
        applied, why = 0, ""
        with closing(LedgerStore(path)) as store:
            store.begin_run(RUN, START, "hash", "0.1")
            pages = store._one("PRAGMA page_count")
            store._connection.execute(f"PRAGMA max_page_count = {pages + (most_pages - 40) // 3}")
            try:
                for batch in batches:
                    store.apply(batch)
                    applied += 1
            except StoreError as error:
                why = str(error)
        with closing(LedgerStore(path)) as store:
            assert len(store.load().account.orders) == applied
            assert store.check() == []
        if applied == len(batches):
            break
        assert "database or disk is full" in why
    else:
        pytest.fail("the disk was always full")


@pytest.mark.parametrize("kib", [*range(180, 420, 24)])
def test_a_file_that_may_not_grow_fails_whole_changes(tmp_path, kib) -> None:
    """A write refused by the operating system, wherever it falls."""
    path = tmp_path / "account.sqlite"
    code = f"""
        import resource, sys
        sys.path[:0] = {sys.path!r}
        from pathlib import Path
        from live_store import RUN, START, changes
        from polyframe.runtime.live.store import LedgerStore
        from polyframe.runtime.live.store_file import StoreError
        store = LedgerStore(Path({str(path)!r}))
        store.begin_run(RUN, START, "hash", "0.1")
        resource.setrlimit(resource.RLIMIT_FSIZE, ({kib * 1024}, {kib * 1024}))
        applied = 0
        try:
            for batch in changes(120):
                store.apply(batch)
                applied += 1
        except StoreError as error:
            print(applied, "failed")
        else:
            print(applied, "done")
    """
    done = subprocess.run(
        [sys.executable, "-c", textwrap.dedent(code)], capture_output=True, text=True, check=True
    )
    applied, how = done.stdout.split()
    with closing(LedgerStore(path)) as store:
        assert len(store.load().account.orders) == int(applied)
        assert store.check() == []
    assert how == "failed" or int(applied) == 120


def test_a_log_cut_off_anywhere_leaves_the_whole_of_some_changes(tmp_path) -> None:
    path, log = tmp_path / "account.sqlite", tmp_path / "account.sqlite-wal"
    store = LedgerStore(path)
    store.begin_run(RUN, START, "hash", "0.1")
    for batch in changes(30):
        store.apply(batch)
    main, whole = path.read_bytes(), log.read_bytes()
    store.close()
    seen = set()
    for kept in [*range(0, len(whole), len(whole) // 150), len(whole)]:
        for leftover in tmp_path.iterdir():
            leftover.unlink()
        path.write_bytes(main)
        log.write_bytes(whole[:kept])
        try:
            with closing(LedgerStore(path)) as cut:
                account = cut.load().account
                assert cut.check() == []
        except StoreError:
            continue
        orders = {row.order_id: row for row in account.orders}
        assert all(row.state is OrderState.FILLED for row in orders.values())
        assert len(account.ledger) == len(account.fills) == len(orders)
        seen.add(len(orders))
    assert max(seen) == 30
    assert len(seen) > 20


def test_a_bit_that_flips_is_noticed_or_harmless(tmp_path) -> None:
    path = tmp_path / "account.sqlite"
    with closing(LedgerStore(path)) as store:
        store.begin_run(RUN, START, "hash", "0.1")
        filled_store(store)
        store.save_snapshot(a_snapshot(), {"qs": {"n": 1}}, 4, START)
        truth = store.load()
    sound = path.read_bytes()
    rng = Random(5)
    noticed = 0
    for _ in range(1000):
        at = rng.randrange(len(sound))
        damaged = bytearray(sound)
        damaged[at] ^= 1 << rng.randrange(8)
        for leftover in tmp_path.iterdir():
            leftover.unlink()
        path.write_bytes(damaged)
        try:
            with closing(LedgerStore(path)) as store:
                faults = store.check()
                loaded = store.load()
        except StoreError:
            noticed += 1
            continue
        if faults:
            noticed += 1
        else:
            assert loaded.account[:4] == truth.account[:4], f"byte {at}"
            assert loaded.snapshot == truth.snapshot
    assert noticed > 50


def test_killed_at_any_moment_it_has_what_was_said_to_be_durable(tmp_path) -> None:
    path = tmp_path / "account.sqlite"
    code = f"""
        import sys
        sys.path[:0] = {sys.path!r}
        from pathlib import Path
        from live_store import RUN, START, changes
        from polyframe.runtime.live.store import LedgerStore
        store = LedgerStore(Path({str(path)!r}))
        store.begin_run(RUN, START, "hash", "0.1")
        for number, batch in enumerate(changes(2000), 1):
            store.apply(batch)
            sys.stdout.write(f"{{number}}\\n")
            sys.stdout.flush()
    """
    said = 0
    with subprocess.Popen(
        [sys.executable, "-c", textwrap.dedent(code)], stdout=subprocess.PIPE, text=True
    ) as child:
        assert child.stdout is not None
        for line in child.stdout:
            said = int(line)
            if said == 25:
                child.kill()
    with closing(LedgerStore(path)) as store:
        kept = len(store.load().account.ledger)
        assert said <= kept <= said + 1
        assert store.check() == []


@pytest.mark.parametrize("seed", range(4))
def test_on_the_real_disk_a_cut_account_ends_in_the_truth_too(tmp_path, seed) -> None:
    rng = Random(seed)
    cuts = frozenset(rng.choice([-1, 1]) * rng.randint(1, 80) for _ in range(6))
    rehearsal = play(StoreDisk(tmp_path / "account.sqlite"), seed, cuts, steps=40)
    assert rehearsal.cuts
    assert isinstance(rehearsal.engine, ShadowEngine)


# --- reading while an engine writes -----------------------------------------------------


def test_the_account_can_be_read_while_it_is_written(path, store) -> None:
    rows = filled_store(store)
    store.save_snapshot(a_snapshot(), {}, 4, START)
    store.apply([
        ReconciliationRow(ts_ns=START, run_id=RUN, is_beyond_bound=False, found=RECONCILIATION),
        SweepRow(ts_ns=START, run_id=RUN, reason="kill switch", took_ns=3 * S, left=0),
    ])  # fmt: skip
    store.note(RUN, "looked at it", START)
    store.end_run(RUN, START + S, "stopped")
    reading = read_account(path)
    assert [row.order_id for row in reading.open_orders] == ["o-000002"]
    assert [row.order_id for row in reading.unknown_orders] == ["o-000002"]
    assert [row.trade_id for row in reading.fills] == ["t1"]
    assert {holding.token_id: holding.market_id for holding in reading.holdings}[YES] == MARKET
    assert reading.bookings == len([row for row in rows if isinstance(row, LedgerRow)])
    assert {day.kind for day in reading.days} == set(BookingKind)
    assert reading.reconciliation.found == RECONCILIATION
    assert [(run.run_id, run.how_ended) for run in reading.runs] == [(RUN, "stopped")]
    assert reading.sweeps[0].took_ns == 3 * S
    assert reading.snapshots == ((START, 4),)
    assert reading.notes[0].words == "looked at it"
    assert reading.cash_e12 + reading.aside_cash_e12 == sum(
        row.cash_e12 for row in rows if isinstance(row, LedgerRow)
    )
    store.note(RUN, "goes on", START)  # the reader was nobody's writer


def test_a_reader_cannot_write(path, store) -> None:
    with closing(open_to_read(path)) as reader, pytest.raises(sqlite3.OperationalError):
        reader.execute("DELETE FROM runs")


def test_a_closed_account_can_be_read(path, store) -> None:
    store.close()
    assert read_account(path).runs[0].run_id == RUN


def test_damage_is_told_to_a_reader_in_one_line(path, store) -> None:
    filled_store(store)
    store._connection.execute("UPDATE ledger SET cash_e12 = '1' WHERE seq = 2")
    with pytest.raises(StoreError, match=r"booking 2 is damaged or missing: restore a copy$"):
        read_account(path)
    assert store.check() == [f"{path}: booking 2 is damaged or missing: restore a copy"]


@pytest.mark.parametrize("table", [name for name in TABLES if name != "ledger"])
def test_a_damaged_row_of_any_table_is_named(path, store, table) -> None:
    filled_store(store)
    store.save_snapshot(a_snapshot(), {}, 4, START)
    store.note(RUN, "x", START)
    store.apply([
        ReconciliationRow(ts_ns=START, run_id=RUN, is_beyond_bound=False, found=RECONCILIATION),
        SweepRow(ts_ns=START, run_id=RUN, reason="r", took_ns=1, left=None),
    ])  # fmt: skip
    assert store.check() == []
    store._connection.execute(f"UPDATE {table} SET seal = '0'")
    assert store.check() == [f"{path}: a row of {table} is damaged: restore a copy"]
