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
=================  ====================================================================

Nothing here decides anything; what the venue is known to do wrong is in docs/market-data.md.
"""
