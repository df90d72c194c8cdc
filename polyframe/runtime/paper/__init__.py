"""The paper venue: real market data in, simulated answers to our orders out.

``venue`` is the whole of it for a caller; ``queue_model`` holds the fill rules as pure
functions, ``market`` what is known of one market, ``ledger`` the three sets of books.
docs/paper-model.md says what is promised and what is not.
"""

from polyframe.runtime.paper.ledger import PaperFill, ProfileResult
from polyframe.runtime.paper.queue_model import PROFILES
from polyframe.runtime.paper.venue import PaperVenue

__all__ = ["PROFILES", "PaperFill", "PaperVenue", "ProfileResult"]
