"""What several folders of tests share: one lab and one console as processes, started once per test worker."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.support.running import RunningConsole, RunningLab, wait_for


@pytest.fixture(scope="session")
def running_lab(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunningLab]:
    """The practice platform, seen from Region 2."""
    lab = RunningLab(tmp_path_factory.mktemp("lab"))
    try:
        yield lab.start()
    finally:
        lab.stop()


@pytest.fixture(scope="session")
def running_console(running_lab: RunningLab, tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunningConsole]:
    """The console on that platform, with one account per role."""
    folder: Path = tmp_path_factory.mktemp("console")
    console = RunningConsole(running_lab.config, folder)
    try:
        yield console.start()
    finally:
        console.stop()


@pytest.fixture
def healthy(running_lab: RunningLab, running_console: RunningConsole) -> Iterator[None]:
    """The platform is healthy before the test, and made so again after it."""
    running_lab.scenario("healthy")
    wait_for("the console has read everything once", lambda: running_console.ready(), limit_s=40)
    yield
    running_lab.scenario("healthy")
