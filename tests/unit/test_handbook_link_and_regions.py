"""The link between the regions, one region's lines, and who is active."""

from datetime import datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from openova_console.handbook.link import LinkLimits, judge_link
from openova_console.handbook.regions import Role, judge_activity, judge_region
from openova_console.handbook.words import Judgement, Reading, Verdict
from tests.support.factories import NOW, ago, missing, reading, region_evidence, untimed

LIMITS = LinkLimits(window_s=300, handshake_warn_s=300, rtt_warn_ms=150, loss_warn_percent=1)
ORDER = [Verdict.OK, Verdict.WARN, Verdict.UNKNOWN, Verdict.BREACH]
LINK = {"rtt_ms": 24.0, "loss_percent": 0.0, "newest_through": True, "handshake_age_s": 60.0}


def link(**changes) -> Judgement:
    parts = {k: v if isinstance(v, Reading) or v is None else reading(v) for k, v in (LINK | changes).items()}
    return judge_link(LIMITS, **parts, now=NOW, budget_s=90)


@pytest.mark.parametrize(
    ("changes", "verdict", "sentence"),
    [
        ({}, Verdict.OK, "24 ms · 0 % loss"),
        ({"handshake_age_s": None}, Verdict.OK, "24 ms · 0 % loss"),
        ({"loss_percent": 100.0, "newest_through": False, "rtt_ms": missing()}, Verdict.BREACH, "No probe gets through"),
        ({"loss_percent": 5.0}, Verdict.WARN, "5 % of the probes of the last 5 min were lost"),
        ({"loss_percent": 5.0, "newest_through": False, "rtt_ms": reading(24.0, age_s=16)}, Verdict.WARN,
         "The newest probe was lost, the last one got through 16 s ago; 5 % of the probes of the last 5 min were lost"),
        # dead for two minutes of five: the share alone would say "40 % lost"
        ({"loss_percent": 40.0, "newest_through": False, "rtt_ms": reading(24.0, age_s=120)}, Verdict.BREACH,
         "No probe has got through for 2 min"),
        ({"rtt_ms": 180.0, "handshake_age_s": 400.0}, Verdict.WARN,
         "A round trip takes 180 ms; the last handshake was 6 min 40 s ago"),
        ({"handshake_age_s": missing("there never was a handshake with r1")}, Verdict.WARN,
         "Handshake not known, there never was a handshake with r1"),
        ({"loss_percent": missing("probe_success has no sample")}, Verdict.UNKNOWN, "Not known, probe_success has no sample"),
        ({"loss_percent": reading(0.0, age_s=91)}, Verdict.UNKNOWN,
         "Not known, the last sample is 91 s old, the limit is 90 s"),
        ({"rtt_ms": missing("no probe got through")}, Verdict.UNKNOWN, "Round trip not known, no probe got through"),
    ],
)  # fmt: skip
def test_the_link_in_words(changes, verdict, sentence):
    assert link(**changes) == Judgement(verdict, sentence)


@untimed
@given(
    st.sampled_from(["rtt_ms", "loss_percent", "newest_through"]),
    st.sampled_from([missing(), reading(1.0, age_s=91), reading(1.0, completeness="partial"), reading(1.0, age_s=-6)]),
    st.floats(0, 100),
    st.booleans(),
)
def test_a_link_is_never_green_or_merely_warned_of_without_its_probe(name, unfit, loss, through):
    assert ORDER.index(link(**({"loss_percent": loss, "newest_through": through} | {name: unfit})).verdict) >= 2


@untimed
@given(st.floats(0, 100), st.floats(0, 100), st.sampled_from(["loss_percent", "rtt_ms", "handshake_age_s"]))
def test_a_worse_link_is_never_a_better_verdict(one, other, name):
    less, more = sorted((one, other))
    factor = 1 if name == "loss_percent" else 10
    assert ORDER.index(link(**{name: less * factor}).verdict) <= ORDER.index(link(**{name: more * factor}).verdict)


def region(**changes):
    return judge_region("Region 1", region_evidence(active=True, **changes), now=NOW, budget_s=45)


@pytest.mark.parametrize(
    ("changes", "verdict", "sentence"),
    [
        ({}, Verdict.OK, "Healthy"),
        ({"nodes_ready": reading(2)}, Verdict.WARN, "1 finding: 1 of 3 nodes not ready"),
        ({"nodes_ready": reading(0)}, Verdict.BREACH, "1 finding: 3 of 3 nodes not ready"),
        ({"nodes": reading(0), "nodes_ready": reading(0)}, Verdict.UNKNOWN, "1 finding: no nodes were found"),
        ({"flux_ready": reading(4), "flux_findings": ("Kustomization apps is suspended",)}, Verdict.WARN,
         "1 finding: Kustomization apps is suspended"),
        ({"flux_ready": reading(3), "flux_findings": ("HelmRelease a not ready: x", "Kustomization b is suspended")},
         Verdict.WARN, "1 finding: 2 of 5 Flux objects not ready (HelmRelease a not ready: x and Kustomization b is suspended)"),
        ({"flux": reading(5, age_s=50), "flux_findings": ("Kustomization apps is suspended",)}, Verdict.UNKNOWN,
         "1 finding: Flux objects not known, the last sample is 50 s old, the limit is 45 s"),
        ({"certificates_due": reading(1)}, Verdict.WARN,
         "1 finding: 1 certificate ends in less than 30 days or was never issued"),
        ({"certificates_due": reading(2), "nodes_ready": reading(2)}, Verdict.WARN,
         "2 findings: 1 of 3 nodes not ready; 2 certificates end in less than 30 days or were never issued"),
        ({"newest_backup": reading(ago(26 * 3600))}, Verdict.BREACH,
         "1 finding: the newest backup is 1 d 2 h old, the limit is 1 d 1 h"),
        ({"failed_backup": "daily-2: PartiallyFailed"}, Verdict.WARN,
         "1 finding: the newest backup is 2 h old; a later one did not complete (daily-2: PartiallyFailed)"),
        ({"newest_backup": missing("backups are not installed here")}, Verdict.UNKNOWN,
         "1 finding: newest backup not known, backups are not installed here"),
        ({"newest_backup": reading(ago(-86400))}, Verdict.UNKNOWN,
         "1 finding: the newest backup is dated 1 d in the future: a clock is wrong"),
        ({"api": reading(False, error="Region 1's Kubernetes API refused the connection: nothing listens there")},
         Verdict.UNKNOWN,
         "Region 1 does not answer: Region 1's Kubernetes API refused the connection: nothing listens there"),
        ({"api": missing("Region 1's Kubernetes API does not accept the console's credentials (401): check its token")},
         Verdict.UNKNOWN,
         "Not known whether Region 1 is up: Region 1's Kubernetes API does not accept the console's credentials (401): "
         "check its token"),
        ({"api": reading(True, age_s=46)}, Verdict.UNKNOWN,
         "Not known whether Region 1 is up: the last sample is 46 s old, the limit is 45 s"),
    ],
)  # fmt: skip
def test_a_region_in_words(changes, verdict, sentence):
    assert region(**changes).judgement == Judgement(verdict, sentence)


EVIDENCE = ("api", "nodes_ready", "nodes", "flux_ready", "flux", "certificates_due", "newest_backup")


@untimed
@given(st.sampled_from(EVIDENCE), st.sampled_from(["missing", "stale", "partial", "future"]))
def test_a_region_is_never_healthy_with_anything_unread(name, how):
    value: object = datetime(2026, 3, 1, 10, tzinfo=NOW.tzinfo) if name == "newest_backup" else 3
    unfit = {
        "missing": missing(),
        "stale": reading(value, age_s=46),
        "partial": reading(value, completeness="partial"),
        "future": reading(value, age_s=-6),
    }[how]
    assert region(**{name: unfit}).judgement.verdict is Verdict.UNKNOWN


def activity(one, two):
    return judge_activity([("Region 1", Role.PRIMARY, one), ("Region 2", Role.DR, two)], now=NOW, budget_s=45)


@pytest.mark.parametrize(
    ("one", "two", "active", "verdict", "sentence"),
    [
        (reading(True), reading(False), ("Region 1",), Verdict.OK, "Region 1 is active"),
        (reading(False), reading(True), ("Region 2",), Verdict.WARN, "Region 2 is active; Region 1 is the intended primary"),
        (reading(True), reading(True), ("Region 1", "Region 2"), Verdict.BREACH,
         "Both regions accept writes (Region 1 and Region 2): their data drift apart with every write"),
        (reading(False), reading(False), (), Verdict.BREACH, "No region accepts writes"),
        (reading(True), missing(), ("Region 1",), Verdict.UNKNOWN,
         "Region 1 accepts writes; whether Region 2 does too is not known"),
        (reading(True, age_s=50), reading(False), (), Verdict.UNKNOWN,
         "Not known who accepts writes: no fresh word from Region 1"),
        (missing(), missing(), (), Verdict.UNKNOWN,
         "Not known who accepts writes: no fresh word from Region 1 and Region 2"),
    ],
)  # fmt: skip
def test_who_is_active(one, two, active, verdict, sentence):
    found = activity(one, two)
    assert (found.active, found.judgement) == (active, Judgement(verdict, sentence))


@untimed
@given(st.booleans(), st.booleans(), st.sampled_from([missing(), reading(True, age_s=46), reading(True, age_s=-6)]))
def test_one_active_region_is_ok_only_when_the_other_is_known_not_to_be(one, two, unfit):
    assert activity(reading(one), unfit).judgement.verdict is Verdict.UNKNOWN
    assert activity(unfit, reading(two)).judgement.verdict is Verdict.UNKNOWN
    assert (activity(reading(one), reading(two)).judgement.verdict is Verdict.OK) == (one and not two)
