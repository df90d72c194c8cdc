"""Polymarket as the outside world sees it: its bytes in, our events out.

=================  ====================================================================
``hosts``          the venue's addresses, fixed in code
``wire``           the market channel's messages as lean structs; pure
``codec``          frames and REST books to events; pure, never raises
``feed``           the market socket: shards, keepalive, reconnects, REST witnesses
``rest``           bounded, retrying JSON over HTTP
``gamma``          market metadata over HTTP
``gamma_market``   one Gamma market object to a ``MarketSpec``; pure
``clob_public``    public books and the server's clock over HTTP
``keys``           Keccak, addresses, and a private key that never shows itself; pure
``order_signing``  orders as the exchange contracts sign them, and who signed one; pure
``order_wire``     the body of ``POST /order``; pure
``auth``           L1 and L2 headers; pure
``wallets``        addresses of a signer's wallets; pure
``amounts``        an order's two amounts from price and size, and back; pure
=================  ====================================================================

Nothing here decides anything; what the venue is known to do wrong is in docs/market-data.md.
"""
