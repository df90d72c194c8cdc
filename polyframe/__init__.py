"""polyframe: a plugin-based market-making framework for Polymarket.

This module is the public API for plugin authors; everything else may change.
"""

from polyframe.budget import TradeBudget
from polyframe.hooks import hookimpl, hookspec
from polyframe.model import (
    MAKER,
    SIDES,
    BookSide,
    Cycle,
    Decision,
    FeedHealth,
    Fill,
    MarketSpec,
    MarketState,
    PluginVeto,
    Quote,
    QuoteLeg,
    Reading,
    ReportPeriod,
    Trade,
    TradeLeg,
    Veto,
)
from polyframe.plugin import (
    API_VERSION,
    OLDEST_API_VERSION,
    Assessment,
    Config,
    Context,
    Log,
    Plugin,
    setting,
)
from polyframe.views import BookView, MarketView, OrderView, PortfolioView, PositionView

__version__ = "0.1.0"

__all__ = [
    "API_VERSION",
    "MAKER",
    "OLDEST_API_VERSION",
    "SIDES",
    "Assessment",
    "BookSide",
    "BookView",
    "Config",
    "Context",
    "Cycle",
    "Decision",
    "FeedHealth",
    "Fill",
    "Log",
    "MarketSpec",
    "MarketState",
    "MarketView",
    "OrderView",
    "Plugin",
    "PluginVeto",
    "PortfolioView",
    "PositionView",
    "Quote",
    "QuoteLeg",
    "Reading",
    "ReportPeriod",
    "Trade",
    "TradeBudget",
    "TradeLeg",
    "Veto",
    "__version__",
    "hookimpl",
    "hookspec",
    "setting",
]
