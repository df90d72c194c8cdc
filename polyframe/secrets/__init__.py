"""What only its owner may know: where it is read from, and the nets that keep it unsaid.

===============  ====================================================================
``secret``       a text that never shows itself; pure
``redactor``     every spelling of a secret, struck out of a text; pure
``files``        a file that nobody else may read
``keystore``     an encrypted key on disk (Web3 v3, scrypt)
``credentials``  keystore, environment and ``.env`` to what trades
===============  ====================================================================

A paper run imports none of it.
"""
