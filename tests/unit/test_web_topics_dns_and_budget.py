"""Global DNS and budget as the board judges them from a snapshot, as panels show them, and as history keeps them."""

from dataclasses import replace
from datetime import timedelta

import pytest

from openova_console.handbook.budget import BudgetEvidence, Node, Spent, month_bounds
from openova_console.handbook.gslb import RESOLVERS, Answer, GslbEvidence, GslbObject, ServerView
from openova_console.handbook.witnesses import Outcome
from openova_console.handbook.words import Verdict
from openova_console.settings import DnsEndpoint, HttpEndpoint, Settings
from openova_console.settings.cost import CostSettings
from openova_console.settings.gslb import GslbSettings
from openova_console.store.database import open_engine
from openova_console.watch.board import judge
from openova_console.watch.budget_history import budget_samples, budget_series
from openova_console.watch.collectors.gslb import HOSTS_AT_MOST, hosts
from openova_console.watch.snapshot import Snapshot
from openova_console.watch.watch import Watch
from openova_console.web.topics import budget, gslb
from tests.support.factories import NOW, WITNESSES, ago, missing, reading, region, settings, snapshot

HOST = "app.gslb.example"
ONE, TWO = ("192.0.2.1",), ("198.51.100.1",)
NAMES = Answer(Outcome.ANSWER, ("ns-1", "ns-2"), 5, (), True)


def configured(**cost) -> Settings:
    regions = tuple(
        region(id_, role, dns=DnsEndpoint(address="127.0.0.1"), opencost=HttpEndpoint(url="http://opencost.test"))
        for id_, role in (("region-1", "primary"), ("region-2", "dr"))
    )
    money = CostSettings(**{"monthly_budget": 100, "node_price": 5, **cost})
    return settings().model_copy(update={"regions": regions, "gslb": GslbSettings(zone="gslb.example"), "cost": money})


def told(*addresses: str) -> Answer:
    return Answer(Outcome.ANSWER, addresses, 30, (), True)


def everything(**changes) -> Snapshot:
    """Both regions well: six nodes each, €20 spent each, users in region 1."""
    objects = {
        id_: {HOST: GslbObject("shop/app", "failover", "region-1", 30, id_, "Healthy", ONE, own)}
        for id_, own in (("region-1", ONE), ("region-2", TWO))
    }
    nodes = tuple(Node(f"n{i}", "", ago(1e7)) for i in range(6))
    kube = {(id_, "gslbs"): reading(found) for id_, found in objects.items()}
    kube |= {(id_, "nodes"): reading(nodes) for id_ in objects}
    control = Answer(Outcome.ANSWER, ("203.0.113.53",), 30)
    resolvers = tuple(ServerView(name, ago(1), {HOST: told(*ONE)}, {}, NAMES, None, control) for name in WITNESSES)
    own = {
        id_: GslbEvidence((ServerView(id_, ago(1), {HOST: told(*ONE)}, {HOST: told(*local)}, NAMES, NAMES),))
        for id_, local in (("region-1", ONE), ("region-2", TWO))
    }
    begins, _ = month_bounds(NOW)
    spent = BudgetEvidence(reading(Spent(20.0, begins, ago(60)), age_s=60), reading(Spent(1.0, ago(86460), ago(60)), age_s=60))
    parts = {"kube": kube, "gslb": own | {RESOLVERS: GslbEvidence(resolvers)}, "budget": dict.fromkeys(objects, spent)}
    return snapshot(**(parts | changes))


@pytest.fixture
def watch(tmp_path):
    engine = open_engine(f"sqlite:///{tmp_path / 'unused.db'}")
    watch = Watch(configured(), engine)
    watch.snapshots.current = everything()
    yield watch
    engine.dispose()


def test_the_panel_of_global_dns(watch):
    shown = gslb.values(watch.board(NOW), watch, NOW)
    assert (shown["verdict"], shown["sentence"]) == ("ok", "Every resolver and CoreDNS answers as expected for 1 host")
    assert shown["servers"] == ["Google", "Cloudflare", "Quad9", "Region 1's CoreDNS", "Region 2's CoreDNS"]
    (row,) = shown["hosts"]
    assert (row.expected, row.expected_addresses, row.pin, row.ttl, row.convergence) == (
        "Region 1",
        "192.0.2.1",
        "region-1",
        "30 s",
        "about 60 s",
    )
    assert {cell.word for cell in row.cells} == {"Region 1"}
    assert [cell.trace for cell in row.cells][2:] == ["gslb/resolvers/Quad9", "gslb/region-1", "gslb/region-2"]
    assert shown["zone_servers"] == "ns-1, ns-2" and len(shown["zone_cells"]) == 5
    assert shown["note"] == shown["rest"] == ""


def test_words_for_what_is_not_known(watch):
    watch.snapshots.current = everything(gslb={})
    (row,) = gslb.values(watch.board(NOW), watch, NOW)["hosts"]
    assert row.expected_addresses == "which of its addresses are healthy is not known" and row.verdict == "unknown"
    assert {side.addresses for side in row.sides} == {"not known"}
    watch.snapshots.current = everything(kube={})
    shown = gslb.values(watch.board(NOW), watch, NOW)
    assert shown["note"] == gslb.NOTHING and shown["sentence"] == "No host is known: nothing was read yet"


def test_without_settings_nothing_is_measured_and_nothing_alarms():
    board = judge(everything(), settings(), NOW)
    assert not board.gslb.measured and not board.gslb.alarms and board.gslb.hosts == ()
    assert board.gslb.judgement.sentence == "Not configured: add gslb.zone and the regions' dns to the settings"
    assert not board.budget.measured and not board.budget.alarms
    assert board.budget.judgement.sentence == "No budget is set: add cost.monthly_budget to the settings"


def test_without_the_zone_all_is_well_but_for_what_is_not_read():
    config = configured().model_copy(update={"gslb": GslbSettings()})
    board = judge(everything(), config, NOW)
    assert board.gslb.judgement.verdict is Verdict.UNKNOWN
    assert "the delegation is not read: add gslb.zone" in board.gslb.judgement.sentence


def test_several_hosts_with_one_trouble_are_one_sentence_and_one_alarm():
    found = everything()
    pinned = dict(found.kube)
    for id_ in ("region-1", "region-2"):
        objects = pinned[(id_, "gslbs")].value
        changed = {HOST: objects[HOST], "auth.gslb.example": objects[HOST]}
        if id_ == "region-2":
            changed = {host: replace(gslb_, primary_geo_tag="region-2") for host, gslb_ in changed.items()}
        pinned[(id_, "gslbs")] = reading(changed)
    board = judge(replace(found, kube=pinned), configured(), NOW)
    assert len(board.gslb.hosts) == 2 and len(board.gslb.alarms) == 1
    assert board.gslb.judgement.sentence.startswith("2 hosts: The pin differs: Region 1 says region-1 and Region 2 says region-2")


def test_hosts_are_known_from_objects_and_settings_up_to_a_limit():
    config = configured().model_copy(update={"gslb": GslbSettings(hosts=("B.gslb.example.", "a.gslb.example"))})
    assert hosts(config, everything()) == ("a.gslb.example", HOST, "b.gslb.example")
    many = GslbSettings(hosts=tuple(f"h{i}.gslb.example" for i in range(200)))
    assert len(hosts(config.model_copy(update={"gslb": many}), everything())) == HOSTS_AT_MOST


def test_the_panel_of_the_budget(watch):
    shown = budget.values(watch.board(NOW), watch, NOW)
    both, first, _ = shown["rows"]
    assert (both.spent, both.pace, both.budget, both.nodes, both.headroom) == ("€40", "€60", "€100", "12", "0")
    assert both.verdict == "warn", "€40 of the first minutes of the month and the rest of it at €60 a month"
    assert (both.spent_w, both.pace_x, both.full_x, both.warn_x) == ("76.8", "115.2", "192.0", "153.6")
    assert both.by == "spent by OpenCost, run rate by the price list"
    assert (first.name, first.budget, first.word) == ("Region 1", "not set", "Not judged")
    assert first.sentence == "No budget of its own; it counts towards both" and first.full_x == ""
    assert (both.trace, first.trace) == ("", "opencost/region-1")
    assert shown["month"] == "March 2026"


def test_a_bar_never_leaves_its_frame_and_unknown_draws_nothing(watch):
    watch.settings = configured(monthly_budget=1)
    both = budget.values(watch.board(NOW), watch, NOW)["rows"][0]
    assert both.spent_w == f"{budget.BAR:.1f}" and both.verdict == "breach"
    watch.snapshots.current = everything(budget={})
    both = budget.values(watch.board(NOW), watch, NOW)["rows"][0]
    assert (both.spent_w, both.spent, both.percent) == ("", "unknown", "6000 %")


def test_one_region_alone_takes_the_common_budget():
    config = configured()
    config = config.model_copy(update={"regions": config.regions[1:]})
    (row,) = judge(everything(), config, NOW).budget.rows
    assert (row.region_id, row.assessment.budget, row.counted) == ("region-2", 100, True)


def test_figures_of_last_month_are_none():
    begins, _ = month_bounds(NOW - timedelta(days=20))
    old = BudgetEvidence(reading(Spent(20.0, begins, ago(60))), missing("x"))
    board = judge(everything(budget={"region-1": old, "region-2": old}), configured(), NOW)
    assert board.budget.judgement.verdict is Verdict.UNKNOWN
    assert "OpenCost's figures are of an earlier month" in board.budget.judgement.sentence


def test_history_keeps_what_is_known_and_a_gap_for_the_rest(watch):
    board = watch.board(NOW)
    kept = {s.series: s for s in budget_samples(board.budget, NOW)}
    both = kept[budget_series("together", "spent")]
    assert (both.value, both.verdict, both.observed_at) == (40.0, "warn", ago(60))
    assert kept[budget_series("region-1", "percent")].value is None
    assert kept[budget_series("region-1", "percent")].verdict == "unknown"
    assert len(kept) == 6
