"""Fixtures that unit and wire tests share."""

pytest_plugins = ("tests.support.consoles", "tests.support.postgres")
