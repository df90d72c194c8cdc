"""Reading spans back: why we quote this price, or why we do not (``why``, ``trace``).

``lookup`` finds a run, its files and a market's spans, ``genuine`` refuses what is no span of
ours, ``facts`` reads single spans, ``story`` finds the decisions that explain one another,
``wording`` and ``steps`` put them into words, ``tally`` counts them.
"""
