"""Whether this machine and this account can trade: one finding a check, whatever else fails.

=============  ======================================================================
``findings``   what a check says: pass, warn or fail, and what to do
``machine``    Python, packages, room on the disk
``files``      the strategy file and its plugins
``custody``    the account's folder: store, kill switch, who trades
``reach``      hosts and sockets, the clock, where we are
``standing``   credentials, wallet, money, allowances, what the venue lets us do
``checkup``    all of them, in parallel where they wait for the venue
=============  ======================================================================

A check whose question cannot be asked, because an earlier one failed, warns and fails nothing:
one cause is one failing line.
"""
