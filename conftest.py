"""Fixtures that unit and wire tests share."""

pytest_plugins = ("tests.support.consoles", "tests.support.fault_matrix", "tests.support.postgres")
