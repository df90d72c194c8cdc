"""Real orders: what is asked of the venue, what it said, and what must survive a crash."""
