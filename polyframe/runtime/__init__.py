"""The runtime: a pure engine in the middle, and the shell that feeds it.

The data's way: ``shell`` (sockets, files, the clock) -> ``turn`` (one batch) -> ``engine``
(books, hooks, decisions) -> ``paper`` (the venue's answers) -> back into ``turn``.
"""
