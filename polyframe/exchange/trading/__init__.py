"""Taking orders: accounts, admission, settlement, heartbeats and modes of the embedded exchange.

Pure: no clock, no sockets, no signatures. The REST and socket layers around it turn wire
requests into :class:`~polyframe.exchange.trading.orders.OrderRequest` and events into messages;
a simulation in virtual time calls the same desk without them.
"""
