"""Accounts, policy, tokens, standing approvals and the audit as their pages show them: words, and nothing that is a secret."""

import json
import re
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from openova_console.access.roles import Role, allows
from openova_console.access.sessions import Seen
from openova_console.api.rest.callers import EXPORT
from openova_console.handbook.canonical import canonical
from openova_console.handbook.seals import Anchor
from openova_console.notify.deliveries import TargetHealth
from openova_console.operations import standing
from openova_console.operations.catalogue import CATALOGUE, policy_of
from openova_console.operations.heads import Kept
from openova_console.operations.operation import BadParams, parse
from openova_console.settings.operations import KindPolicy
from openova_console.store.change_tables import AnchorRow, AuditEvent, MachineToken, PolicyRow, StandingApprovalRow
from openova_console.store.tables import User
from openova_console.web.account_rows import ROLE_NAMES, account_line, changes, policy_line
from openova_console.web.audit_rows import GROUPS, audit_line, body_text, compared_lines, place_lines, verdict
from openova_console.web.event_words import said
from openova_console.web.standing_rows import field_lines, standing_line, target_words, targets_of, value_of
from openova_console.web.states.audit import EXPORTS, _instant, _mistake
from openova_console.web.states.deliveries import target_line
from openova_console.web.states.policy import _policy
from openova_console.web.states.standing import KINDS, _params
from openova_console.web.token_rows import scope_lines, scopes_words, token_line
from openova_console.web.verifying import Outcome
from openova_console.web.wishes import mistake, words_of
from tests.support.factories import NOW

DAY = timedelta(days=1)
RESTART = {"region": "region-1", "workload": "Deployment", "namespace": "acme-prod", "name": "portal"}


def user(**more: Any) -> User:
    about = {
        "id": 1,
        "name": "olga",
        "name_key": "olga",
        "password_hash": "$secret$",
        "role": "operator",
        "created_at": NOW - DAY,
    }
    return User(**about | {"password_changed_at": NOW - DAY, "vouched_at": NOW - DAY} | more)


def line(one: User, seen: Seen | None = None, *, own: bool = False, sees_all: bool = True):
    return account_line(one, seen, own=own, sees_all=sees_all, fresh_for=timedelta(hours=24), now=NOW)


def test_an_account_in_words():
    found = line(user(), Seen(NOW, 2))
    assert (found.role_name, found.word, found.look, found.note) == ("Operator", "Open", "ok", "")
    assert (found.last, found.sessions) == ("2026-03-01T12:00:00.000Z", "2 sessions")
    assert json.loads(found.params) == {"name": "olga"}
    assert "secret" not in repr(found)
    assert line(user(disabled=True)).word == "Closed"


def test_what_else_has_to_be_known_of_an_account():
    assert line(user(must_change=True)).note.startswith("Has a one-time word")
    assert line(user(vouched_at=NOW)).note == "Cannot approve for another 1 d"
    sealed = line(user(break_glass=True, vouched_at=NOW)).note
    assert sealed == "Sealed: for whoever is alone on call"


def test_when_somebody_signed_in_is_for_administrators_and_for_himself():
    seen = Seen(NOW, 1)
    assert line(user(), seen, sees_all=False).last == line(user(), seen, sees_all=False).sessions == ""
    assert line(user(), seen, sees_all=False, own=True).sessions == "1 session"
    assert line(user()).last == ""


def test_every_role_has_its_words():
    assert set(ROLE_NAMES) == set(Role)


def version(number: int, **document: Any) -> PolicyRow:
    return PolicyRow(version=number, document=json.dumps(document), operation_id=f"{number:032x}", at=NOW)


def test_which_request_changed_a_kind_last():
    rows = [
        version(1, a={"approvals": 2}),
        version(2, a={"approvals": 2}, b={"confirm": True}),
        version(3, b={"confirm": True}),
    ]
    found = changes(rows)
    assert found["a"].operation_id.endswith("3") and found["b"].operation_id.endswith("2")
    assert changes([]) == {}


def test_a_policy_says_where_it_comes_from():
    operation = CATALOGUE["restart-workload"]
    settings, approved = KindPolicy(approvals=2), {"confirm": True}
    policy = policy_of(operation, settings, approved)
    change = changes([version(1, **{"restart-workload": approved})])["restart-workload"]
    found = policy_line(operation, policy, settings=settings, approved=approved, change=change, by="ada")
    assert (found.people, found.confirm, found.approve) == ("2 people", "Yes", "Approver")
    assert found.origin == "The settings say how many people; ada changed the password again"
    assert found.href == f"/runs/{1:032x}"
    own = policy_line(operation, operation.policy, settings=None, approved={}, change=None, by="")
    assert (own.origin, own.href) == ("As the kind itself says", "")
    back = policy_line(operation, operation.policy, settings=None, approved={}, change=change, by="ada")
    assert back.origin == "ada took back what was changed"


def test_a_policy_without_approvals_names_no_approver():
    operation = CATALOGUE["revoke-token"]
    found = policy_line(operation, operation.policy, settings=None, approved={}, change=None, by="")
    assert (found.people, found.approve) == ("Nobody", "–")


def test_what_the_form_of_a_policy_says():
    words = {"kind": "restart-workload", "approvals": "2", "valid_minutes": "90", "confirm": "no", "request": ""}
    assert _policy(words) == ({"approvals": 2, "valid_minutes": 90.0, "confirm": False}, "")
    assert _policy({"approvals": "two"}) == ({}, "How many people: “two” is no number.")


def token(**more: Any) -> MachineToken:
    about = {
        "id": "a" * 32,
        "name": "nightly",
        "token_sha256": "f" * 64,
        "owner_id": 1,
        "scopes": '["read"]',
        "created_by": "olga",
    }
    return MachineToken(**about | {"created_at": NOW, "expires_at": NOW + DAY} | more)


@pytest.mark.parametrize(
    ("row", "owner", "word", "over"),
    [
        (token(), user(), "Valid", False),
        (token(expires_at=NOW), user(), "Expired", True),
        (token(revoked_at=NOW, revoked_by="ada"), user(), "Taken back by ada", True),
        (token(), user(disabled=True), "Does not count: its owner's account is closed", False),
        (token(), None, "Does not count: its owner's account is closed", False),
    ],
)
def test_how_a_token_stands(row: MachineToken, owner: User | None, word: str, over: bool):
    found = token_line(row, owner, own=True, now=NOW)
    assert (found.word, found.over) == (word, over)
    assert "f" * 64 not in repr(found)


def test_scopes_in_words():
    assert scopes_words(["read", "request:restart-workload"]) == "look at everything and ask for “Restart a workload”"
    assert scopes_words(["request:*"]) == "ask for whatever its owner may ask for"
    assert scopes_words(["request:gone"]) == "request:gone"


@given(st.sampled_from(list(Role)), st.sampled_from(list(Role)))
def test_a_scope_can_be_chosen_exactly_when_the_role_and_a_machine_may_ask(role: Role, need: Role):
    operation = CATALOGUE["restart-workload"]
    found = {row.scope: row.against for row in scope_lines(role, [(operation, policy_of(operation, KindPolicy(request=need)))])}
    reachable = allows(role, need) and allows(Role.OPERATOR, need)
    assert (found["request:restart-workload"] == "") is reachable
    assert found["read"] == ""


def granted(**more: Any) -> StandingApprovalRow:
    template = {**RESTART, "name": "*"}
    limits = {"targets": [{"name": f"web-{n}"} for n in range(30)], "per_day": 2, "per_run": 1, "budget": None}
    about: dict[str, Any] = {"id": "a" * 32, "name": "nightly", "kind": "restart-workload", "source": "schedule:nightly"}
    about |= {"template": canonical(template), "limits": canonical(limits), "signature": "f" * 64, "operation_id": "b" * 32}
    about |= {"granted_by": "olga, approved by ada", "granted_at": NOW, "expires_at": NOW + DAY}
    return StandingApprovalRow(**about | more)


def test_a_standing_approval_in_words():
    found = standing_line(granted(), used=2, against="", over=False)
    assert (found.word, found.source, found.kind) == ("In force", "schedule nightly", "Restart a workload")
    assert found.used == "2 of 2 in the last 24 h: no more for now"
    assert [fact.label for fact in found.template] == ["Region", "Workload", "Namespace", "Name"]
    assert found.template[-1].value == "the targets say"
    assert len(found.targets) == 20 and found.targets[0] == "name=web-0" and found.more == "and 10 more"


def test_why_a_standing_approval_is_not_in_force():
    found = standing_line(granted(), used=0, against="it is not signed by this console", over=False)
    assert (found.word, found.why) == ("Not in force", "It is not signed by this console.")
    back = standing_line(granted(revoked_at=NOW, revoked_by="ada"), used=0, against="", over=True)
    assert (back.word, back.over) == ("Taken back by ada", True)
    assert standing_line(granted(), used=0, against="", over=True).word == "Ended"
    gone = standing_line(granted(kind="gone", source="alert:HighLag"), used=0, against="there is none", over=False)
    assert (gone.kind, gone.source) == ("gone", "alert mapping HighLag")


@pytest.mark.parametrize("kind", list(KINDS))
def test_the_form_asks_for_every_parameter_of_every_kind_that_may_be_scheduled(kind: str):
    fields = field_lines(KINDS[kind], {"region-1": "Region 1"})
    assert [row.name for row in fields] == list(KINDS[kind].params.model_fields)
    region = next(row for row in fields if row.name == "region")
    assert [option.value for option in region.options] == ["region-1", "*"]


FORM = {
    "name": "nightly", "kind": "restart-workload", "source_kind": "schedule", "source": "nightly", "per_day": "2", "per_run": "1",
    "days": "30", "targets": "name=portal\n\n name=shop \n", **{f"param:{k}": v for k, v in RESTART.items()}, "param:name": "*",
}  # fmt: skip


def test_a_form_that_is_whole_makes_a_grant():
    params, wrong = _params(FORM)
    assert wrong == "" and params["source"] == "schedule:nightly"
    parsed = parse(CATALOGUE["grant-standing-approval"], params)
    assert parsed.limits.targets == ({"name": "portal"}, {"name": "shop"})
    assert standing.against_template(parsed.template, parsed.limits.targets) == ""


@pytest.mark.parametrize(
    ("changes_", "says"),
    [
        ({"kind": "add-account"}, "Kind: choose"),
        ({"param:namespace": ""}, "namespace is missing"),
        ({"targets": "portal"}, "Targets, line 1"),
        ({"targets": "name=a name=b"}, "a name comes twice"),
        ({"per_day": "many"}, "Runs in 24 h: write a whole number"),
        ({"days": ""}, "Ends in (days): write a whole number"),
        ({"budget": "much"}, "Money: write a number"),
    ],
)
def test_a_form_that_is_wrong_names_the_field(changes_: dict[str, str], says: str):
    assert says in _params(FORM | changes_)[1]


@given(st.dictionaries(st.text(max_size=12), st.text(max_size=40), max_size=12))
def test_no_form_breaks_the_grant(words: dict[str, str]):
    params, wrong = _params(FORM | words)
    if not wrong:
        try:
            parse(CATALOGUE["grant-standing-approval"], params)
        except BadParams as bad:
            assert bad.mistakes


@given(st.dictionaries(st.sampled_from(["name", "namespace"]), st.from_regex(r"[a-z0-9-]{1,9}", fullmatch=True), min_size=1))
def test_targets_are_read_as_they_are_shown(target: dict[str, str]):
    assert targets_of(KINDS["restart-workload"].params, target_words(target)) == ([target], "")


def test_a_value_takes_the_type_that_the_parameter_has():
    model = CATALOGUE["create-token"].params
    assert value_of(model, "days", "30") == 30
    assert value_of(model, "days", "thirty") == "thirty"
    assert value_of(model, "days", "*") == "*"
    assert value_of(model, "name", "30") == "30"


def test_what_a_browser_sends_as_a_form_is_parsed():
    assert words_of({"a": " b ", "c": 4, "d": {"e": 1}, "f": "x" * 5000}) == {"a": "b"}
    assert words_of("x") == words_of(None) == words_of([1]) == {}


def test_the_form_says_what_is_wrong_before_the_dialog_opens_and_knows_that_the_secret_comes_later():
    assert mistake("add-account", {"name": "jane", "role": "viewer"}, {}) == ""
    assert mistake("add-account", {"name": "-", "role": "viewer"}, {"name": "Name"}).startswith("Name: ")
    assert "Role" in mistake("add-account", {"name": "jane", "role": "king"}, {"role": "Role"})


def event(body: dict[str, Any], name: str = "operation.requested", operation: str = "c" * 32) -> AuditEvent:
    about = {"seq": 7, "at": "2026-03-01T12:00:00.000000Z", "event": name, "actor": "olga", "operation_id": operation}
    return AuditEvent(**about, body=json.dumps(body), previous="0" * 64, seal="1" * 64)


def test_an_event_in_words():
    found = audit_line(event({"reason": "they hold stale connections"}), {"c" * 32: "Restart portal"}, "/a", "/e")
    assert (found.number, found.what, found.title) == ("7", "Asked for: they hold stale connections", "Restart portal")
    assert found.href == "/runs/" + "c" * 32
    assert audit_line(event({}, operation=""), {}, "", "").href == ""


def test_no_event_shows_digests_or_secrets_to_a_person():
    assert said("approval.given", {"digest": "d" * 64, "reason": ""}) == "Approved"
    assert said("console.changed", {"done": "The policy counts"}) == "The policy counts"
    hidden = event({"answer": "Authorization: Bearer abcdefghijklmnop", "password": "hunter2hunter2"}, "write.answered")
    for text in (audit_line(hidden, {}, "", "").what, body_text(hidden)):
        assert "abcdefghijklmnop" not in text and "hunter2" not in text


def test_every_event_that_the_console_writes_belongs_to_a_group():
    source = "\n".join(file.read_text() for file in Path("openova_console").rglob("*.py"))
    written = {name.partition(".")[0] for name in re.findall(r'event=f?"([a-z_.]+)', source)}
    assert written and written <= set(GROUPS)


def outcome(ok: bool | None, *places: Kept, **more: Any) -> Outcome:
    about = {"sentence": "", "events": 1234, "anchors": len(places), "took_s": 2.0, "at": NOW}
    return Outcome(ok=ok, places=places, **about | more)


FILE = Kept("the file", (Anchor(3, "a" * 64, "", "the file"), Anchor(9, "b" * 64, "", "the file")), "")
AWAY = Kept("Region 2: ConfigMap head", (), "it does not answer")


def test_a_verification_in_one_sentence():
    look, word, sentence = verdict(outcome(True, FILE))
    assert (look, word) == ("ok", "Unbroken")
    assert sentence == "1,234 events in one chain, verified in 2 s; 1 head agrees, kept in the file."
    assert [row.note for row in compared_lines([FILE, AWAY])] == ["2 heads, the newest of event 9", "it does not answer"]


def test_what_could_not_be_compared_is_said_and_is_not_green():
    look, _, sentence = verdict(outcome(True, FILE, AWAY))
    assert look == "warn" and sentence.endswith("Not compared: Region 2 (it does not answer).")
    look, _, sentence = verdict(outcome(True, AWAY))
    assert look == "warn" and "No head outside the database could be compared" in sentence
    assert verdict(outcome(None, FILE, sentence="It cannot be read."))[0] == "unknown"


def test_a_broken_audit_is_a_breach_and_says_where():
    look, word, sentence = verdict(outcome(False, FILE, sentence="Event 5 was altered.", events=4))
    assert (look, word) == ("breach", "The audit is broken")
    assert sentence == "Event 5 was altered. 4 events before it are good; verified in 2 s."


def test_a_place_that_failed_says_when_it_last_worked():
    good = AnchorRow(seq=3, seal="a" * 64, place="Region 2", ok=True, at=NOW - DAY)
    bad = AnchorRow(seq=9, seal="b" * 64, place="Region 2", ok=False, sentence="It does not answer", at=NOW)
    (row,) = place_lines({"Region 2": bad}, {"Region 2": good}, [])
    assert (row.look, row.word) == ("warn", "Not written")
    assert row.note == "It does not answer. Last written 2026-02-28 12:00 UTC: head of event 3."
    assert "Never written" in place_lines({"Region 2": bad}, {}, [])[0].note
    assert place_lines({}, {}, [("Region 1", "No account")])[0].look == "unknown"


@pytest.mark.parametrize(
    ("asked", "says"),
    [
        ({"q": "x" * 201}, "too long"),
        ({"operation": "abc"}, "32 digits"),
        ({"from": "yesterday"}, "no instant"),
        ({"to": "0001-01-01T00:00+23:59"}, "no instant"),
        ({"before": "-1"}, "newest"),
        ({"q": "portal", "from": "2026-03-01T12:00", "operation": "c" * 32, "before": "9"}, ""),
    ],
)
def test_a_search_that_is_wrong_says_so(asked: dict[str, str], says: str):
    found = _mistake(asked)
    assert says in found and bool(says) is bool(found)


def test_an_instant_is_utc_unless_it_says_otherwise():
    assert _instant("2026-03-01T12:00") == NOW == _instant("2026-03-01T13:00+01:00")


def test_the_page_lets_the_same_roles_export_as_the_api():
    assert EXPORT.roles == EXPORTS


def test_a_target_is_well_only_when_something_has_arrived_lately():
    def seen(**more: Any) -> str:
        given = {"sent_at": NOW, "waiting": 0, "dead": 0, "next_at": None, "failing": ""}
        target = TargetHealth("chat", "webhook", ("*",), urgent_only=False, configured=True, **{**given, **more})
        return target_line(target, NOW).look

    assert seen() == "ok"
    assert seen(sent_at=None) == seen(sent_at=NOW - timedelta(days=2)) == "unknown"
    assert seen(dead=1) == "warn" and seen(failing="refused") == "breach"
