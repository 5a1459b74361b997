"""The sealed account, from the envelope to the new seal: who hears of it, what it may decide, and that it works only once."""

import json
from collections.abc import AsyncIterator
from dataclasses import dataclass
from typing import Any

import pytest
import pytest_asyncio
from sqlmodel import select

from openova_console.access import passwords, users
from openova_console.access.caller import Caller, caller_of
from openova_console.access.identity import WhoCache
from openova_console.access.roles import Role
from openova_console.access.sign_in import SignInRefused, sign_in
from openova_console.api.health import Readiness
from openova_console.api.routes import wrap
from openova_console.operations import ledger
from openova_console.operations.authority import SEALED_STAYS_OUT
from openova_console.operations.requests import Refused
from openova_console.operations.words import State
from openova_console.store import audit
from openova_console.store.change_tables import NotificationRow, ReviewRow
from openova_console.store.database import reading
from openova_console.store.tables import AuthSession, User
from tests.support.consoles import cheap_hashes
from tests.support.engines import R1, REASON, Bench, engine_on
from tests.support.pages import Browser, Fields

__all__ = ["cheap_hashes"]
pytestmark = pytest.mark.usefixtures("cheap_hashes")
SUSPEND = {"region": R1, "namespace": "flux-system", "name": "observability"}
GLASS = "glass"


async def _pages(scope: Any, receive: Any, send: Any) -> None:
    await send({"type": "http.response.start", "status": 200, "headers": []})
    await send({"type": "http.response.body", "body": b"the console"})


@dataclass
class Night:
    """A console with two administrators who have sealed an account, and the one who is on call."""

    bench: Bench
    word: str

    @property
    def door(self) -> Browser:
        """A browser at the console's own door."""
        settings = self.bench.settings
        who = WhoCache(self.bench.database, settings.console)
        return Browser(wrap(_pages, settings=settings, engine=self.bench.database, who=who, readiness=Readiness()))

    async def break_it(self) -> Caller:
        """Sign in with the word from the envelope."""
        answer = await self.door.sign_in(GLASS, self.word)
        assert answer.status == 303, Fields(answer.text).alert
        return self.caller(self.sessions()[-1])

    def caller(self, row: AuthSession) -> Caller:
        with reading(self.bench.database) as opened:
            found = caller_of(session=opened, who=_Who(row))
        assert found is not None
        return found

    def account(self) -> User:
        with reading(self.bench.database) as opened:
            return users.by_name_or_raise(session=opened, name=GLASS)

    def sessions(self) -> list[AuthSession]:
        with reading(self.bench.database) as opened:
            mine = select(AuthSession).where(AuthSession.user_id == self.account().id)
            return list(opened.exec(mine.order_by(AuthSession.created_at)))

    def reviews(self) -> list[ReviewRow]:
        with reading(self.bench.database) as opened:
            return list(opened.exec(select(ReviewRow).order_by(ReviewRow.opened_at)))

    def told(self, event: str) -> list[Any]:
        with reading(self.bench.database) as opened:
            return [(row.actor, json.loads(row.body)) for row in audit.search(opened, event=event)]


def _Who(row: AuthSession) -> Any:
    from openova_console.access.sessions import Who

    return Who(row.user_id, GLASS, Role.APPROVER, row.id)


async def seal(bench: Bench, key: str = "seal") -> str:
    """The new word of the sealed account, which two administrators have seen to."""
    word, word_hash = passwords.one_time_word()
    params = {"name": GLASS, "word_hash": word_hash}
    row = await bench.engine.request("seal-account", params, bench.person("ada", Role.ADMIN), reason=REASON, idempotency_key=key)
    await bench.engine.decisions.approve(row.id, bench.person("bob", Role.ADMIN), digest=row.digest)
    ended = await bench.until(row.id)
    assert ended.state == State.COMPLETED, ended.sentence
    assert word not in str(ended) and word_hash[-20:] not in ended.plan + ended.evidence
    return word


@pytest_asyncio.fixture
async def night(lab: Any, tmp_path: Any) -> AsyncIterator[Night]:
    policy = {"suspend-kustomization": {"approvals": 2}}
    async with engine_on(lab.path / "console.yaml", tmp_path, kinds=policy, fresh_account_hours=0) as bench:
        bench.person("olga")
        yield Night(bench, await seal(bench))


async def asked(night: Night, key: str = "k1", *, by: str = "olga") -> Any:
    return await night.bench.ask("suspend-kustomization", SUSPEND, by=by, key=key)


async def refused(awaitable: Any) -> str:
    with pytest.raises(Refused) as caught:
        await awaitable
    return caught.value.sentence


async def test_its_sign_in_is_heard_by_everybody_and_has_to_be_reviewed(night: Night):
    await night.break_it()
    ((actor, body),) = night.told("account.break_glass")
    (review,) = night.reviews()
    assert actor == GLASS and body["review"] == review.id and body["address"] == "192.0.2.7"
    assert review.closed_at is None and review.opened_by_id == night.account().id and "192.0.2.7" in review.what
    with reading(night.bench.database) as opened:
        (notice,) = opened.exec(select(NotificationRow)).all()
    assert (notice.event, notice.urgent) == ("account.break_glass", True) and GLASS in notice.title
    assert night.word not in json.dumps([body, review.model_dump(mode="json"), notice.model_dump(mode="json")])


async def test_its_session_is_short(night: Night):
    await night.break_it()
    (row,) = night.sessions()
    assert (row.expires_at - row.created_at).total_seconds() == pytest.approx(4 * 3600, abs=5)


async def test_its_one_yes_is_enough_and_is_told_of_and_reviewed(night: Night):
    row = await asked(night)
    glass = await night.break_it()
    assert row.approvals_needed == 2
    await night.bench.engine.decisions.approve(row.id, glass, digest=row.digest, reason="alone on call")
    ended = await night.bench.until(row.id)
    assert ended.state == State.COMPLETED, ended.sentence
    assert "account.break_glass" in night.bench.outbox.events
    assert [review.operation_id for review in night.reviews()] == [None, row.id]


async def test_what_it_asked_for_itself_it_does_not_approve(night: Night):
    glass = await night.break_it()
    row = await night.bench.engine.request("suspend-kustomization", SUSPEND, glass, reason=REASON, idempotency_key="own")
    assert "another person" in await refused(night.bench.engine.decisions.approve(row.id, glass, digest=row.digest))


async def test_it_has_no_part_in_accounts_tokens_or_policy(night: Night):
    bench, glass = night.bench, await night.break_it()
    row = await bench.engine.request(
        "change-role", {"name": "olga", "role": "admin"}, bench.person("ada"), reason=REASON, idempotency_key="up"
    )
    assert await refused(bench.engine.decisions.approve(row.id, glass, digest=row.digest)) == SEALED_STAYS_OUT
    for kind, params in (
        ("change-role", {"name": "olga", "role": "admin"}),
        ("disable-account", {"name": "bob"}),
        ("create-token", {"name": "t", "owner": GLASS, "scopes": ["request:*"], "days": 1, "token_sha256": "a" * 64}),
    ):
        asks = bench.engine.request(kind, params, glass, reason=REASON, idempotency_key=kind)
        assert await refused(asks) == SEALED_STAYS_OUT
    with bench.write() as opened:
        ledger.by_id(opened, row.id).approvals_needed = 1
    assert bench.row(row.id).state == State.PENDING


async def test_a_yes_of_the_sealed_account_behind_the_engines_back_moves_no_account(night: Night):
    """The executor asks for itself: an approval that should not be there carries nothing."""
    from openova_console.operations import signing
    from openova_console.store.change_tables import ApprovalRow

    bench, glass = night.bench, await night.break_it()
    params = {"name": "olga", "role": "admin"}
    row = await bench.engine.request("change-role", params, bench.person("ada"), reason=REASON, idempotency_key="up")
    key = bench.engine.decisions._key
    with bench.write() as opened:
        forged = ApprovalRow(
            id="f" * 32,
            operation_id=row.id,
            user_id=int(glass.user_id or 0),
            name=GLASS,
            decision="approve",
            reason="",
            digest=row.digest,
            signature="",
            break_glass=True,
            at=bench.now(),
            expires_at=row.expires_at,
        )
        forged.signature = signing.sign(key, forged)
        opened.add(forged)
        found = ledger.by_id(opened, row.id)
        found.approvals_needed = 2
        ledger.move(opened, found, State.APPROVED, "made up", actor="nobody", now=bench.now())
    await bench.engine.housekeeping.sweep()
    assert (await bench.until(row.id)).state == State.VOIDED


async def test_a_review_is_closed_by_another_person_and_closes_the_account(night: Night):
    bench = night.bench
    row = await asked(night)
    glass = await night.break_it()
    await bench.engine.decisions.approve(row.id, glass, digest=row.digest, reason="alone on call")
    await bench.until(row.id)
    sign_in_review, yes_review = night.reviews()
    close = bench.engine.governance.close_review
    for review in (sign_in_review, yes_review):
        assert await refused(close(glass, review.id, finding="all was well")) == SEALED_STAYS_OUT
        # Whoever was alone on call is not his own reviewer under his own name either.
        with bench.write() as opened:
            users.by_name_or_raise(session=opened, name="olga").role = "approver"
        olga = bench.again(bench.person("olga"))
        assert "what you had asked for" in await refused(close(olga, review.id, finding="all was well"))
    await close(bench.person("bob"), yes_review.id, finding="it was needed")
    assert not night.account().disabled
    await close(bench.person("bob"), sign_in_review.id, finding="it was needed")
    assert night.account().disabled and all(s.revoked_at is not None for s in night.sessions())
    assert [body["account_closed"] for _, body in night.told("review.closed")] == [GLASS, ""]


async def test_the_word_works_again_only_after_a_new_seal(night: Night):
    bench = night.bench
    await night.break_it()
    await bench.engine.governance.close_review(bench.person("bob"), night.reviews()[0].id, finding="a false alarm")
    assert (await night.door.sign_in(GLASS, night.word)).status == 401
    for kind, params in (
        ("enable-account", {"name": GLASS}),
        ("reset-password", {"name": GLASS, "word_hash": passwords.one_time_word()[1]}),
        ("change-role", {"name": GLASS, "role": "admin"}),
    ):
        asks = bench.engine.request(kind, params, bench.person("ada"), reason=REASON, idempotency_key=f"again {kind}")
        assert "sealed anew" in await refused(asks)
    before = night.word
    night.word = await seal(bench, "again")
    assert (await night.door.sign_in(GLASS, before)).status == 401
    await night.break_it()
    assert len(night.told("account.break_glass")) == 2


async def test_while_it_is_open_the_word_still_works_and_each_sign_in_is_told(night: Night):
    await night.break_it()
    await night.break_it()
    assert len(night.reviews()) == len(night.told("account.break_glass")) == 2


async def test_the_sealed_account_reviews_nothing(night: Night):
    bench, glass = night.bench, await night.break_it()
    with bench.write() as opened:
        opened.add(ReviewRow(id="r" * 32, what="x", opened_by="olga", opened_by_id=99, opened_at=bench.now()))
    assert await refused(bench.engine.governance.close_review(glass, "r" * 32, finding="it was fine")) == SEALED_STAYS_OUT


async def test_its_word_is_not_exchanged_for_a_lasting_password(night: Night):
    browser = night.door
    await browser.sign_in(GLASS, night.word)
    answer = await browser.fill("/auth/password", current=night.word, password="my own phrase 77", again="my own phrase 77")
    assert answer.status == 422 and "until it is sealed again" in Fields(answer.text).alert
    assert passwords.verify_password(night.word, night.account().password_hash)


async def test_a_sign_in_that_nobody_would_hear_of_is_refused(night: Night):
    with pytest.raises(SignInRefused):
        await sign_in(
            engine=night.bench.database,
            settings=night.bench.settings.console,
            name=GLASS,
            password=night.word,
            address="192.0.2.7",
            user_agent="",
            now=night.bench.now(),
        )
    assert night.sessions() == [] and night.reviews() == []


async def test_one_that_was_sealed_lately_cannot_approve(lab: Any, tmp_path: Any):
    async with engine_on(lab.path / "console.yaml", tmp_path) as bench:
        bench.person("olga")
        night = Night(bench, await seal(bench))
        row, glass = await asked(night), await night.break_it()
        assert "lately" in await refused(bench.engine.decisions.approve(row.id, glass, digest=row.digest))


async def test_a_review_of_an_earlier_use_leaves_alone_what_was_sealed_anew(night: Night):
    await night.break_it()
    (review,) = night.reviews()
    await seal(night.bench, "anew")
    anna = night.bench.person("anna", Role.APPROVER)
    await night.bench.engine.governance.close_review(anna, review.id, finding="it was a real emergency")
    assert not night.account().disabled
