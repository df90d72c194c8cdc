"""Production: what is known of our real orders, what is kept of it, and who asks the venue.

::

    engine -> commands -> desk -> order_sender, sweeper, chore_runner -> venue
    venue -> user_words, answers, reads -> ledger -> writer (disk) -> engine

=====================  =====================================================================
``run``                one run with real orders: account, desk, and the shell of every run
``arming``             the hash that has to be typed before real orders
``account_folder``     what one account keeps on disk, who holds it, its kill switch
``opening``            lock, disk, venue, preflight, and the state a run goes on from
``desk``               everything asynchronous about real orders, started and stopped
``order_sender``       signed, stored, then sent; cancels first and alone
``sweeper``            cancel-all, and the proof that nothing rests
``chore_runner``       merges and redemptions, one at a time, booked when done
``user_words``         the user channel's words booked, and its absence noticed
``watches``            heartbeat, clock, kill switch and venue mode as hazards
``halt_keeper``        halts made to outlast the process
``ending``             an empty book, proved by the venue, or said loudly that it is not
``last_resort``        a run that fails empties its book by the venue's word alone
``settlement_watch``   settlements that fail and orders that are refused, counted; pure
``reconciler``         what is doubted is asked for, gaps are read, books are compared
``reconciliation``     what differs, what explains it, what is beyond bounds; pure
``acceptance``         differences that the operator accepts, and their bookings; pure
``earnings_keeper``    rewards and rebates: read, booked when they are there
``earnings_watch``     what our own data predicts of them; pure
``ledger``             what we asked for and what the venue said, by its order ids; pure
``hearing``            one word of the venue at a time; pure
``inquiry``            what has to be asked, and how often; pure
``evidence``           when an order's fate is known: every rule that frees money; pure
``order_records``      orders of ours that may still matter; pure
``order_states``       their states, and the one table between them; pure
``fill_records``       fills that may still change, counted once; pure
``foreign``            orders and fills that are not ours; pure
``conversions``        merges and redemptions as records; pure
``statements``         cash and tokens that no trade of ours moves; pure
``bookings``           the account as the fold of its bookings; pure
``changes``            rows to make durable, then events for the engine; pure
``payouts``            what resolved markets pay, and what the venue redeemed itself
``deliveries``         what is bought and cannot be sold, sold and cannot be spent yet; pure
``venue_books``        the stored books, read as the engine's are
``writer``             durable before believed, in one order
``rows``               what is stored of the account; pure
``journal_rows``       what is stored beside it: runs, comparisons, cancel-alls; pure
``tables``             rows as SQLite tables, each sealed; pure
``store``              the account on disk: one writer
``store_file``         the file as it is opened and read
``stored_account``     what is on disk, as the ledger begins from it; pure
``account_facts``      what reports and screens say of the account, cut by day
``account_reading``    the same for the command line, also beside an engine
=====================  =====================================================================

Why it is cut this way is ADR 0012; what hazards do, ADR 0013; money beside trades, ADR 0014.
"""
