"""What all tests share: the summary of hook call times (see addopts in pyproject.toml)."""

import os
import signal
from pathlib import Path

pytest_plugins = ["polyframe.testing.pytest_plugin"]

# Tests speak with loopback, without TLS: an authority is never asked for, and reading all of the
# world's takes every HTTP client 20 ms. No certificate of one is in this directory.
os.environ.pop("SSL_CERT_FILE", None)
os.environ["SSL_CERT_DIR"] = str(Path(__file__).parent)

# A test run in the background (nohup, a shell's &) hands on to its children that these are ignored;
# tests send them.
if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
    signal.signal(signal.SIGINT, signal.default_int_handler)
if signal.getsignal(signal.SIGHUP) is signal.SIG_IGN:
    signal.signal(signal.SIGHUP, signal.SIG_DFL)
