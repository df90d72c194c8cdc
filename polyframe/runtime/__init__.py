"""polyframe.runtime."""
