"""polyframe.testing."""
