"""One world of real servers for the whole session. Where a program is missing: skipped with the reason, or, when
OPENOVA_PEERS_REQUIRED=1, failed."""

import os
from collections.abc import Iterator
from pathlib import Path

import pytest

from openova_console import settings as console_settings
from tests.peers.servers.process import Missing
from tests.peers.world import World


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    for item in items:
        if item.path.is_relative_to(Path(__file__).parent):
            item.add_marker(pytest.mark.peers)


@pytest.fixture(scope="session")
def world(tmp_path_factory: pytest.TempPathFactory) -> Iterator[World]:
    running, missing = World(tmp_path_factory.mktemp("peers")), ""
    try:
        running.__enter__()
    except Missing as error:
        missing = f"a peer is missing: {error}"
    if missing and os.environ.get("OPENOVA_PEERS_REQUIRED") == "1":
        pytest.fail(missing, pytrace=False)
    if missing:
        pytest.skip(missing)
    yield running
    running.__exit__()


@pytest.fixture(scope="session")
def settings(world: World) -> console_settings.Settings:
    """The settings that `console.yaml` holds."""
    return console_settings.load(world.config_file)


@pytest.fixture(autouse=True)
def restored(request: pytest.FixtureRequest) -> Iterator[None]:
    """Whatever a test cut is whole again for the next one."""
    yield
    if "world" in request.fixturenames:
        request.getfixturevalue("world").restore_link()
