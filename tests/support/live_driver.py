"""A machine whose orders are real, driven by a test that is the venue."""

import msgspec

from polyframe import events
from polyframe.commands import PlaceOrder
from polyframe.live_settings import LimitSettings
from polyframe.runtime.assemble import Machine
from polyframe.runtime.engine import Begin
from runtime_driver import SETTINGS, Driver, TwoCents

replace = msgspec.structs.replace
WIDE = LimitSettings(
    max_order_usd=1e6, max_market_usd=1e6, max_total_usd=1e6, max_open_orders=1000,
    max_daily_loss_usd=1e6,
)  # fmt: skip


class LiveDriver(Driver):
    """A machine whose orders are real: nobody answers them but the test."""

    def __init__(self, settings=SETTINGS, classes=(TwoCents,), begin=None):
        super().__init__(settings, classes)
        self.machine = Machine(
            settings,
            {"two_cents": classes[0]},
            {"two_cents": classes[0].Config()},
            {},
            lambda message, fields: self.lines.append((message, dict(fields))),
            None,
            None,
            begin or Begin(is_live=True),
        )
        self.engine = self.machine.engine
        self.plugin = next(iter(self.machine.plugins.values()))

    def raise_(self, seconds, hazard, action, detail="because"):
        return self.at(seconds, events.HazardRaised(self.ts(seconds), hazard, action, detail))

    def clear(self, seconds, hazard):
        return self.at(seconds, events.HazardCleared(self.ts(seconds), hazard))

    def say(self, seconds, kind, order_id, *more):
        return self.at(seconds, kind(self.ts(seconds), order_id, *more))


def running(driver=None):
    driver = driver or LiveDriver(replace(SETTINGS, limits=WIDE))
    driver.start()
    commands = driver.book(1, 49, 51)
    placed = [one for one in commands if isinstance(one, PlaceOrder)]
    assert len(placed) == 2
    for one in placed:
        driver.say(11.1, events.OrderAccepted, one.order_id)
    return driver, placed
