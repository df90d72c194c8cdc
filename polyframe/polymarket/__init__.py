"""Polymarket as the outside world sees it: its bytes in, our events out.

=====================  ====================================================================
``hosts``              the venue's addresses, fixed in code
``wire``               the market channel's messages as lean structs; pure
``codec``              frames and REST books to events; pure, never raises
``feed``               the market socket: shards, keepalive, reconnects, REST witnesses
``shard``              one connection of it
``rest``               bounded, retrying JSON over HTTP
``gamma``              market metadata over HTTP
``gamma_market``       one Gamma market object to a ``MarketSpec``; pure
``category``           the fee category a market belongs to; pure
``market_file``        markets in a file of Gamma objects
``clob_public``        public books and the server's clock over HTTP
``keys``               Keccak, addresses, and a private key that never shows itself; pure
``order_signing``      orders as the exchange contracts sign them, and who signed one; pure
``order_wire``         the body of ``POST /order``; pure
``auth``               L1 and L2 headers; pure
``contracts``          addresses of the venue's contracts; pure
``wallets``            addresses of a signer's wallets; pure
``amounts``            an order's two amounts from price and size, and back; pure
``order_building``     a command to the order that is signed; pure
``signed_intent``      an order signed once, stored, sent again; the last gate; pure
``official_client``    the venue's own client, loaded when it is opened
``clob``               orders, cancels and heartbeats, each with what is known of it after
``clob_opening``       key, wallet and credentials to an open account
``clob_account``       what the venue says of our account over REST, read raw
``data_positions``     which tokens a wallet holds, by the Data API
``geoblock``           whether the venue trades with where we are
``operator_requests``  cancel-all and its proof without an engine or the official client
``chores``             merges, redemptions and approvals through the official client
``earnings``           rewards and rebates as the venue states them
``clob_outcomes``      the venue's answers to outcomes and codes; pure
``venue_modes``        what the matching engine takes at the moment; pure
``request_budget``     our own bucket below the venue's; pure
``account_codec``      the account's orders and fills to values, and ``account_fields``; pure
``account_words``      the values; pure
``user_feed``          the user channel: one socket for the whole account
=====================  ====================================================================

Nothing here decides anything; what the venue is known to do wrong is in docs/market-data.md.
"""
