"""Faults on purpose: a seeded script of what goes wrong, and where it is injected.

``fault`` and the ``*_kinds`` modules say what there is, ``script`` reads a file of them,
``plan`` decides what strikes when, and three places act on it: ``streams`` (one per socket),
``rest`` (a middleware) and ``venue`` (markets and desk, by the protocols of ``targets``).
An exchange without faults pays one comparison for each message and request.
"""
