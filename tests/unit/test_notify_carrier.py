"""The carrier: each notification to each target that wants it, again until it has arrived, and in the end a dead letter."""

import asyncio
import contextlib
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from openova_console.notify import deliveries
from openova_console.notify.deliveries import TargetHealth, health
from openova_console.store.database import reading, session
from tests.support.hooks import SECRET, START, Got, Post, answer, hook, post, settings_with, webhook


def _health(at: Post) -> dict[str, TargetHealth]:
    with reading(at.database) as opened:
        return {found.name: found for found in health(opened, at.settings.notify)}


async def _until(condition: Any, limit_s: float = 20) -> None:
    end = asyncio.get_running_loop().time() + limit_s
    while not condition():
        assert asyncio.get_running_loop().time() < end, "it never came"
        await asyncio.sleep(0.01)


async def test_each_target_gets_what_it_wants_and_gets_it_once(tmp_path: Path) -> None:
    async with hook() as one, hook() as two:
        approvals = webhook(one.url(), name="approvals", events=["approval.*"])
        urgent = webhook(two.url(), name="on-call", urgent_only=True)
        with post(tmp_path, approvals, urgent) as at:
            at.say("a", "approval.waits")
            at.say("b", "run.asks", urgent=True)
            at.say("c", "run.ended")
            await at.carrier.once()
            await at.carrier.once()
            await at.another().once()
            assert [got.json["text"].partition("\n")[0] for got in one.got] == ["Title of a"]
            assert [got.json["text"].partition("\n")[0] for got in two.got] == ["Urgent: Title of b"]
            kept = {(d.row.target, d.row.state, d.row.attempts) for d in at.rows()}
            assert kept == {("approvals", "sent", 1), ("on-call", "sent", 1)}
            assert one.got[0].json["text"].endswith("https://console.example/runs/a")


async def test_after_a_failure_it_is_tried_again_and_not_before_its_time(tmp_path: Path) -> None:
    async with hook(answer(500), answer(200)) as there:
        with post(tmp_path, webhook(there.url())) as at:
            at.say()
            await at.carrier.once()
            (waiting,) = at.rows()
            assert (waiting.row.state, waiting.row.error) == ("waiting", "chat failed by itself (500)")
            assert waiting.row.next_at == START + timedelta(seconds=10)
            assert _health(at)["chat"].failing == "chat failed by itself (500)"
            at.pass_s(9)
            await at.carrier.once()
            assert len(there.got) == 1
            at.pass_s(1)
            await at.carrier.once()
            (sent,) = at.rows()
            assert (sent.row.state, sent.row.attempts, sent.row.sent_at, sent.row.error) == ("sent", 2, at.clock[0], "")
            assert there.got[0].headers["webhook-id"] == there.got[1].headers["webhook-id"] == sent.row.notification_id
            assert at.outcomes == [("chat", "failed"), ("chat", "sent")]


async def test_retry_after_holds_back_everything_for_that_target_and_nothing_for_others(tmp_path: Path) -> None:
    async with hook(answer(429, retry_after="120"), answer(200)) as busy, hook() as free:
        with post(tmp_path, webhook(busy.url(), name="busy"), webhook(free.url(), name="free")) as at:
            at.say("a")
            at.say("b")
            await at.carrier.once()
            assert (len(busy.got), len(free.got)) == (1, 2)
            at.pass_s(119)
            await at.carrier.once()
            assert len(busy.got) == 1
            at.pass_s(1)
            await at.carrier.once()
            assert (len(busy.got), len(free.got)) == (3, 2)
            assert {d.row.state for d in at.rows()} == {"sent"}


async def test_a_refusal_is_a_dead_letter_at_once_and_holds_up_nothing_else(tmp_path: Path) -> None:
    async with hook(answer(400), answer(200)) as there:
        with post(tmp_path, webhook(there.url())) as at:
            at.say("a")
            at.say("b")
            await at.carrier.once()
            (dead,) = at.rows(state="dead")
            assert (dead.row.error, dead.row.attempts) == ("chat refused the message (400)", 1)
            assert [d.row.state for d in at.rows(state="sent")] == ["sent"]
            found = _health(at)["chat"]
            assert (found.dead, found.waiting, found.failing, found.sent_at) == (1, 0, "", START)


async def test_what_failed_too_often_is_a_dead_letter_with_its_sentence(tmp_path: Path) -> None:
    async with hook(answer(500)) as there:
        with post(tmp_path, webhook(there.url()), attempts=3) as at:
            at.say()
            for _ in range(6):
                await at.carrier.once()
                at.pass_s(3600)
            (dead,) = at.rows()
            assert (dead.row.state, dead.row.attempts, dead.row.error) == ("dead", 3, "chat failed by itself (500)")
            assert len(there.got) == 3
            assert at.outcomes == [("chat", "failed"), ("chat", "failed"), ("chat", "dead")]


async def test_a_target_in_trouble_is_asked_once_and_not_for_everything_that_waits(tmp_path: Path) -> None:
    async with hook(answer(500)) as there:
        with post(tmp_path, webhook(there.url())) as at:
            for number in range(20):
                at.say(f"k{number}")
            await at.carrier.once()
            assert len(there.got) == 1
            assert sum(d.row.attempts for d in at.rows()) == 1


async def test_urgent_goes_first(tmp_path: Path) -> None:
    async with hook() as there:
        with post(tmp_path, webhook(there.url())) as at:
            at.say("a")
            at.say("b", urgent=True)
            await at.carrier.once()
            assert [got.json["text"].startswith("Urgent") for got in there.got] == [True, False]


async def test_two_carriers_at_once_send_each_message_once(tmp_path: Path) -> None:
    async with hook() as there:
        with post(tmp_path, webhook(there.url())) as at:
            for number in range(30):
                at.say(f"k{number}")
            await asyncio.gather(*(carrier.once() for carrier in (at.carrier, at.another(), at.another())))
            assert len(there.got) == 30
            assert len({got.headers["webhook-id"] for got in there.got}) == 30
            assert {(d.row.state, d.row.attempts) for d in at.rows(limit=100)} == {("sent", 1)}


async def test_while_one_carrier_is_sending_another_leaves_it_alone(tmp_path: Path) -> None:
    arrived, go = asyncio.Event(), asyncio.Event()

    async def slow(_reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        arrived.set()
        await go.wait()
        writer.write(answer(200))
        await writer.drain()

    async with hook(slow) as there:
        with post(tmp_path, webhook(there.url())) as at:
            at.say()
            sending = asyncio.create_task(at.carrier.once())
            await arrived.wait()
            at.pass_s(11)
            await at.another().once()
            go.set()
            await sending
            assert len(there.got) == 1
            assert [d.row.state for d in at.rows()] == ["sent"]


async def test_a_process_that_ends_in_the_middle_sends_again_with_the_same_id(tmp_path: Path) -> None:
    arrived = asyncio.Event()

    async def hangs(_reader: asyncio.StreamReader, _writer: asyncio.StreamWriter) -> None:
        arrived.set()
        await asyncio.Event().wait()

    async with hook(hangs, answer(200)) as there:
        with post(tmp_path, webhook(there.url())) as at:
            at.say()
            killed = asyncio.create_task(at.carrier.once())
            await arrived.wait()
            killed.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await killed
            after = at.another()
            await after.once()
            assert len(there.got) == 1, "nobody knows yet whether the first one still sends"
            at.pass_s(2 * at.settings.notify.timeout_s + 30)
            await after.once()
            assert len(there.got) == 2 and len({got.headers["webhook-id"] for got in there.got}) == 1
            assert [(d.row.state, d.row.attempts) for d in at.rows()] == [("sent", 2)]


async def test_a_process_that_ends_in_its_last_attempt_leaves_a_dead_letter(tmp_path: Path) -> None:
    async with hook() as there:
        with post(tmp_path, webhook(there.url()), attempts=1) as at:
            at.say()
            with session(at.database) as opened:
                deliveries.spread(session=opened, targets=at.settings.notify.targets, now=START)
                claimed = deliveries.claim(session=opened, target="chat", attempts=1, lease=timedelta(seconds=40), now=START)
                assert claimed is not None
            at.pass_s(40)
            await at.carrier.once()
            (dead,) = at.rows()
            assert (dead.row.state, there.got) == ("dead", [])
            assert dead.row.error == "chat was tried 1 times, and what came of the last try is not known"


async def test_what_was_lost_to_another_and_arrived_after_all_counts_as_sent(tmp_path: Path) -> None:
    with post(tmp_path, webhook("http://127.0.0.1:9/x")) as at:
        at.say()
        lease = timedelta(seconds=40)
        with session(at.database) as opened:
            deliveries.spread(session=opened, targets=at.settings.notify.targets, now=START)
            mine = deliveries.claim(session=opened, target="chat", attempts=9, lease=lease, now=START)
        with session(at.database) as opened:
            theirs = deliveries.claim(session=opened, target="chat", attempts=9, lease=lease, now=START + lease)
        assert mine is not None and theirs is not None
        with session(at.database) as opened:
            deliveries.settle_failed(session=opened, row=mine[0], sentence="late", again_at=None)
        assert [(d.row.state, d.row.error) for d in at.rows()] == [("waiting", "")], "its claim no longer stands"
        with session(at.database) as opened:
            deliveries.settle_sent(session=opened, row=mine[0], note="", now=START)
        with session(at.database) as opened:
            deliveries.settle_failed(session=opened, row=theirs[0], sentence="failed", again_at=None)
        assert [(d.row.state, d.row.error) for d in at.rows()] == [("sent", "")]


async def test_what_was_said_before_a_target_was_there_is_not_sent_to_it(tmp_path: Path) -> None:
    async with hook() as there:
        with post(tmp_path) as at:
            at.say("before")
            await at.carrier.once()
            at.settings = settings_with(tmp_path, webhook(there.url()))
            at.say("after")
            await at.another().once()
            assert [got.json["text"].partition("\n")[0] for got in there.got] == ["Title of after"]


async def test_old_news_is_not_spread(tmp_path: Path) -> None:
    async with hook() as there:
        with post(tmp_path, webhook(there.url())) as at:
            at.say()
            at.pass_s(24 * 3600 + 1)
            await at.carrier.once()
            assert there.got == [] and at.rows() == []


async def test_what_waits_for_a_target_that_is_gone_is_shown_and_ends(tmp_path: Path) -> None:
    async with hook(answer(500)) as there:
        with post(tmp_path, webhook(there.url(), name="gone")) as at:
            at.say()
            await at.carrier.once()
            at.settings = settings_with(tmp_path)
            found = _health(at)["gone"]
            assert (found.configured, found.kind, found.waiting, found.failing) == (False, "", 1, "gone failed by itself (500)")
            at.pass_s(25 * 3600)
            at.say("k2")
            await at.another().once()
            (dead,) = at.rows(target="gone")
            assert (dead.row.state, dead.row.error) == ("dead", "The target is not in the settings any more")


async def test_a_carrier_that_runs_is_woken_and_ends(tmp_path: Path) -> None:
    async with hook() as there:
        with post(tmp_path, webhook(there.url())) as at:
            await at.carrier.start()
            try:
                at.say()
                at.carrier.wake("some operation")
                await _until(lambda: len(there.got) == 1)
                at.say("k2")
                await asyncio.to_thread(at.carrier.wake)
                await _until(lambda: len(there.got) == 2)
            finally:
                await at.carrier.stop()
            at.say("k3")
            at.carrier.wake()
            assert [task for task in asyncio.all_tasks() if "notif" in task.get_name()] == []
            assert len(there.got) == 2


async def test_what_happened_while_it_was_stopped_goes_out_after_the_start(tmp_path: Path) -> None:
    async with hook() as there:
        with post(tmp_path, webhook(there.url())) as at:
            at.say()
            await at.carrier.start()
            try:
                await _until(lambda: [d.row.state for d in at.rows()] == ["sent"])
            finally:
                await at.carrier.stop()
            assert len(there.got) == 1


async def test_a_target_that_hangs_holds_up_no_other(tmp_path: Path) -> None:
    async def hangs(_reader: asyncio.StreamReader, _writer: asyncio.StreamWriter) -> None:
        await asyncio.Event().wait()

    async with hook(hangs) as slow, hook() as quick:
        with post(tmp_path, webhook(slow.url(), name="slow"), webhook(quick.url(), name="quick"), timeout_s=100) as at:
            await at.carrier.start()
            try:
                at.say("a")
                at.carrier.wake()
                await _until(lambda: len(slow.got) == 1 and len(quick.got) == 1)
                at.say("b")
                at.carrier.wake()
                await _until(lambda: len(quick.got) == 2)
            finally:
                await at.carrier.stop()


async def test_a_database_that_fails_is_tried_again(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    async with hook() as there:
        with post(tmp_path, webhook(there.url())) as at:
            at.say()
            with at.database.begin() as connection:
                connection.exec_driver_sql("ALTER TABLE deliveries RENAME TO elsewhere")
            await at.carrier.start()
            try:
                await _until(lambda: "spreading notifications failed" in caplog.text)
                with at.database.begin() as connection:
                    connection.exec_driver_sql("ALTER TABLE elsewhere RENAME TO deliveries")
                at.carrier.wake()
                await _until(lambda: len(there.got) == 1)
            finally:
                await at.carrier.stop()
            assert caplog.text.count("spreading notifications failed") == 1


async def test_nothing_secret_is_kept_or_logged(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level("DEBUG")
    for name in ("httpx", "httpcore", "openova_console"):
        caplog.set_level("DEBUG", logger=name)
    key = tmp_path / "key"
    key.write_text(SECRET)
    async with hook(answer(500), answer(404), answer(200)) as there:
        with post(tmp_path / "one", webhook(there.url(), secret_file=str(key))) as at:
            at.say("a")
            at.say("b")
            for _ in range(3):
                await at.carrier.once()
                at.pass_s(60)
            assert len(there.got) == 3 and all(isinstance(got, Got) and got.is_signed() for got in there.got)
            kept = "".join(repr(d) for d in at.rows()) + repr(at.settings) + caplog.text
    assert "hush" not in kept and SECRET not in kept
