"""What all tests share: the summary of hook call times (see addopts in pyproject.toml)."""

pytest_plugins = ["polyframe.testing.pytest_plugin"]
