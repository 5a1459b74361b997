"""A running lab for every test of this folder that asks for one."""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest_asyncio

from tests.lab.running import R1, Running, running


@pytest_asyncio.fixture
async def here(tmp_path: Path) -> AsyncIterator[Running]:
    """A healthy lab, looked at from region-2."""
    one = await running(tmp_path / "lab")
    yield one
    await one.lab.stop()


@pytest_asyncio.fixture
async def from_region_1(tmp_path: Path) -> AsyncIterator[Running]:
    """A healthy lab, looked at from region-1."""
    one = await running(tmp_path / "lab", looks_from=R1)
    yield one
    await one.lab.stop()
