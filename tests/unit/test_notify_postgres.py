"""Several replicas on one PostgreSQL, where writers are not alone: each message goes out once."""

import asyncio
from collections import Counter
from pathlib import Path

from openova_console.notify.deliveries import health
from openova_console.store.database import migrate, reading
from tests.support.hooks import answer, hook, post, webhook
from tests.support.postgres import postgres_server, postgres_url

__all__ = ["postgres_server", "postgres_url"]


async def test_four_replicas_spread_and_send_each_message_once(tmp_path: Path, postgres_url: str) -> None:
    migrate(postgres_url)
    async with hook() as one, hook() as two:
        with post(tmp_path, webhook(one.url(), name="one"), webhook(two.url(), name="two"), url=postgres_url) as at:
            for number in range(40):
                at.say(f"k{number}", urgent=number % 7 == 0)
            await asyncio.gather(*(carrier.once() for carrier in (at.carrier, *(at.another() for _ in range(3)))))
            # Whoever lost a race for a row leaves it to the winner; a last round takes what nobody was left for.
            await at.carrier.once()
            for there in (one, two):
                assert set(Counter(got.headers["webhook-id"] for got in there.got).values()) == {1}
                assert len(there.got) == 40
            assert {(d.row.state, d.row.attempts) for d in at.rows(limit=200)} == {("sent", 1)}


async def test_failures_and_health_on_postgresql(tmp_path: Path, postgres_url: str) -> None:
    migrate(postgres_url)
    async with hook(answer(500), answer(400), answer(200)) as there:
        with post(tmp_path, webhook(there.url()), url=postgres_url) as at:
            at.say("a")
            await at.carrier.once()
            with reading(at.database) as opened:
                (found,) = health(opened, at.settings.notify)
            assert (found.waiting, found.failing, found.sent_at) == (1, "chat failed by itself (500)", None)
            at.say("b")
            at.pass_s(10)
            await at.carrier.once()
            with reading(at.database) as opened:
                (found,) = health(opened, at.settings.notify)
            assert (found.waiting, found.dead, found.sent_at) == (0, 1, at.clock[0])
