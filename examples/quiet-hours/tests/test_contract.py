from polyframe.testing import PluginContract


class TestContract(PluginContract):
    plugin = "quiet_hours"
