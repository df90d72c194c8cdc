"""polyframe.polymarket."""
