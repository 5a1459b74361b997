"""What the command line may change of accounts, and what it must leave to four eyes: each command, before and after."""

import getpass
import json
import os
import pwd
from datetime import UTC, datetime, timedelta

import pytest
import yaml
from sqlmodel import select
from typer.testing import CliRunner

from openova_console.access import sessions, users
from openova_console.access.passwords import verify_password
from openova_console.access.roles import Role
from openova_console.cli.app import app
from openova_console.settings import ConsoleSettings
from openova_console.store.change_tables import AuditEvent, NotificationRow, ReviewRow
from openova_console.store.database import migrate, open_engine, reading, session
from openova_console.store.tables import User
from tests.support.consoles import PASSWORD, cheap_hashes

__all__ = ["cheap_hashes"]

OS_USER = pwd.getpwuid(os.getuid()).pw_name


class Place:
    """A console's settings and database, and its command line."""

    def __init__(self, folder):
        document = {
            "console": {"looks_from": "region-1", "data_dir": "data"},
            "regions": [{"id": "region-1", "display": "Region 1", "role": "primary", "kubernetes": {"in_cluster": True}}],
        }
        self.config = folder / "console.yaml"
        self.config.write_text(yaml.safe_dump(document))
        self.password_file = folder / "password"
        self.password_file.write_text(PASSWORD + "\n")
        url = f"sqlite:///{folder / 'data' / 'console.db'}"
        migrate(url)
        self.engine = open_engine(url)

    def run(self, *args):
        return CliRunner().invoke(app, ["users", *args, "-c", str(self.config)])

    def add(self, *args):
        return self.run("add", *args, "--password-file", str(self.password_file))

    def have(self, name, role):
        with session(self.engine) as s:
            return users.add(session=s, name=name, password=PASSWORD, role=role, now=datetime.now(UTC))

    def rows(self, table):
        with reading(self.engine) as s:
            return s.exec(select(table)).all()

    def account(self, name):
        with reading(self.engine) as s:
            return users.find(session=s, name=name)

    def told(self):
        return [(event.event, event.actor, json.loads(event.body)) for event in self.rows(AuditEvent)]


@pytest.fixture
def place(tmp_path, cheap_hashes):
    one = Place(tmp_path)
    yield one
    one.engine.dispose()


CHANGES = {
    "add": ("add-account", ("add", "nina", "-r", "viewer")),
    "set-role": ("change-role", ("set-role", "alice", "admin")),
    "set-password": ("reset-password", ("set-password", "alice")),
    "disable": ("disable-account", ("disable", "alice")),
}


def typed(place, args):
    return place.run(*args, *(("--password-file", str(place.password_file)) if args[0] in ("add", "set-password") else ()))


@pytest.mark.parametrize("command", CHANGES)
def test_before_there_is_an_administrator_the_machine_is_the_right_to_do_it(place, command):
    place.have("alice", Role.VIEWER)
    answer = typed(place, CHANGES[command][1])
    assert answer.exit_code == 0, answer.output
    ((event, actor, body),) = place.told()
    assert (event, actor) == ("account.offline", f"command line ({OS_USER})")
    assert (body["command"], body["os_user"], body["uid"]) == (command, OS_USER, os.getuid())
    assert PASSWORD not in json.dumps(body) and "argon2" not in json.dumps(body)
    # There is nobody yet who could look at it afterwards.
    assert place.rows(ReviewRow) == [] and place.rows(NotificationRow) == []


@pytest.mark.parametrize("administrators", [1, 2])
@pytest.mark.parametrize("command", CHANGES)
def test_once_there_is_one_it_is_asked_for_where_another_approves(place, command, administrators):
    place.have("alice", Role.VIEWER)
    for number in range(administrators):
        place.have(f"root{number}", Role.ADMIN)
    before = [user.model_dump() for user in place.rows(User)]
    kind, args = CHANGES[command]
    answer = typed(place, args)
    assert answer.exit_code == 1 and answer.stderr.count("\n") == 1
    assert f"the operation {kind} in the console" in answer.stderr and "another administrator approves" in answer.stderr
    assert ("users add NAME --role admin" in answer.stderr) == (administrators == 1)
    assert [user.model_dump() for user in place.rows(User)] == before and place.told() == []


def test_a_closed_administrator_and_the_sealed_account_are_none(place):
    place.have("root", Role.ADMIN)
    with session(place.engine) as s:
        users.by_name_or_raise(session=s, name="root").disabled = True
    place.run("break-glass", "glass")
    assert place.add("nina", "-r", "viewer").exit_code == 0


def test_the_second_administrator_is_made_here_and_everybody_hears_of_it(place):
    place.have("root", Role.ADMIN)
    answer = place.add("second", "-r", "admin")
    assert answer.exit_code == 0, answer.output
    (review,) = place.rows(ReviewRow)
    (notice,) = place.rows(NotificationRow)
    assert "second was made as admin" in review.what and OS_USER in review.what
    assert review.opened_by_id == place.account("second").id and review.closed_at is None
    assert notice.event == "account.offline" and notice.urgent and "second was made as admin" in notice.text
    assert place.told()[-1][2]["account"] == "second"
    third = place.add("third", "-r", "admin")
    assert third.exit_code == 1 and "2 administrators" in third.stderr and place.account("third") is None


def test_nobody_is_asked_for_a_password_that_will_not_be_used(place):
    place.have("root", Role.ADMIN)
    answer = CliRunner().invoke(app, ["users", "add", "nina", "-r", "viewer", "-c", str(place.config)], input="x\nx\n")
    assert answer.exit_code == 1 and "Password" not in answer.output.replace("password", "")


@pytest.mark.parametrize("administrators", [0, 1])
def test_the_sealed_account_is_made_at_set_up_and_its_word_shown_once(place, administrators):
    for number in range(administrators):
        place.have(f"root{number}", Role.ADMIN)
    answer = place.run("break-glass", "glass")
    assert answer.exit_code == 0, answer.output
    word = answer.stdout.splitlines()[-1]
    user = place.account("glass")
    assert user.break_glass and not user.must_change and not user.disabled
    assert verify_password(word, user.password_hash)
    assert word not in json.dumps(place.told()) and "argon2" not in json.dumps(place.told())
    assert len(place.rows(ReviewRow)) == len(place.rows(NotificationRow)) == administrators
    assert "sealed" in place.run("list").stdout
    again = place.run("break-glass", "glass").stdout.splitlines()[-1]
    assert again != word and verify_password(again, place.account("glass").password_hash)


def test_the_sealed_account_does_not_keep_the_first_administrator_out(place):
    place.run("break-glass", "glass")
    from openova_console.access import setup

    with session(place.engine) as s:
        code = setup.issue(session=s, now=datetime.now(UTC))
        assert code is not None
        assert setup.redeem(session=s, code=code, name="root", password=PASSWORD, now=datetime.now(UTC)).role == "admin"


def test_with_two_administrators_an_account_is_sealed_by_both_of_them(place):
    for name in ("root", "second"):
        place.have(name, Role.ADMIN)
    answer = place.run("break-glass", "glass")
    assert answer.exit_code == 1 and "seal-account" in answer.stderr and place.account("glass") is None


def test_an_ordinary_account_is_not_sealed_and_the_sealed_one_not_made_ordinary(place):
    place.have("alice", Role.VIEWER)
    assert "ordinary account" in place.run("break-glass", "alice").stderr
    place.run("break-glass", "glass")
    assert "sealed account" in place.run("set-role", "glass", "admin").stderr
    assert "sealed account" in typed(place, ("set-password", "glass")).stderr
    assert place.account("glass").break_glass and place.account("glass").role == "approver"


def test_an_administrator_finds_back_in_when_nobody_can_sign_in(place):
    place.have("root", Role.ADMIN)
    place.have("second", Role.ADMIN)
    with session(place.engine) as s:
        users.by_name_or_raise(session=s, name="root").disabled = True
    answer = place.run("recover", "ROOT")
    assert answer.exit_code == 0, answer.output
    word = answer.stdout.splitlines()[-1]
    user = place.account("root")
    assert verify_password(word, user.password_hash) and user.must_change and not user.disabled
    assert datetime.now(UTC) - user.vouched_at < timedelta(minutes=1)
    ((event, actor, body),) = place.told()
    assert (event, actor, body["command"]) == ("account.offline", f"command line ({OS_USER})", "recover")
    (review,) = place.rows(ReviewRow)
    assert review.opened_by_id == user.id and "root was given a one-time word" in review.what
    assert [notice.event for notice in place.rows(NotificationRow)] == ["account.offline"]
    seen = json.dumps([body, review.model_dump(mode="json"), place.rows(NotificationRow)[0].model_dump(mode="json")])
    assert word not in seen and "argon2" not in seen


def test_as_long_as_an_administrator_is_signed_in_nothing_is_lost(place):
    place.have("root", Role.ADMIN)
    second = place.have("second", Role.ADMIN)
    settings, now = ConsoleSettings(looks_from="region-1"), datetime.now(UTC)
    with session(place.engine) as s:
        _, row = sessions.create(session=s, user=second, settings=settings, address="", user_agent="", now=now)
    answer = place.run("recover", "root")
    assert answer.exit_code == 1 and "second is signed in" in answer.stderr and "reset-password" in answer.stderr
    assert verify_password(PASSWORD, place.account("root").password_hash) and place.told() == []
    with session(place.engine) as s:
        s.get(type(row), row.id).last_seen_at = now - timedelta(hours=2)
    assert place.run("recover", "root").exit_code == 0


@pytest.mark.parametrize("name", ["alice", "glass", "nobody"])
def test_only_an_administrator_is_recovered(place, name):
    place.have("alice", Role.APPROVER)
    place.run("break-glass", "glass")
    told = len(place.told())
    answer = place.run("recover", name)
    assert answer.exit_code == 1 and answer.stderr.count("\n") == 1 and len(place.told()) == told


def test_who_typed_is_what_the_operating_system_says(place, monkeypatch):
    for name in ("LOGNAME", "USER", "LNAME", "USERNAME"):
        monkeypatch.setenv(name, "somebody-else")
    assert getpass.getuser() == "somebody-else"
    place.add("alice", "-r", "viewer")
    assert place.told()[0][1] == f"command line ({OS_USER})"
