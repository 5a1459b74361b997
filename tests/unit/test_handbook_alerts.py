"""Alerts: merged by fingerprint, never "no alerts" without evidence, and a Watchdog that has to arrive."""

from dataclasses import replace
from datetime import timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from openova_console.handbook.alerts import (
    Alert,
    AlertEvidence,
    Peer,
    Severity,
    gather,
    judge_alerts,
    merge,
    severity,
)
from openova_console.handbook.words import Verdict
from tests.support.factories import NOW, ago, untimed

PEER = Peer("Alertmanager", alerts=1, watchdog_at=ago(20))


def alert(fingerprint: str = "a", level: str = "warning", **changes: object) -> Alert:
    labels = (("alertname", "HighErrorRate"), ("namespace", "shop"), ("severity", level))
    made = Alert(fingerprint, "HighErrorRate", "shop", severity(level), level, False, ago(100), ago(10), labels)
    return replace(made, receivers=("gitea-actions",), **changes)  # type: ignore[arg-type]


def evidence(*alerts: Alert, peers: tuple[Peer, ...] = (PEER,), age_s: float = 1, **more: object) -> AlertEvidence:
    options = {"routes": {}, "group_by": ("alertname", "namespace"), "watchdog": "Watchdog"} | more
    return gather(peers, [alerts], ago(age_s), **options)  # type: ignore[arg-type]


def judge(found: AlertEvidence | None, watchdog: str = "Watchdog"):
    return judge_alerts("Region 1", found, now=NOW, budget_s=60, watchdog=watchdog, watchdog_s=300)


@pytest.mark.parametrize(
    ("label", "wanted"),
    [("critical", "critical"), (" Warning", "warning"), ("info", "info"), ("none", "none"), ("", "other"), ("page", "other")],
)
def test_every_severity_has_a_bucket(label, wanted):
    assert severity(label) is Severity(wanted)


def test_no_alert_and_a_fresh_watchdog_is_well():
    found = judge(evidence())
    assert found.judgement.verdict is Verdict.OK
    assert found.judgement.sentence == "Region 1: no alert fires"
    assert found.alerting.sentence == "Region 1's Watchdog arrives"


@pytest.mark.parametrize(
    ("levels", "verdict", "said"),
    [
        (["critical"], Verdict.BREACH, "Region 1: 1 critical alert fires"),
        (["critical", "warning", "warning"], Verdict.BREACH, "Region 1: 1 critical and 2 warning alerts fire"),
        (["warning", "info"], Verdict.WARN, "Region 1: 1 warning and 1 info alerts fire"),
        (["page"], Verdict.WARN, "Region 1: 1 unknown-severity alert fires"),
        (["info"], Verdict.OK, "Region 1: 1 info alert fires"),
        (["none"], Verdict.OK, "Region 1: 1 no-severity alert fires"),
    ],
)
def test_what_fires_is_said_by_severity(levels, verdict, said):
    found = judge(evidence(*(alert(str(n), level) for n, level in enumerate(levels))))
    assert (found.judgement.verdict, found.judgement.sentence) == (verdict, said)


def test_silenced_and_inhibited_alerts_are_counted_apart():
    found = evidence(alert("a", "critical", suppressed=True), alert("b", "info"))
    assert judge(found).judgement.verdict is Verdict.OK
    assert judge(found).judgement.sentence == "Region 1: 1 info alert fires (1 silenced or inhibited)"
    assert (found.firing, found.suppressed) == ({Severity.INFO: 1}, {Severity.CRITICAL: 1})


def test_without_an_answer_nothing_is_known():
    assert judge(None).judgement.sentence == "Region 1's alerts are not known: nothing was read yet"
    broken = replace(evidence(), peers=(replace(PEER, error="Region 1's Alertmanager did not answer"),))
    assert judge(broken).judgement.verdict is Verdict.UNKNOWN
    assert "did not answer; those shown were read 1 s ago" in judge(broken).judgement.sentence
    never = AlertEvidence((Peer("Alertmanager", "nothing listens there"),), None)
    assert judge(never).judgement.sentence == "Region 1's alerts are not known: nothing listens there"


@pytest.mark.parametrize(("age_s", "said"), [(61, "read 61 s ago"), (-30, "a clock is wrong")])
def test_answers_that_are_old_or_from_the_future_say_nothing(age_s, said):
    found = judge(evidence(alert("a", "critical"), age_s=age_s))
    assert found.judgement.verdict is Verdict.UNKNOWN and said in found.judgement.sentence


def test_a_missing_watchdog_means_that_alerting_is_silent():
    found = judge(evidence(peers=(replace(PEER, watchdog_at=None),)))
    assert found.judgement.verdict is Verdict.BREACH
    assert found.judgement.sentence.startswith("Region 1's alerting is silent: its Watchdog does not fire")
    assert found.alerts.verdict is Verdict.OK


def test_an_old_watchdog_means_the_same_and_one_from_the_future_a_wrong_clock():
    old = judge(evidence(peers=(replace(PEER, watchdog_at=ago(301)),)))
    assert old.judgement.sentence == "Region 1's alerting is silent: its Watchdog last arrived 5 min 1 s ago"
    early = judge(evidence(peers=(replace(PEER, watchdog_at=ago(-60)),)))
    assert early.judgement.verdict is Verdict.UNKNOWN


def test_a_platform_without_a_watchdog_is_never_green():
    assert judge(evidence(watchdog=""), watchdog="").judgement.verdict is Verdict.WARN


def test_one_silent_peer_makes_the_set_partial():
    two = (PEER, Peer("Alertmanager 2 of 2", error="Region 1's Alertmanager 2 of 2 stopped answering"))
    found = judge(evidence(peers=two))
    assert found.judgement.verdict is Verdict.UNKNOWN
    assert "there may be more, Region 1's Alertmanager 2 of 2 stopped answering" in found.judgement.sentence
    assert judge(evidence(alert("a", "critical"), peers=two)).judgement.verdict is Verdict.BREACH
    deaf = (replace(PEER, watchdog_at=None), two[1])
    assert judge(evidence(peers=deaf)).alerting.verdict is Verdict.UNKNOWN


def test_a_peer_that_prometheus_does_not_reach_is_named():
    found = judge(evidence(peers=(PEER, Peer("Alertmanager 2 of 2"))))
    assert found.judgement.verdict is Verdict.WARN
    assert "Region 1's Alertmanager 2 of 2 does not get the Watchdog" in found.judgement.sentence


def test_peers_of_the_cluster_that_are_not_configured_are_missed():
    found = judge(evidence(peers=(replace(PEER, cluster=3),)))
    assert found.judgement.verdict is Verdict.WARN and "2 of the 3 Alertmanagers" in found.judgement.sentence


def test_peers_are_merged_by_fingerprint_and_the_newest_word_counts():
    old, new = alert("a", updated_at=ago(50), summary="old"), alert("a", updated_at=ago(5), summary="new")
    assert [a.summary for a in merge([[new], [old]])] == [a.summary for a in merge([[old], [new]])] == ["new"]
    assert merge([[alert("a", updated_at=None)], [new]])[0].summary == "new"
    assert {a.fingerprint for a in merge([[alert("a")], [alert("b")]])} == {"a", "b"}


def test_an_alert_is_suppressed_only_where_every_peer_says_so():
    quiet, loud = alert("a", suppressed=True, updated_at=ago(1)), alert("a", updated_at=ago(30))
    assert merge([[quiet], [loud]])[0].suppressed is False
    assert merge([[quiet], [quiet]])[0].suppressed is True


def test_groups_are_those_of_alertmanager_and_the_handbooks_where_it_gives_none():
    route = ("pager", (("alertname", "HighErrorRate"),))
    found = evidence(alert("a", "info"), alert("b", "critical", since=ago(5)), alert("c"), routes={"a": [route], "b": [route]})
    first, second = found.groups
    assert (first.receiver, first.name, first.firing, first.severity) == ("pager", "HighErrorRate", 2, Severity.CRITICAL)
    assert (first.newest, first.oldest) == (ago(5), ago(100))
    assert (second.receiver, second.name, second.firing) == ("gitea-actions", "HighErrorRate in shop", 1)


def test_the_worst_group_is_first_then_the_newest_and_suppressed_ones_last():
    def one(name: str, level: str, age: float, **more: object) -> Alert:
        return alert(name, level, since=ago(age), labels=(("alertname", name),), **more)

    found = evidence(
        one("silent", "critical", 1, suppressed=True),
        one("old", "critical", 500),
        one("warn", "warning", 1),
        one("new", "critical", 5),
    )
    assert [g.name for g in found.groups] == ["new", "old", "warn", "silent"]
    assert [a.fingerprint for a in found.alerts] == ["new", "old", "warn", "silent"]


def test_the_watchdog_is_not_one_of_the_alerts_and_a_change_of_state_shows_in_the_stamp():
    dog = alert("w", "none", name="Watchdog")
    assert evidence(dog).alerts == ()
    assert evidence(alert("a")).stamp == evidence(alert("a", updated_at=ago(2))).stamp
    assert evidence(alert("a")).stamp != evidence(alert("a", suppressed=True)).stamp


LEVELS = st.sampled_from(["critical", "warning", "info", "none", "", "page"])
ALERTS = st.lists(st.builds(alert, st.sampled_from("abcdef"), LEVELS, suppressed=st.booleans()), max_size=6)


@untimed
@given(ALERTS, st.floats(0, 1000), st.none() | st.floats(0, 1000), st.sampled_from(["", "it is silent"]))
def test_green_needs_every_peer_fresh_answers_and_a_fresh_watchdog(alerts, age_s, dog_s, error):
    peers = (replace(PEER, watchdog_at=None if dog_s is None else ago(dog_s), error=error),)
    found = judge(evidence(*alerts, peers=peers, age_s=age_s))
    if found.judgement.verdict is Verdict.OK:
        assert not error and age_s <= 60 and dog_s is not None and dog_s <= 300
        assert not any(a.severity in (Severity.CRITICAL, Severity.WARNING) and not a.suppressed for a in merge([alerts]))


@untimed
@given(ALERTS)
def test_no_alert_is_lost_between_list_counts_and_groups(alerts):
    found = evidence(*alerts)
    distinct = len({a.fingerprint for a in alerts})
    assert len(found.alerts) == sum(found.firing.values()) + sum(found.suppressed.values()) == distinct
    assert sum(g.firing + g.suppressed for g in found.groups) == distinct


@untimed
@given(ALERTS, st.integers(1, 400))
def test_time_alone_never_makes_it_better(alerts, later):
    order = [Verdict.OK, Verdict.WARN, Verdict.UNKNOWN, Verdict.BREACH]
    found = evidence(*alerts)
    before = judge(found).judgement.verdict
    after = judge_alerts(
        "R", found, now=NOW + timedelta(seconds=later), budget_s=1000, watchdog="Watchdog", watchdog_s=300
    ).judgement.verdict
    assert order.index(after) >= order.index(before)
