"""The chain of the embedded exchange: as much of Polygon and of the relayer as money chores need.

=================  ====================================================================
``calls``          calls and view calls, from their ABI bytes to what they ask for; pure
``signing``        who signed a relayed batch or a raw transaction; pure
``operations``     what a wallet's calls do to its holdings, all of them or none; pure
``ledger``         transactions from submission to confirmation, nonces; pure
``relayer``        the relayer's routes
``rpc``            the node's JSON-RPC
=================  ====================================================================

Split, merge, redeem and approvals move the balances that the order desk uses. There are no
blocks beyond their numbers, no gas, no other contract; docs/exchange.md says what differs.
"""
