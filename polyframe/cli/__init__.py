"""polyframe.cli."""
