"""Production: what is known of our real orders, what is kept of it, and who asks the venue."""
