"""The simulated market: a seeded crowd on real matching engines, in virtual time."""
