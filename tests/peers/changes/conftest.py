"""The two regions that can be changed, once for all tests of this folder, and an engine for each test."""

from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import pytest
import pytest_asyncio

from tests.peers.changes.platform import Platform, RegionServers, required
from tests.peers.servers.process import Missing
from tests.support.engines import R1, R2, Bench, engine_on


@pytest.fixture(scope="package")
def platform(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Platform]:
    running, missing = Platform(tmp_path_factory.mktemp("changes")), ""
    try:
        running.__enter__()
    except Missing as error:
        missing = f"a peer is missing: {error}"
    if missing and required():
        pytest.fail(missing, pytrace=False)
    if missing:
        pytest.skip(missing)
    yield running
    running.__exit__()


@pytest.fixture
def region(platform: Platform) -> RegionServers:
    """Region 1."""
    return platform.regions[R1]


@pytest.fixture
def standby(platform: Platform) -> RegionServers:
    """Region 2."""
    return platform.regions[R2]


@pytest_asyncio.fixture
async def bench(platform: Platform, tmp_path: Path) -> AsyncIterator[Bench]:
    """An engine on the real servers, with the accounts of `deploy/rbac.yaml`."""
    async with engine_on(platform.config_file, tmp_path) as one:
        yield one
