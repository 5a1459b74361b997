"""A running lab and an engine on it for every test that asks for them."""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest_asyncio

from openova_console.lab.clock import Clock
from openova_console.lab.lab import Lab
from tests.lab.running import Running, running
from tests.support.engines import Bench, engine_on

__all__ = ["Clock", "Lab"]


@pytest_asyncio.fixture
async def lab(tmp_path: Path) -> AsyncIterator[Running]:
    """A healthy lab whose time passes by itself."""
    one = await running(tmp_path / "lab", clock=Clock())
    yield one
    await one.lab.stop()


@pytest_asyncio.fixture
async def bench(lab: Running, tmp_path: Path) -> AsyncIterator[Bench]:
    """An engine on that lab, nothing in its way."""
    async with engine_on(lab.path / "console.yaml", tmp_path) as one:
        yield one
