"""Alerts on real Alertmanagers: routed, grouped, silenced, inhibited; one that lacks alerts, is refused, is frozen."""

import os
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

import pytest

from openova_console.handbook.alerts import AlertEvidence, Severity
from openova_console.handbook.words import Verdict
from openova_console.settings import HttpEndpoint, Network, Settings
from openova_console.systems.errors import Fault, TimedOut, Unreachable
from openova_console.watch.board.alerts import AlertsBoard, alerts_board
from openova_console.watch.collectors.alerts import AlertCollector
from openova_console.watch.snapshot import SnapshotStore
from tests.peers import ask
from tests.peers.servers.alertmanager import AlertmanagerServer
from tests.peers.servers.background import Background
from tests.peers.servers.cutproxy import CutProxy
from tests.peers.servers.process import Missing
from tests.support.bad_cases import proven
from tests.support.factories import region
from tests.support.factories import settings as made

REAL = "Alertmanager 0.25"
HOSTILE = "<img src=x onerror=alert(1)>\u202e\x00 https://evil.example/" + "x" * 5000
SHOP = {"alertname": "HighErrorRate", "namespace": "shop", "severity": "critical"}
SLOW = {"alertname": "HighLatency", "namespace": "shop", "severity": "warning"}
MEMORY = {"alertname": "HighMemoryUsage", "namespace": "demo", "severity": "warning"}
WATCHDOG = {"alertname": "Watchdog", "severity": "none"}


class Pair:
    """Two Alertmanagers of one cluster, each behind a proxy that can be cut."""

    def __init__(self, folder: Path, background: Background) -> None:
        first = AlertmanagerServer(folder, "alertmanager-1", peers=())
        self.servers = (first, AlertmanagerServer(folder, "alertmanager-2", peers=(first.cluster_address,)))
        self.proxies = tuple(CutProxy(background, server.port) for server in self.servers)

    def start(self) -> "Pair":
        for server, proxy in zip(self.servers, self.proxies, strict=True):
            server.start()
            proxy.up()
        return self

    def stop(self) -> None:
        for server in self.servers:
            server.stop()

    def post(self, *labels: dict[str, str]) -> None:
        """To both, as Prometheus sends them."""
        for server in self.servers:
            server.post(*({"labels": one, "annotations": {"summary": f"{one['alertname']} fires"}} for one in labels))

    def settings(self, *, watchdog_s: float = 300) -> Settings:
        where = tuple(HttpEndpoint(url=f"http://127.0.0.1:{proxy.port}") for proxy in self.proxies)
        one = region("region-1", "primary").model_copy(update={"alertmanagers": where})
        settings = made(looks_from="region-1", regions=[one])
        network = Network(connect_timeout_s=1, read_timeout_s=1)
        alerts = settings.alerts.model_copy(update={"watchdog_s": watchdog_s})
        return settings.model_copy(update={"network": network, "alerts": alerts})


@pytest.fixture(scope="module")
def started(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Pair]:
    with Background() as background:
        pair, missing = None, ""
        try:
            pair = Pair(tmp_path_factory.mktemp("alertmanager"), background)
        except Missing as error:
            missing = f"a peer is missing: {error}"
        if pair is None:
            (pytest.fail if os.environ.get("OPENOVA_PEERS_REQUIRED") == "1" else pytest.skip)(missing)
        try:
            yield pair.start()
        finally:
            pair.stop()


@pytest.fixture
def pair(started: Pair) -> Iterator[Pair]:
    """Both up, the Watchdog fresh in both, nothing else fires."""
    started.post(WATCHDOG)
    yield started
    for server, proxy in zip(started.servers, started.proxies, strict=True):
        server.process.thaw()
        proxy.up()
        for alert in server.ask("alerts"):
            if alert["labels"] != WATCHDOG:
                server.resolve(alert["labels"])


class Read:
    """One region's reader with what it found so far."""

    def __init__(self, settings: Settings) -> None:
        self.settings, self.store = settings, SnapshotStore()
        self._collector = AlertCollector(settings.regions[0], settings, self.store)

    async def once(self) -> AlertsBoard:
        try:
            await self._collector.read()
        except Fault as fault:
            self.fault = fault
        return alerts_board(self.store.current, self.settings, (), datetime.now(UTC))

    @property
    def evidence(self) -> AlertEvidence:
        return self.store.current.alerts["region-1"]

    async def close(self) -> None:
        await self._collector.close()


@pytest.fixture
async def read(pair: Pair):
    made_one = Read(pair.settings())
    yield made_one
    await made_one.close()


async def until(read: Read, *names: str) -> AlertsBoard:
    """Read until exactly these alerts are known, and both peers have formed their cluster."""

    def there(board: AlertsBoard) -> bool:
        found = {a.name for a in read.evidence.alerts}
        return found == set(names) and all(p.error or p.cluster == 2 for p in read.evidence.peers)

    return await ask.eventually(read.once, there)


async def test_nothing_fires_and_the_watchdog_arrives(pair: Pair, read: Read):
    board = await until(read)
    assert board.judgement.verdict is Verdict.OK, board.judgement.sentence
    assert [(p.version, p.cluster, p.error) for p in read.evidence.peers] == [("0.25.0", 2, "")] * 2
    assert read.store.current.traces.keys() == {"alerts/region-1", "alerts/region-1/2"}


async def test_counts_states_and_groups_are_the_servers_own(pair: Pair, read: Read):
    pair.post(SHOP, SLOW, MEMORY)
    silence = pair.servers[0].silence(alertname="HighMemoryUsage")
    await until(read, "HighErrorRate", "HighLatency", "HighMemoryUsage")
    await ask.eventually(read.once, lambda board: sum(read.evidence.suppressed.values()) == 2)
    said = {row["fingerprint"]: row for row in pair.servers[0].ask("alerts") if row["labels"] != WATCHDOG}
    assert {a.fingerprint for a in read.evidence.alerts} == set(said)
    for alert in read.evidence.alerts:
        row = said[alert.fingerprint]
        assert dict(alert.labels) == row["labels"]
        assert alert.suppressed is (row["status"]["state"] == "suppressed")
        assert list(alert.receivers) == [receiver["name"] for receiver in row["receivers"]]
        assert alert.since is not None and row["startsAt"].startswith(alert.since.isoformat(timespec="seconds")[:19])
    by_name = {a.name: a for a in read.evidence.alerts}
    assert by_name["HighMemoryUsage"].silenced_by == (silence,)
    assert by_name["HighLatency"].inhibited_by == (by_name["HighErrorRate"].fingerprint,)
    assert read.evidence.firing == {Severity.CRITICAL: 1}
    groups = [g for g in pair.servers[0].ask("alerts/groups") if g["labels"] != {"alertname": "Watchdog"}]
    assert {(g.receiver, g.labels) for g in read.evidence.groups} == {
        (g["receiver"]["name"], tuple(sorted(g["labels"].items()))) for g in groups
    }
    board = await read.once()
    assert board.judgement.verdict is Verdict.BREACH
    assert board.judgement.sentence == "Region 1: 1 critical alert fires (2 silenced or inhibited)"
    assert board.alarms[0].title == "1 critical alert in Region 1"
    proven("Alerts", "a critical alert fires", board.judgement, on=REAL)


async def test_a_hostile_text_is_cut_and_freed_of_what_cannot_be_seen(pair: Pair, read: Read):
    pair.servers[0].post({"labels": MEMORY | {"pod": HOSTILE[:300]}, "annotations": {"summary": HOSTILE, "token": "abc123"}})
    await until(read, "HighMemoryUsage")
    (alert,) = read.evidence.alerts
    texts = [value for _, value in (*alert.labels, *alert.annotations)] + [alert.summary]
    assert all(len(text) <= 1000 and text.isprintable() for text in texts)
    assert "abc123" not in repr(read.evidence) and "abc123" not in read.store.current.traces["alerts/region-1"].answer


async def test_one_peer_that_lacks_an_alert_does_not_hide_it(pair: Pair, read: Read):
    pair.servers[1].post({"labels": SHOP})
    board = await until(read, "HighErrorRate")
    assert [p.alerts for p in read.evidence.peers] == [1, 2]
    assert board.judgement.verdict is Verdict.BREACH


async def test_a_peer_that_is_gone_makes_the_set_partial(pair: Pair, read: Read):
    await until(read)
    pair.proxies[1].refuse()
    board = await read.once()
    assert board.judgement.verdict is Verdict.UNKNOWN
    assert "Alertmanager 2 of 2 refused the connection" in board.judgement.sentence
    proven("Alerts", "one of two Alertmanagers is gone", board.judgement, on=REAL)


async def test_no_peer_answers_so_nothing_is_known_and_nothing_is_forgotten(pair: Pair, read: Read):
    pair.post(MEMORY)
    await until(read, "HighMemoryUsage")
    for server in pair.servers:
        server.process.freeze()
    board = await read.once()
    assert isinstance(read.fault, TimedOut)
    assert board.judgement.verdict is Verdict.UNKNOWN and "stopped answering" in board.judgement.sentence
    assert [a.name for a in read.evidence.alerts] == ["HighMemoryUsage"]
    proven("Alerts", "every Alertmanager of a region is frozen", board.judgement, on=REAL)
    for server in pair.servers:
        server.process.thaw()
    for proxy in pair.proxies:
        proxy.refuse()
    board = await read.once()
    assert isinstance(read.fault, Unreachable) and board.judgement.verdict is Verdict.UNKNOWN
    proven("Alerts", "every Alertmanager of a region refuses", board.judgement, on=REAL)


async def test_a_watchdog_that_no_longer_fires_or_arrives_is_a_breach(pair: Pair):
    late = Read(pair.settings(watchdog_s=0.5))
    board = await ask.eventually(late.once, lambda b: b.judgement.verdict is Verdict.BREACH)
    assert "last arrived" in board.judgement.sentence
    await late.close()
    read = Read(pair.settings())
    pair.servers[1].resolve(WATCHDOG)
    board = await ask.eventually(read.once, lambda b: b.judgement.verdict is Verdict.WARN)
    assert "does not get the Watchdog" in board.judgement.sentence
    proven("Alerts", "one of two Alertmanagers gets nothing", board.judgement, on=REAL)
    pair.servers[0].resolve(WATCHDOG)
    board = await ask.eventually(read.once, lambda b: b.judgement.verdict is Verdict.BREACH)
    assert board.alarms[0].title == "Region 1's alerting is silent"
    proven("Alerts", "the Watchdog does not fire", board.judgement, on=REAL)
    await read.close()
