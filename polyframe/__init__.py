"""polyframe: a plugin-based market-making framework for Polymarket.

This module is the public API for plugin authors; everything else may change.
"""

from polyframe.hooks import hookimpl, hookspec
from polyframe.model import (
    BookView,
    Cycle,
    Decision,
    FeedHealth,
    Fill,
    MarketSpec,
    MarketState,
    MarketView,
    OrderView,
    PluginVeto,
    PortfolioView,
    PositionView,
    Quote,
    QuoteLeg,
    ReportPeriod,
    Veto,
)
from polyframe.plugin import API_VERSION, Config, Context, Log, Plugin, setting

__version__ = "0.1.0"

__all__ = [
    "API_VERSION",
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
    "ReportPeriod",
    "Veto",
    "__version__",
    "hookimpl",
    "hookspec",
    "setting",
]
