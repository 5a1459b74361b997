"""From the board to the rows on the page: words, and nothing green that was not judged so."""

from dataclasses import replace
from datetime import timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from openova_console.handbook.replication import Hop, Service
from openova_console.handbook.witnesses import Outcome
from openova_console.handbook.words import Judgement, Verdict
from openova_console.systems.lease import LeaseFacts
from openova_console.watch.board import judge
from openova_console.watch.snapshot import CollectorHealth, Snapshot
from openova_console.web import present
from tests.support.factories import NOW, aged, ago, missing, reading, region_facts, settings, snapshot, untimed, witnesses

BOTH = settings()


def board(found: Snapshot | None = None, **changes):
    return judge(found or snapshot(**changes), BOTH, NOW)


def tile(index: int = 0, found: Snapshot | None = None, **changes):
    """The tile of one region; changes go to that region's facts."""
    if changes:
        regions = snapshot().regions | {f"region-{index + 1}": region_facts(active=index == 0, **changes)}
        found = snapshot(regions=regions)
    return present.region_tile(board(found).regions[index], BOTH, NOW)


def line(shown, label: str) -> tuple[str, str]:
    found = next(x for x in shown.lines if x.label == label)
    return found.text, found.verdict


def more(shown) -> dict[str, str]:
    return {fact.label: fact.value for fact in shown.more}


def test_instants_are_for_the_browser():
    assert present.iso(NOW) == "2026-03-01T12:00:00.000Z"
    assert present.iso(None) == ""


def test_a_healthy_regions_tile():
    shown = tile()
    assert (shown.role, shown.role_class, shown.verdict, shown.headline) == ("Primary", "active", "ok", "Healthy")
    assert {x.label: (x.text, x.verdict) for x in shown.lines} == {
        "Kubernetes API": ("reachable · v1.34.2", "ok"),
        "Nodes ready": ("3 / 3", "ok"),
        "Controller": ("active · lease 27 s left", "ok"),
        "Flux ready": ("5 / 5", "ok"),
        "Newest backup": ("2 h ago", "ok"),
        "Certificates < 30 d": ("0", "ok"),
    }
    assert shown.at == present.iso(ago(1))
    assert more(shown)["Lease holder"] == "region-1"
    assert shown.certificates[0].value == "in 80 d"
    assert tile(1).looked_from and not shown.looked_from
    assert line(tile(1), "Controller") == ("standby · lease 27 s left", "ok")


def test_before_the_first_read_a_tile_is_unknown_in_every_line():
    shown = tile(found=Snapshot())
    assert (shown.role, shown.verdict, shown.at) == ("Role unknown, intended primary", "unknown", "")
    assert {(x.text, x.verdict) for x in shown.lines} == {("unknown", "unknown")}
    assert (shown.more, shown.certificates) == ([], [])


def test_a_region_that_does_not_answer_shows_when_it_last_did():
    shown = tile(api=reading(False, error="refused"), version=reading("v1.34.2", age_s=300))
    assert line(shown, "Kubernetes API") == ("no answer", "unknown")
    assert shown.at == present.iso(ago(300))


@pytest.mark.parametrize("api", [missing("does not accept the console's credentials (401)"), reading(True, age_s=60)])
def test_a_region_that_could_not_be_asked_is_not_called_silent(api):
    assert line(tile(api=api), "Kubernetes API") == ("unknown", "unknown")


@pytest.mark.parametrize(
    ("index", "active", "role", "css"),
    [
        (0, reading(False), "Standby, intended primary", ""),
        (1, reading(True), "Active, intended DR", "breach"),
        (1, reading(False), "DR", ""),
        (0, missing(), "Role unknown, intended primary", "unknown"),
        (0, reading(True, age_s=60), "Role unknown, intended primary", "unknown"),
    ],
)
def test_the_role_that_is_seen_and_the_one_that_is_meant(index, active, role, css):
    shown = tile(index, evidence=replace(region_facts(active=index == 0).evidence, active=active))
    assert (shown.role, shown.role_class) == (role, css)


def lease(holder="region-1", renewed=3.0, duration: float | None = 30.0, **more_):
    held = LeaseFacts(holder, None if renewed is None else ago(renewed), ago(9000), duration, 2)
    return reading(held, **more_)


@pytest.mark.parametrize(
    ("found", "text", "verdict"),
    [
        (lease(), "active · lease 27 s left", "ok"),
        (lease("region-2"), "standby · lease 27 s left", "ok"),
        (lease(renewed=45), "lease of region-1 expired 15 s ago", "warn"),
        (lease(""), "nobody holds the lease", "warn"),
        (lease(renewed=None), "lease of region-1 was never renewed", "warn"),
        (lease(duration=None), "lease of region-1 has no duration", "unknown"),
        (lease(renewed=-3600), "lease of region-1 is dated 1 h in the future", "unknown"),
        (lease(age_s=60), "unknown", "unknown"),
        (missing("no Lease"), "not installed", "unknown"),
        (missing("leases are not installed here"), "unknown", "unknown"),
    ],
)
def test_the_controllers_lease(found, text, verdict):
    assert line(tile(lease=found), "Controller") == (text, verdict)


@untimed
@given(
    st.sampled_from(["", "region-1", "x"]),
    # Whole milliseconds: an instant holds no less than a microsecond.
    st.none() | st.integers(-(10**9), 10**9).map(lambda ms: ms / 1000),
    st.none() | st.floats(0, 1e5),
    st.floats(-100, 100),
)
def test_no_lease_crashes_the_tile_and_only_a_running_one_is_ok(holder, renewed, duration, age_s):
    text, verdict = line(tile(lease=lease(holder, renewed, duration, age_s=age_s)), "Controller")
    assert text
    if verdict == "ok":
        assert holder and renewed is not None and duration is not None and renewed <= duration


def test_what_is_stale_is_unknown_in_every_line_and_never_zero():
    shown = tile(found=aged(snapshot(), 60))
    assert {(x.text, x.verdict) for x in shown.lines} == {("unknown", "unknown")}
    assert more(shown) == {"Postgres": "unknown", "Postgres phase": "unknown", "Flux suspended": "unknown"}


def test_flux_that_is_not_known_has_no_count_of_suspended_objects():
    assert more(tile(flux=missing("helmreleases are not installed here")))["Flux suspended"] == "unknown"
    assert more(tile(flux_suspended=2))["Flux suspended"] == "2"


def test_a_certificate_that_has_ended_does_not_end_in_the_future():
    shown = tile(certificates=(("a/late", ago(3 * 86400)), ("a/soon", ago(-86400))))
    assert [(c.label, c.value) for c in shown.certificates] == [("a/late", "ended 3 d ago"), ("a/soon", "in 1 d")]


def test_the_links_tile():
    shown = present.link_tile(board().links[0], BOTH, NOW)
    assert (shown.kind, shown.sentence, shown.handshake, shown.verdict) == (
        "WireGuard", "24 ms · 0 % loss", "60 s ago", "ok",
    )  # fmt: skip
    old = present.link_tile(board(aged(snapshot(), 91)).links[0], BOTH, NOW)
    assert (old.handshake, old.verdict) == ("", "unknown")
    assert present.link_tile(board(Snapshot()).links[0], BOTH, NOW).at == ""


def witness(found: Snapshot | None = None, **changes):
    return present.witness_tile(board(found, **changes).witnesses[0], BOTH, NOW)


def test_the_witnesses_tile():
    shown = witness()
    assert (shown.count, shown.verdict) == ("3 of 3 reach it", "ok")
    assert [(v.name, v.word, v.verdict) for v in shown.votes] == [
        ("Google", "Reachable", "ok"), ("Cloudflare", "Reachable", "ok"), ("Quad9", "Reachable", "ok"),
    ]  # fmt: skip
    assert shown.votes[0].why == "Answered in 3 of 3 rounds; control name answered in 12 ms"
    dead = witness(witnesses=witnesses("region-1", Outcome.SERVFAIL, Outcome.TIMEOUT, Outcome.ANSWER))
    assert (dead.count, dead.verdict) == ("2 of 3 cannot", "breach")
    silent = witness(witnesses=witnesses("region-1", *(Outcome.REFUSED,) * 3))
    assert (silent.count, silent.verdict) == ("3 of 3 abstain", "unknown")
    assert witness(Snapshot()).count == "not asked yet"


def test_a_vote_that_is_too_old_is_not_shown_as_one():
    shown = witness(aged(snapshot(), 100))
    assert (shown.count, shown.verdict) == ("no fresh answer", "unknown")
    assert {(v.word, v.verdict) for v in shown.votes} == {("Too old", "unknown")}
    assert shown.votes[0].why.startswith("The last word was: Answered")


def service(name: Service, found: Snapshot | None = None, **changes):
    row = next(r for r in board(found, **changes).replication if r.promise.service is name)
    return present.service_row(row, None)


def test_a_services_row():
    shown = service(Service.CNPG)
    assert (shown.word, shown.lag, shown.at_risk, shown.transport) == ("OK", "0.1 s", "2.5 KB", "connected")
    assert (shown.objective, shown.direction) == ("Near-zero · ≤ 5 s", "Region 1 → Region 2")
    assert (shown.at, shown.fresh_s, shown.quiet) == (present.iso(ago(1)), 60, False)
    assert service(Service.VALKEY).fresh_s == 30


def test_a_service_that_is_not_known_shows_no_number_as_its_lag():
    shown = service(Service.CNPG, aged(snapshot(), 70))
    assert (shown.verdict, shown.lag, shown.at_risk, shown.transport) == ("unknown", "unknown", "–", "unknown")


def test_a_service_that_is_not_read_is_quiet_and_unknown():
    shown = service(Service.MINIO)
    assert (shown.verdict, shown.lag, shown.at_risk, shown.transport, shown.quiet) == ("unknown", "–", "–", "", True)
    assert shown.sentence == "Not configured: add regions[].minio to the settings"


def source(**health):
    found = Snapshot(collectors={"link/region-1": CollectorHealth(10.0, **health)})
    return present.source_rows(found, NOW)[0]


@pytest.mark.parametrize(
    ("health", "verdict", "word", "sentence"),
    [
        ({"last_ok": ago(4)}, "ok", "Reading", "Answers within its time."),
        ({}, "unknown", "Not read yet", "The first answer is still to come."),
        ({"last_ok": ago(50), "down_since": ago(40), "error": "It refused the connection"}, "unknown", "Cannot be read",
         "It refused the connection."),
        ({"last_ok": ago(200)}, "unknown", "Stopped", "The console has not read it for 3 min 20 s: restart the console."),
        ({"last_ok": ago(4), "crashes": 1}, "ok", "Reading",
         "Answers within its time. Restarted once after a fault of the console's own."),
        ({"last_ok": ago(4), "crashes": 3}, "ok", "Reading",
         "Answers within its time. Restarted 3 times after a fault of the console's own."),
    ],
)  # fmt: skip
def test_how_a_source_fares(health, verdict, word, sentence):
    shown = source(**health)
    assert (shown.verdict, shown.word, shown.sentence, shown.cadence) == (verdict, word, sentence, "every 10 s")


def test_sources_that_are_down_come_first():
    found = {"a": CollectorHealth(10.0, last_ok=NOW), "b": CollectorHealth(10.0, last_ok=NOW, down_since=NOW, error="x")}
    assert [r.name for r in present.source_rows(Snapshot(collectors=found), NOW)] == ["b", "a"]


def test_alarms_carry_a_word_beside_their_colour():
    rows = present.alarms(board(Snapshot()))
    assert {(r.verdict, r.word) for r in rows} == {("unknown", "Unknown")}
    assert set(present.WORDS) == set(Verdict)


@untimed
@given(st.floats(0, 200), st.sampled_from(["region-1", "region-2"]))
def test_no_row_is_green_unless_its_verdict_is(seconds, active):
    found = judge(aged(snapshot(active=active), seconds), BOTH, NOW + timedelta(seconds=1))
    now = found.at
    for row in found.regions:
        shown = present.region_tile(row, BOTH, now)
        if row.verdict is not Verdict.OK:
            assert shown.verdict != "ok" and shown.headline != "Healthy"
        if seconds > BOTH.freshness.kubernetes_s:
            assert {x.verdict for x in shown.lines} == {"unknown"}
    for row in found.witnesses:
        shown = present.witness_tile(row, BOTH, now)
        assert ("ok" in {v.verdict for v in shown.votes}) <= (row.quorum.judgement.verdict is not Verdict.UNKNOWN)


@pytest.mark.parametrize(
    ("judgement", "lag_s", "shown"),
    [
        (Judgement.ok("answers"), None, "–"),
        (Judgement.unknown("no sample"), None, "unknown"),
        (Judgement.breach("sealed"), None, "unknown"),
        (Judgement.ok("fine"), 0.5, "0.5 s"),
    ],
)
def test_a_leg_that_is_in_order_and_adds_no_time_is_not_called_unknown(judgement, lag_s, shown):
    row = next(r for r in board().replication if r.promise.service is Service.CNPG)
    legs = replace(row, assessment=replace(row.assessment, hops=(Hop("a leg", judgement, lag_s),)))
    assert present.service_row(legs, None).hops[0].lag == shown
