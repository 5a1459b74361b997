"""Alerts on the board, in the history and in the search: regions stay apart, gaps stay gaps, nothing is lost."""

from dataclasses import replace
from datetime import timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from openova_console.handbook.alerts import Alert, AlertEvidence, Peer, Severity, gather, severity
from openova_console.handbook.words import Verdict
from openova_console.settings import HttpEndpoint
from openova_console.store.database import migrate, open_engine
from openova_console.watch.alert_history import HOURS, Hour, alert_samples, alert_series, heat
from openova_console.watch.alert_search import PAGE, Query, parse, search
from openova_console.watch.board import judge
from openova_console.watch.board.alerts import NEWEST, alerts_board
from openova_console.watch.history import History
from openova_console.web.states.alerts import AlertView, _cell, _facts, _href, _line
from openova_console.web.topics import alerts as topic
from tests.support.factories import NOW, ago, region, region_facts, settings, snapshot, untimed

WHERE = (HttpEndpoint(url="http://alertmanager.test"),)
REGIONS = [region("region-1", "primary", alertmanagers=WHERE), region("region-2", "dr", alertmanagers=WHERE)]
SETTINGS = settings(regions=REGIONS)
PEER = Peer("Alertmanager", alerts=1, watchdog_at=ago(20))


def alert(number: int = 0, level: str = "warning", name: str = "HighErrorRate", **changes: object) -> Alert:
    labels = (("alertname", name), ("namespace", "shop"), ("pod", f"api-{number}"), ("severity", level))
    text = f"{name} shop api-{number} {level}".lower()
    made = Alert(f"{number:x}", name, "shop", severity(level), level, False, ago(100 + number), ago(9), labels, text=text)
    return replace(made, **changes)  # type: ignore[arg-type]


def evidence(*alerts: Alert, **changes: object) -> AlertEvidence:
    found = gather((PEER,), [alerts], ago(2), routes={}, group_by=("alertname", "namespace"), watchdog="Watchdog")
    return replace(found, **changes)  # type: ignore[arg-type]


def board(one: AlertEvidence | None = None, two: AlertEvidence | None = None, **changes: object):
    said = {id_: e for id_, e in (("region-1", one), ("region-2", two)) if e is not None}
    return judge(snapshot(alerts=said, **changes), SETTINGS, NOW)


def test_both_regions_well_is_one_calm_sentence():
    found = board(evidence(alert(1, "info")), evidence(alert(2, suppressed=True))).alerts
    assert (found.judgement.verdict, found.alarms) == (Verdict.OK, ())
    assert found.judgement.sentence == (
        "No alert needs a look: 1 for information and 1 silenced or inhibited, and every Watchdog arrives"
    )


def test_the_same_alert_in_both_regions_is_two():
    found = board(evidence(alert(1, "critical")), evidence(alert(1, "critical"))).alerts
    assert [(row.region.id, row.group.firing) for row in found.newest] == [("region-1", 1), ("region-2", 1)]
    assert [alarm.title for alarm in found.alarms] == ["1 critical alert in Region 1", "1 critical alert in Region 2"]


def test_critical_alerts_and_warnings_are_named_in_the_strip():
    critical = alert(1, "critical", summary="3 % fail.")
    found = board(evidence(critical, alert(2, "critical", "DiskFull")), evidence(alert(3))).alerts
    alarm, warning = found.alarms
    assert warning.verdict is Verdict.WARN and warning.title == "1 warning in Region 2"
    assert warning.sentence.startswith("HighErrorRate in shop for ")
    assert alarm.verdict is Verdict.BREACH and alarm.title == "2 critical alerts in Region 1"
    assert alarm.sentence == "HighErrorRate in shop for 1 min 41 s: 3 % fail. Also DiskFull in shop"
    assert found.judgement.sentence.startswith("Region 1: 2 critical alerts fire. Region 2: 1 warning alert fires")


def test_silent_alerting_and_unknown_alerts_are_in_the_strip():
    silent = evidence(peers=(replace(PEER, watchdog_at=None),))
    found = board(silent).alerts
    assert [(a.verdict, a.title) for a in found.alarms] == [
        (Verdict.BREACH, "Region 1's alerting is silent"),
        (Verdict.UNKNOWN, "Alerts of Region 2"),
    ]
    assert found.judgement.verdict is Verdict.BREACH


def test_a_region_that_does_not_answer_at_all_is_said_once():
    gone = region_facts(active=True)
    gone = replace(gone, evidence=replace(gone.evidence, api=replace(gone.evidence.api, value=False)))
    parts = {"regions": {"region-1": gone, "region-2": region_facts(active=False)}}
    found = board(None, evidence(), **parts).alerts
    assert found.alarms == () and found.judgement.verdict is Verdict.UNKNOWN


def test_old_answers_and_a_half_silent_pair_are_unknown():
    assert board(evidence(observed_at=ago(90)), evidence()).alerts.judgement.verdict is Verdict.UNKNOWN
    half = evidence(peers=(PEER, Peer("Alertmanager 2 of 2", "Region 1's Alertmanager 2 of 2 stopped answering")))
    found = board(half, evidence()).alerts
    assert [a.title for a in found.alarms] == ["Alerts of Region 1"]
    assert found.judgement.verdict is Verdict.UNKNOWN


def test_without_any_alertmanager_nothing_is_claimed_and_nothing_alarms():
    found = alerts_board(snapshot(), settings(), (), NOW)
    assert found.judgement.verdict is Verdict.UNKNOWN and "regions[].alertmanagers" in found.judgement.sentence
    assert found.alarms == ()
    one = settings(regions=[REGIONS[0], region("region-2", "dr")])
    half = alerts_board(snapshot(alerts={"region-1": evidence()}), one, (), NOW)
    assert half.judgement.verdict is Verdict.UNKNOWN and "no Alertmanager is configured for it" in half.judgement.sentence


def test_only_the_newest_few_groups_are_pushed_and_the_panel_stays_small():
    many = evidence(*(alert(n, "critical", f"Alert{n}", summary="x" * 200) for n in range(300)))
    judged = board(many, evidence())
    assert len(judged.alerts.newest) == NEWEST and judged.alerts.groups == 300

    class Looked:
        settings = SETTINGS

    values = topic.values(judged, Looked(), NOW)  # type: ignore[arg-type]
    assert set(values) == set(topic.AlertPanel.get_fields()) & set(values)
    assert len(values["groups"]) == NEWEST and values["more"] == "294 more groups"
    assert len(repr(values)) < 5000
    assert [row.critical for row in values["regions"]] == ["300", "0"]


def test_counts_that_are_not_known_are_no_zeros():
    class Looked:
        settings = SETTINGS

    values = topic.values(board(), Looked(), NOW)  # type: ignore[arg-type]
    assert [(row.critical, row.suppressed) for row in values["regions"]] == [("–", "–")] * 2


async def test_hours_are_written_and_read_back_and_what_was_not_known_is_a_gap(tmp_path):
    url = f"sqlite:///{tmp_path / 'console.db'}"
    migrate(url)
    engine = open_engine(url)
    history = History(engine, SETTINGS)
    await history.record(board(evidence(alert(1, "critical"), alert(2, "critical")), None))
    found = await heat(history.charts, ("region-1", "region-2"), NOW + timedelta(minutes=1))
    engine.dispose()
    steps = found["region-1", Severity.CRITICAL]
    # The sample was taken two seconds before the hour.
    assert len(steps) == HOURS and [hour.most for hour in steps[-2:]] == [2, None]
    assert [hour.most for hour in found["region-1", Severity.WARNING][-2:]] == [0, None]
    assert all(hour.most is None for hour in found["region-2", Severity.CRITICAL])
    assert alert_series("region-1", Severity.CRITICAL) == "alerts/region-1/critical"


def test_unknown_alerts_are_written_as_gaps():
    samples = alert_samples(board(evidence(observed_at=ago(90))).alerts, NOW)
    assert {s.value for s in samples} == {None} and {s.verdict for s in samples} == {"unknown"}
    assert alert_samples(alerts_board(snapshot(), settings(), (), NOW), NOW) == []


SAID = {
    "region-1": evidence(
        *(alert(n, "critical" if n % 3 else "warning") for n in range(120)),
        alert(500, suppressed=True),
        alert(501, "info", "DiskFull"),
    ),
    "region-2": evidence(alert(1, "critical")),
}


def test_a_page_has_the_worst_and_newest_first():
    found = search(SAID, Query())
    assert (found.total, found.page, found.pages, len(found.alerts)) == (122, 1, 3, PAGE)
    assert found.by_severity == {Severity.CRITICAL: 81, Severity.WARNING: 40, Severity.INFO: 1}
    assert [a.fingerprint for _, a in found.alerts[:2]] == ["1", "1"]
    last = search(SAID, Query(page=99))
    assert (last.page, len(last.alerts), last.alerts[-1][1].name) == (3, 22, "DiskFull")


@pytest.mark.parametrize(
    ("query", "total"),
    [
        (Query(severity=Severity.WARNING), 40),
        (Query(region="region-2"), 1),
        (Query(state="suppressed"), 1),
        (Query(state="all"), 123),
        (Query(words="diskfull SHOP"), 1),
        (Query(words="no such word"), 0),
        (Query(severity=Severity.NONE), 0),
    ],
)
def test_filters(query, total):
    found = search(SAID, query)
    assert found.total == total and found.pages >= 1


@untimed
@given(st.integers(1, 9), st.sampled_from(["firing", "suppressed", "all"]), st.sampled_from([*Severity, None]))
def test_all_pages_together_are_everything_once(page, state, level):
    first = search(SAID, Query(severity=level, state=state))
    found = [
        (region, a.fingerprint)
        for n in range(1, first.pages + 1)
        for region, a in search(SAID, Query(severity=level, state=state, page=n)).alerts
    ]
    assert len(found) == len(set(found)) == first.total
    assert search(SAID, Query(severity=level, state=state, page=page)).page <= first.pages


@pytest.mark.parametrize(
    ("asked", "query"),
    [
        ({}, Query()),
        ({"severity": "critical", "region": "region-2", "page": "3"}, Query(Severity.CRITICAL, "region-2", page=3)),
        ({"q": "  a   b ", "state": "all"}, Query(state="all", words="a b")),
    ],
)
def test_an_address_is_read(asked, query):
    assert parse(asked, ("region-1", "region-2")) == (query, "")


@pytest.mark.parametrize(
    ("asked", "said"),
    [
        ({"severity": "bad"}, "There is no such severity. There are: critical, warning, info, other, none."),
        ({"region": "region-3"}, "There is no such region. Configured: region-1, region-2."),
        ({"state": "open"}, "There is no such state. There are: firing, suppressed, all."),
        ({"q": "x" * 201}, "What to look for is too long: at most 200 characters."),
        ({"page": "0"}, "There is no such page: pages are numbered from 1."),
        ({"page": "-1"}, "There is no such page: pages are numbered from 1."),
        ({"page": "٣"}, "There is no such page: pages are numbered from 1."),
        ({"page": "9" * 99}, "There is no such page: pages are numbered from 1."),
        ({"q": {"a": 1}}, "What to look for is too long: at most 200 characters."),
    ],
)
def test_an_address_that_cannot_be_read_is_said_in_one_sentence(asked, said):
    assert parse(asked, ("region-1", "region-2"))[1] == said


@untimed
@given(st.dictionaries(st.sampled_from(["severity", "region", "state", "q", "page"]), st.text() | st.integers() | st.none()))
def test_no_address_breaks_the_reader(asked):
    query, note = parse(asked, ("region-1", "region-2"))
    assert isinstance(query, Query) and (note == "" or note.endswith("."))


def test_a_filter_keeps_the_others_and_begins_at_the_first_page():
    query = Query(Severity.CRITICAL, "region-2", "all", "a&b", 4)
    assert _href(query, page=5) == "/alerts?severity=critical&region=region-2&state=all&q=a%26b&page=5"
    assert _href(query, severity=None, region="") == "/alerts?state=all&q=a%26b"
    assert _href(Query()) == "/alerts"


def test_the_list_and_the_drawer_say_who_silenced():
    quiet = alert(1, suppressed=True, silenced_by=("b2b649b9",), receivers=("pager",), generator="http://prom/g")
    line = _line("region-1", "Region 1", quiet)
    assert (line.key, line.word, line.where, line.state) == ("region-1/1", "Warning", "shop · api-1", "silenced")
    facts = {fact.label: fact.value for fact in _facts(quiet)}
    assert facts["Silenced by"] == "b2b649b9" and facts["State"] == "silenced" and facts["Where it comes from"] == "http://prom/g"
    other = {fact.label: fact.value for fact in _facts(alert(2, "page", inhibited_by=("ff",), suppressed=True))}
    assert other["Severity"] == "Other (page)" and other["Inhibited by"] == "ff" and other["State"] == "inhibited"


def test_an_hour_is_drawn_by_how_many_and_a_gap_is_no_zero():
    levels = [_cell(Hour(NOW, most)).level for most in (None, 0, 1, 5, 25, 1000)]
    assert levels == ["gap", "0", "1", "2", "3", "4"]
    assert _cell(Hour(NOW, None)).text == "12:00 UTC: not known"


def test_the_filters_in_force_stay_on_the_server():
    assert "_asked" not in AlertView.base_vars and "rows" in AlertView.base_vars
