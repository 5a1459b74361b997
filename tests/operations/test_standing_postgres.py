"""The limits of a standing approval on PostgreSQL, where writers are not alone."""

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path

import pytest_asyncio

from openova_console.access.roles import Role
from openova_console.operations.words import State
from openova_console.store.database import migrate
from tests.lab.running import Running
from tests.operations.test_standing import fire, grant
from tests.support.engines import RESTART, Bench, engine_on
from tests.support.postgres import postgres_server, postgres_url

__all__ = ["postgres_server", "postgres_url"]


@pytest_asyncio.fixture
async def bench(lab: Running, tmp_path: Path, postgres_url: str) -> AsyncIterator[Bench]:
    migrate(postgres_url)
    async with engine_on(lab.path / "console.yaml", tmp_path, database=postgres_url) as one:
        one.person("ada", Role.ADMIN)
        yield one


async def test_as_many_run_as_the_limit_says_and_one_key_is_one_operation(bench: Bench):
    targets = [{"name": name} for name in ("catalog", "payments", "portal", "checkout")]
    await grant(bench, template={**RESTART, "name": "*"}, limits={"targets": targets, "per_day": 2})
    fired = await asyncio.gather(*(fire(bench, f"k{n % 4}", **targets[n % 4]) for n in range(12)))
    by_key = [{row.id for row in fired[n::4]} for n in range(4)]
    assert all(len(ids) == 1 for ids in by_key)
    rows = [bench.row(ids.pop()) for ids in by_key]
    assert sum(row.standing_id is not None for row in rows) == 2
    assert sum(row.state == State.PENDING for row in rows) == 2
    for row in rows:
        if row.standing_id is not None:
            assert (await bench.until(row.id)).state == State.COMPLETED
