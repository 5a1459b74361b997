"""The sealed audit: unbroken when it is left alone, and found out whatever is done to it."""

import json
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy import text
from sqlalchemy.exc import DatabaseError
from typer.testing import CliRunner

from openova_console.cli.app import app
from openova_console.handbook.canonical import canonical
from openova_console.handbook.seals import START, Anchor, seal_of, verify
from openova_console.store import anchors, audit
from openova_console.store.audit_file import export, verify_database
from openova_console.store.change_tables import AuditEvent
from openova_console.store.database import reading, session
from tests.support.consoles import NOW, cheap_hashes, empty_database, engine

__all__ = ["cheap_hashes", "empty_database", "engine"]
MANY = 12


def fill(engine, events: int = MANY, first: int = 0) -> None:
    for n in range(first, first + events):
        with session(engine) as opened:
            now = NOW + timedelta(seconds=n)
            audit.append(session=opened, event="step.done", actor="olga", body={"n": n, "word": "Ä„"}, operation_id="a", now=now)


def chain(events: int = MANY, word: str = "x") -> list[bytes]:
    """A good chain as lines, made without a database."""
    lines, previous = [], START
    for seq in range(1, events + 1):
        event = {"seq": seq, "at": f"2026-03-01T12:00:{seq:02}.000000Z", "event": "step.done", "actor": "olga"}
        event |= {"operation_id": "", "body": {"n": seq, "word": word}, "previous": previous}
        previous = seal_of(event)
        lines.append(canonical({**event, "seal": previous}).encode())
    return lines


def anchor_of(line: bytes) -> Anchor:
    event = json.loads(line)
    return Anchor(event["seq"], event["seal"], "2026-03-01T12:10:00Z", "the other region")


def test_what_was_left_alone_is_unbroken(engine):
    fill(engine)
    with reading(engine) as opened:
        seq, seal = audit.head(opened)
    found = verify_database(engine, [Anchor(seq, seal, "", "file")])
    assert found.ok and found.events == MANY and found.head == seal and found.anchors == 1
    assert verify(b"".join(export(engine)).splitlines()).ok


def test_an_event_is_kept_only_with_the_change_that_it_tells_of(engine):
    with pytest.raises(RuntimeError), session(engine) as opened:
        audit.append(session=opened, event="step.done", actor="olga", body={}, now=NOW)
        raise RuntimeError
    fill(engine, 1)
    assert verify_database(engine).events == 1


def test_the_database_refuses_to_change_or_delete_an_event(engine):
    fill(engine, 2)
    for statement in ("UPDATE audit_events SET actor = 'nobody'", "DELETE FROM audit_events WHERE seq = 2"):
        with pytest.raises(DatabaseError, match="append-only"), session(engine) as opened:
            opened.connection().execute(text(statement))
    assert verify_database(engine).events == 2


def test_whoever_drops_the_triggers_is_found_out(engine):
    fill(engine)
    with engine.begin() as connection:
        connection.execute(text("DROP TRIGGER audit_events_no_update"))
        connection.execute(text("UPDATE audit_events SET actor = 'nobody' WHERE seq = 5"))
    found = verify_database(engine)
    assert not found.ok and found.seq == 5 and "altered" in found.sentence


def test_twenty_at_once_leave_one_chain_without_a_gap(engine):
    with ThreadPoolExecutor(20) as pool:
        list(pool.map(lambda n: fill(engine, 1, n), range(60)))
    found = verify_database(engine)
    assert found.ok and found.events == 60


def test_no_secret_enters_it(engine):
    body = {"request": "Authorization: Bearer abcdefghijkl", "password": "hunter2hunter2", "token": "ovm_" + "a" * 43}
    with session(engine) as opened:
        audit.append(session=opened, event="write.sending", actor="engine", body=body, now=NOW)
    written = b"".join(export(engine)).decode()
    for secret in ("abcdefghijkl", "hunter2", "aaaaaaaa"):
        assert secret not in written


def test_a_body_that_is_too_large_is_cut_and_still_sealed(engine):
    with session(engine) as opened:
        row = audit.append(session=opened, event="write.answered", actor="engine", body={"answer": "x" * 500_000}, now=NOW)
        assert len(row.body) <= audit.BODY_LIMIT
    assert verify_database(engine).ok


@given(st.data())
@settings(deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_any_single_change_is_found(data):
    lines = chain()
    at = data.draw(st.integers(0, MANY - 1))
    how = data.draw(st.sampled_from(["edit", "delete", "insert", "swap", "repeat"]))
    if how == "edit":
        event = json.loads(lines[at])
        field = data.draw(st.sampled_from(["at", "event", "actor", "operation_id", "body", "previous", "seal", "seq"]))
        event[field] = {"other": 1} if field == "body" else event[field] + 1 if field == "seq" else event[field] + "x"
        lines[at] = canonical(event).encode()
    elif how == "delete":
        at = data.draw(st.integers(0, MANY - 2))
        del lines[at]
    elif how == "insert":
        lines.insert(at, chain(1, "foreign")[0])
    elif how == "swap":
        other = data.draw(st.integers(0, MANY - 1).filter(lambda n: n != at))
        lines[at], lines[other] = lines[other], lines[at]
    else:
        lines.insert(at, lines[at])
    found = verify(lines)
    assert not found.ok and found.seq is not None and found.sentence


@given(st.integers(1, MANY - 1))
@settings(deadline=None)
def test_a_cut_end_is_found_by_an_anchor_and_by_nothing_else(kept):
    lines = chain()
    assert verify(lines[:kept]).ok
    found = verify(lines[:kept], [anchor_of(lines[-1])])
    assert not found.ok and "cut off" in found.sentence and found.seq == kept + 1


@given(st.integers(0, MANY - 1))
@settings(deadline=None)
def test_a_chain_that_was_written_anew_is_found_by_an_anchor(at):
    forged = chain(word="y")
    assert verify(forged).ok
    found = verify(forged, [anchor_of(chain()[at])])
    assert not found.ok and "written anew" in found.sentence and found.seq == at + 1


def test_how_a_line_is_written_does_not_matter_what_it_says_does():
    lines = [json.dumps(json.loads(line), indent=None, ensure_ascii=True).encode() for line in chain()]
    assert verify(lines).ok


def test_a_database_that_is_older_than_its_anchors_was_restored(engine, tmp_path: Path):
    file = tmp_path / "anchors.jsonl"
    fill(engine, 3)
    with reading(engine) as opened:
        seq, seal = audit.head(opened)
    anchors.write_file_anchor(file, seq=seq, seal=seal, now=NOW)
    assert anchors.restored(engine, anchors.read_file_anchors(file).anchors) == ""
    anchors.write_file_anchor(file, seq=7, seal="b" * 64, now=NOW)
    assert "restored from a backup" in anchors.restored(engine, anchors.read_file_anchors(file).anchors)
    assert file.stat().st_mode & 0o777 == 0o600


def test_a_line_that_a_crash_cut_short_is_told_and_an_altered_one_is_an_error(tmp_path: Path):
    file = tmp_path / "anchors.jsonl"
    anchors.write_file_anchor(file, seq=1, seal="a" * 64, now=NOW)
    with file.open("ab") as opened:
        opened.write(b'{"at":"2026')
    read = anchors.read_file_anchors(file)
    assert len(read.anchors) == 1 and "cut short" in read.broken
    anchors.write_file_anchor(file, seq=2, seal="b" * 64, now=NOW)
    assert [a.seq for a in anchors.read_file_anchors(file).anchors] == [1, 2]
    file.write_bytes(file.read_bytes().replace(b'"seq":1', b'"seq":"1"'))
    with pytest.raises(anchors.AnchorError, match="altered"):
        anchors.read_file_anchors(file)


def test_the_command_says_it_in_one_sentence_and_by_its_exit_code(engine, tmp_path: Path):
    fill(engine)
    out, file = tmp_path / "audit.jsonl", tmp_path / "anchors.jsonl"
    out.write_bytes(b"".join(export(engine)))
    with reading(engine) as opened:
        seq, seal = audit.head(opened)
    anchors.write_file_anchor(file, seq=seq, seal=seal, now=NOW)

    def run(*arguments: str):
        return CliRunner().invoke(app, ["audit", "verify", *arguments])

    for place in (str(out), str(engine.url.database), str(engine.url)):
        good = run(place, "--anchor", str(file))
        assert good.exit_code == 0 and f"{MANY} events, unbroken" in good.output and "1 anchor agrees" in good.output
    lines = out.read_bytes().splitlines(keepends=True)
    out.write_bytes(b"".join(lines[:-2]))
    assert run(str(out)).exit_code == 0
    cut = run(str(out), "--anchor", str(file))
    assert cut.exit_code == 1 and "cut off" in cut.output
    assert run(str(tmp_path / "nothing.jsonl")).exit_code == 2


def test_a_name_that_is_no_name_is_a_mistake_of_ours(engine):
    for wrong in ({"event": ""}, {"actor": "x" * 81}, {"event": "two\nlines"}):
        with pytest.raises(ValueError, match="needs 1 to"), session(engine) as opened:
            audit.append(**{"session": opened, "event": "e", "actor": "a", "body": {}, "now": NOW, **wrong})


def test_it_is_searched_newest_first(engine):
    fill(engine)
    with reading(engine) as opened:
        found = audit.search(opened, event="step.done", limit=3)
        assert [row.seq for row in found] == [MANY, MANY - 1, MANY - 2]
        assert [row.seq for row in audit.search(opened, before_seq=3)] == [2, 1]
        assert isinstance(found[0], AuditEvent)


def test_a_search_keeps_to_its_span_of_time(engine):
    fill(engine, 5)
    with reading(engine) as opened:
        since, until = NOW + timedelta(seconds=1), NOW + timedelta(seconds=3)
        assert [row.seq for row in audit.search(opened, since=since, until=until)] == [3, 2]
        assert [row.seq for row in audit.search(opened, since=until)] == [5, 4]


def test_how_far_a_verification_is_can_be_heard(engine):
    fill(engine)
    heard: list[int] = []
    assert verify_database(engine, read=heard.append).ok
    assert sum(heard) == MANY


def test_the_newest_head_that_was_written_is_told_from_the_newest_attempt(engine):
    with session(engine) as opened:
        for seq, ok in ((1, True), (2, True), (3, False)):
            anchors.record(session=opened, seq=seq, seal="a" * 64, place="file", ok=ok, now=NOW)
    with reading(engine) as opened:
        assert anchors.newest(opened)["file"].seq == 3
        assert anchors.newest(opened, that_worked=True)["file"].seq == 2


@pytest.mark.parametrize(
    "data",
    [None, "x", {}, {"seq": 1, "seal": "a" * 64, "at": ""}, {"seq": "1", "seal": "A" * 64, "at": ""}, {"seq": "1" * 19}],
)
def test_what_is_no_head_is_not_taken_for_one(data):
    assert anchors.anchor_from(data, "there") is None


def test_a_head_from_a_config_map():
    data = {"seq": "12", "seal": "a" * 64, "at": "2026-03-01T12:00:00+00:00"}
    assert anchors.anchor_from(data, "there") == Anchor(12, "a" * 64, "2026-03-01T12:00:00+00:00", "there")
