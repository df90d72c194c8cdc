"""Real orders: what was asked, what the venue said, and what survives a crash."""
