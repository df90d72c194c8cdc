"""The simulated crowd beside recordings of the venue, figure by figure (docs/calibration.md)."""
