"""polyframe.exchange."""
