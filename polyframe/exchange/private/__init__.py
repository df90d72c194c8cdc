"""The embedded exchange's private side on the wire: API keys, orders, accounts, user channel."""
