"""Passwords, roles and accounts."""

import asyncio
import math
import threading
import time

import pytest
from sqlalchemy import Engine

from openova_console.access import passwords, users
from openova_console.access.needs import need_of, needs
from openova_console.access.passwords import WeakPassword, check_rules, hash_password, verify_password
from openova_console.access.roles import ALLOWED, Role, allows
from openova_console.access.users import UserError
from openova_console.store.database import reading, session
from openova_console.store.tables import AuthSession
from tests.support.consoles import NOW, PASSWORD, Clock, add_user

TABLE = {
    Role.VIEWER: {Role.VIEWER},
    Role.OPERATOR: {Role.VIEWER, Role.OPERATOR},
    Role.APPROVER: {Role.VIEWER, Role.OPERATOR, Role.APPROVER},
    Role.SECURITY_OFFICER: {Role.VIEWER, Role.OPERATOR, Role.SECURITY_OFFICER},
    Role.ADMIN: set(Role),
}


@pytest.mark.parametrize("need", Role)
@pytest.mark.parametrize("role", Role)
def test_who_may_do_what_is_exactly_this_table(role, need):
    assert allows(role, need) == (need in TABLE[role])


def test_security_officer_and_approver_do_not_stand_in_for_each_other():
    assert not ALLOWED[Role.APPROVER] >= ALLOWED[Role.SECURITY_OFFICER]
    assert not ALLOWED[Role.SECURITY_OFFICER] >= ALLOWED[Role.APPROVER]


@pytest.mark.parametrize(("role", "need"), [("root", "viewer"), ("admin", "root"), ("", ""), ("ADMIN", "viewer")])
def test_what_is_not_in_the_table_is_not_allowed(role, need):
    assert not allows(role, need)


def test_a_need_is_read_back_and_absence_is_none():
    assert need_of(needs(Role.APPROVER)(lambda: None)) is Role.APPROVER
    assert need_of(lambda: None) is None
    assert need_of(object()) is None


def test_a_need_that_is_no_role_is_refused_when_the_code_loads():
    with pytest.raises(ValueError, match="owner"):
        needs("owner")


@pytest.mark.parametrize(
    ("password", "rule"),
    [
        ("short", "at least 12"),
        ("elevenchars", "at least 12"),
        ("x" * 300, "at most 256"),
        ("abababababababab", "too few different"),
        ("alice-2026-alice", "little more than the name"),
        ("Password1234", "first that anybody would try"),
        ("CorrectHorseBatteryStaple", "first that anybody would try"),
    ],
)
def test_a_guessable_password_is_refused_with_its_rule(password, rule):
    with pytest.raises(WeakPassword, match=rule):
        check_rules(password, name="alice")


@pytest.mark.parametrize("password", [PASSWORD, "żółw w kąpieli na 3 nogach", "alice likes long sentences"])
def test_a_long_password_is_taken(password):
    check_rules(password, name="alice")


def test_the_hash_is_argon2id_and_tells_right_from_wrong():
    stored = hash_password(PASSWORD)
    assert stored.startswith("$argon2id$v=19$m=65536,t=3,p=1$")
    assert verify_password(PASSWORD, stored)
    assert not verify_password(PASSWORD + " ", stored)
    assert not passwords.outdated(stored)


def test_the_same_characters_typed_on_another_keyboard_match(cheap_hashes):
    assert verify_password("cafe\u0301 cafe\u0301 cafe\u0301", hash_password("café café café"))


@pytest.mark.parametrize("stored", ["", "plain", "$argon2id$broken"])
def test_a_broken_hash_matches_nothing(cheap_hashes, stored):
    assert not verify_password(PASSWORD, stored)


def test_an_unknown_name_costs_the_same_work(monkeypatch):
    checked = []
    real = passwords._hasher()

    class Counting:
        hash = real.hash

        def verify(self, stored, password):
            checked.append(stored.split("$")[3])
            return real.verify(stored, password)

    monkeypatch.setattr(passwords, "_hasher", Counting)
    assert not verify_password(PASSWORD, None)
    assert not verify_password("wrong password!", hash_password(PASSWORD))
    assert checked == ["m=65536,t=3,p=1"] * 2


async def test_hashing_leaves_the_loop_free_and_runs_two_at_a_time(monkeypatch):
    running, most, lock = 0, 0, threading.Lock()
    gate = threading.Event()

    def slow(password: str) -> str:
        nonlocal running, most
        with lock:
            running += 1
            most = max(most, running)
        gate.wait(5)
        with lock:
            running -= 1
        return password

    monkeypatch.setattr(passwords, "hash_password", slow)
    work = [asyncio.create_task(passwords.hashed("x")) for _ in range(8)]
    deadline = time.monotonic() + 5
    while running < 2 and time.monotonic() < deadline:
        await asyncio.sleep(0)
    gate.set()
    await asyncio.gather(*work)
    assert most == 2


def test_names_that_differ_by_case_only_are_one_account(engine):
    add_user(engine, "Alice")
    with pytest.raises(UserError, match="already an account"):
        add_user(engine, "aLICE")
    with reading(engine) as s:
        assert users.find(session=s, name=" alice ").name == "Alice"


@pytest.mark.parametrize("name", ["", " ", "a b", "-a", "a-", "a\nb", "<script>", "x" * 65, "ż"])
def test_what_is_no_name_is_refused(engine, name):
    with pytest.raises(UserError, match="A name has 1 to 64"):
        add_user(engine, name)


def test_a_missing_account_says_how_to_find_the_right_one(engine):
    with reading(engine) as s, pytest.raises(UserError, match="users list"):
        users.by_name_or_raise(session=s, name="nobody")


def test_the_last_administrator_cannot_be_closed_or_demoted(engine):
    add_user(engine, "root", Role.ADMIN)
    add_user(engine, "alice", Role.OPERATOR)
    with session(engine) as s:
        root = users.by_name_or_raise(session=s, name="root")
        with pytest.raises(UserError, match="only administrator"):
            users.disable(session=s, user=root, now=NOW)
        with pytest.raises(UserError, match="only administrator"):
            users.set_role(session=s, user=root, role=Role.VIEWER, now=NOW)
        users.set_role(session=s, user=users.by_name_or_raise(session=s, name="alice"), role=Role.ADMIN, now=NOW)
        users.disable(session=s, user=root, now=NOW)


@pytest.mark.parametrize(
    "change",
    [
        lambda s, u: users.disable(session=s, user=u, now=NOW),
        lambda s, u: users.set_role(session=s, user=u, role=Role.OPERATOR, now=NOW),
        lambda s, u: users.set_password(session=s, user=u, password="another long password", now=NOW),
    ],
)
def test_a_changed_account_ends_its_sessions(engine, change):
    from datetime import timedelta

    user = add_user(engine, "alice")
    with session(engine) as s:
        s.add(
            AuthSession(
                id="a", token_sha256="b", user_id=user.id, created_at=NOW, last_seen_at=NOW,
                expires_at=NOW + timedelta(hours=1), address="", user_agent="",
            )
        )  # fmt: skip
    with session(engine) as s:
        change(s, users.by_name_or_raise(session=s, name="alice"))
    with reading(engine) as s:
        assert s.get(AuthSession, "a").revoked_at == NOW


def test_a_one_time_word_is_long_random_and_passes_the_rules(cheap_hashes: None):
    words = {passwords.one_time_word() for _ in range(20)}
    assert len({word for word, _ in words}) == 20
    for word, stored in words:
        letters = word.replace("-", "")
        assert len(letters) * math.log2(31) >= 100 and set(letters) <= set("23456789ABCDEFGHJKMNPQRSTUVWXYZ")
        passwords.check_rules(word, name="olga")
        assert passwords.verify_password(word, stored) and passwords.usable_hash(stored)


@pytest.mark.parametrize(
    "stored",
    [
        "",
        "x",
        "$argon2id$v=19$m=4194304,t=3,p=1$c29tZXNhbHRzb21lc2FsdA$YWJjZGVmZ2hpamtsbW5vcHFyc3R1dnd4eXoxMjM0NTY",
        "$argon2id$v=19$m=1,t=1,p=1$c29tZXNhbHRzb21lc2FsdA$YWJjZGVmZ2hpamtsbW5vcHFyc3R1dnd4eXoxMjM0NTY",
        "$argon2i$v=19$m=8,t=1,p=1$c29tZXNhbHRzb21lc2FsdA$YWJjZGVmZ2hpamtsbW5vcHFyc3R1dnd4eXoxMjM0NTY",
        "$argon2id$" + "a" * 300,
        "$2b$12$abcdefghijklmnopqrstuv",
    ],
)
def test_a_hash_that_another_program_made_is_no_word(stored: str, cheap_hashes: None):
    assert not passwords.usable_hash(stored)


def test_a_reset_account_has_to_change_its_word_and_counts_as_fresh(engine: Engine, clock: Clock):
    add_user(engine, "olga", Role.OPERATOR)
    clock.pass_(days=2)
    word, stored = passwords.one_time_word()
    with session(engine) as opened:
        users.reset_with_word(
            session=opened, user=users.by_name_or_raise(session=opened, name="olga"), word_hash=stored, now=clock.now()
        )
    with session(engine) as opened:
        olga = users.by_name_or_raise(session=opened, name="olga")
        assert passwords.verify_password(word, olga.password_hash)
        assert olga.must_change and olga.vouched_at == clock.now()


def test_an_account_whose_role_was_changed_or_that_was_opened_again_counts_as_fresh(engine: Engine, clock: Clock):
    add_user(engine, "olga", Role.OPERATOR)
    for change in (
        lambda opened, olga, now: users.set_role(session=opened, user=olga, role=Role.APPROVER, now=now),
        lambda opened, olga, now: users.enable(session=opened, user=olga, now=now),
    ):
        clock.pass_(days=2)
        with session(engine) as opened:
            change(opened, users.by_name_or_raise(session=opened, name="olga"), clock.now())
        with session(engine) as opened:
            assert users.by_name_or_raise(session=opened, name="olga").vouched_at == clock.now()
