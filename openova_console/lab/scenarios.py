"""The sixteen scenarios: what breaks, seen from where the console looks, and what a reader should then see.

A scenario is data: conditions of the world, faults of endpoints, and changes of Kubernetes objects (by name; see
`objects`). Of all of them only `r1_down`, looked at from region-2, may enable the unplanned failover.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Final

from openova_console.lab.faults import Fault
from openova_console.lab.names import REGIONS, WITNESSES, endpoints_of, peer

FaultMap = dict[str, Fault]

_FROZEN, _REFUSED = Fault("freeze"), Fault("refuse")
_R1, _R2 = REGIONS


def _no_faults(looks_from: str) -> FaultMap:
    return {}


@dataclass(frozen=True, slots=True, kw_only=True)
class Scenario:
    """One scenario.

    Attributes:
        sentence: what happens, in one sentence.
        expect: what it should change for who looks at the platform.
        conditions: fields of `timeline.Conditions` that differ from the healthy ones.
        faults: endpoint states by the region from which the console looks.
        objects: names of the object changes in `objects.CHANGES`.
    """

    name: str
    sentence: str
    expect: str
    conditions: dict[str, Any]
    faults: Callable[[str], FaultMap] = _no_faults
    objects: tuple[str, ...] = ()


def _region_down(looks_from: str) -> FaultMap:
    """Region 1 has no power. From within nothing is reached at all, neither the peer nor a witness."""
    down = dict.fromkeys(endpoints_of(_R1), _REFUSED) | {
        f"{_R1}/kubernetes": _FROZEN,
        f"{_R1}/prometheus": _FROZEN,
    }
    return down if looks_from == _R2 else down | _cut_off(_R1)


def _cut_off(region: str) -> FaultMap:
    """A region without a way out: its peer and the witnesses are silent."""
    return dict.fromkeys((*endpoints_of(peer(region)), *WITNESSES), _FROZEN)


def _partition(looks_from: str) -> FaultMap:
    return dict.fromkeys(endpoints_of(peer(looks_from)), _FROZEN)


def _isolated(looks_from: str) -> FaultMap:
    return _cut_off(_R2) if looks_from == _R2 else dict.fromkeys(endpoints_of(_R2), _FROZEN)


def _lying(looks_from: str) -> FaultMap:
    lies = {"witness-1": Fault("answers", detail="serve_stale"), "witness-2": Fault("answers", detail="forged")}
    return _region_down(looks_from) | (lies if looks_from == _R2 else {})


def _degraded(looks_from: str) -> FaultMap:
    return {"witness-1": Fault("answers", detail="servfail"), "witness-2": Fault("answers", detail="silent")}


def _slow(looks_from: str) -> FaultMap:
    return {f"{region}/kubernetes": Fault("slow", 6) for region in REGIONS}


_ALL: tuple[Scenario, ...] = (
    Scenario(
        name="healthy",
        sentence="Both regions run, replication streams, all three witnesses tell the truth.",
        expect="Every verdict that is read becomes ok within a minute.",
        conditions={},
    ),
    Scenario(
        name="r1_down",
        sentence="Region 1 has lost power: nothing in it answers, and its DNS is gone.",
        expect="From region-2: region 1 unreachable, replication dead, all three witnesses vote unreachable with their control "
        "fine. The only scenario that may enable the unplanned failover.",
        conditions={"dead": frozenset({_R1})},
        faults=_region_down,
    ),
    Scenario(
        name="partition",
        sentence="The link between the regions is cut; both run and both reach the internet.",
        expect="The peer is unreachable and replication dead, but the witnesses still resolve both regions: no failover.",
        conditions={"link_up": False},
        faults=_partition,
    ),
    Scenario(
        name="r2_isolated",
        sentence="Region 2 has lost the link and the internet; inside it everything runs.",
        expect="From region-2: the peer and all witnesses are silent, the control fails too: we are isolated, no failover.",
        conditions={"isolated": frozenset({_R2})},
        faults=_isolated,
    ),
    Scenario(
        name="witness_degraded",
        sentence="One witness answers SERVFAIL to everything and one answers nothing.",
        expect="Two witnesses abstain because their control fails; one vote is no quorum; the regions stay ok.",
        conditions={},
        faults=_degraded,
    ),
    Scenario(
        name="witness_lies",
        sentence="Region 1 is down, one witness answers for it from a stale cache (EDE 3) and one forges a positive answer.",
        expect="From region-2: one abstains, one says reachable, one says unreachable: no quorum, no failover.",
        conditions={"dead": frozenset({_R1})},
        faults=_lying,
    ),
    Scenario(
        name="both_active",
        sentence="Region 2 was promoted while region 1 still accepts writes.",
        expect="Both regions report the primary role, both controllers are active: split brain, the top alarm. Each region's "
        "DNS sends users to itself.",
        conditions={"valkey_primaries": frozenset(REGIONS)},
        objects=("promote_region_2",),
    ),
    Scenario(
        name="lag_breach",
        sentence="The standbys of Postgres, Valkey and Kafka take writes more slowly than they come, while their links stay up.",
        expect="CNPG and Valkey lag pass 30 s within ten seconds: warn, then breach. MongoDB and Redpanda follow: warn after "
        "a quarter of a minute, breach after a minute and a half.",
        conditions={"lagging": True},
    ),
    Scenario(
        name="wal_receiver_dead",
        sentence="The DR standby's WAL receiver is gone; the link is fine.",
        expect="cnpg_pg_replication_lag reads 0, the receiver is down and the slot grows: unknown or breach, never ok.",
        conditions={"receiver_dead": True},
    ),
    Scenario(
        name="canary_failing",
        sentence="A bad version is on its way in region 1: its canary fails one check after another.",
        expect="Failed checks climb to the threshold; after a minute all traffic is back on the primary and the phase is Failed.",
        conditions={},
        objects=("fail_canary",),
    ),
    Scenario(
        name="error_budget_burn",
        sentence="Three of a hundred requests fail.",
        expect="http_requests_total with status 500 grows 75 times as fast: availability is beyond its limit after five minutes, "
        "and the burn over an hour passes 14.4 after half an hour.",
        conditions={"failing_requests": True},
    ),
    Scenario(
        name="budget_over",
        sentence="The autoscaler has added nodes to both regions beyond the budget.",
        expect="Each region has four more nodes: what a month costs passes 100 % of the budget, and scale-up is blocked.",
        conditions={},
        objects=("add_nodes",),
    ),
    Scenario(
        name="rotation_overdue",
        sentence="Secrets and certificates were not rotated when they were due.",
        expect="Certificates end in nine days, rotation CronJobs last ran 75 days ago.",
        conditions={},
        objects=("stop_rotation",),
    ),
    Scenario(
        name="dsr_backlog",
        sentence="The job that processes data subject requests has failed for six days.",
        expect="Its CronJob's last success is six days old and its last Job failed.",
        conditions={},
        objects=("fail_data_requests",),
    ),
    Scenario(
        name="alert_storm",
        sentence="A bad release takes down deployments in region 1 at once.",
        expect="Deployments without available replicas and a Kustomization that is not ready.",
        conditions={},
        objects=("break_deployments",),
    ),
    Scenario(
        name="slow_api",
        sentence="Both Kubernetes APIs take six seconds to answer.",
        expect="What is read from Kubernetes becomes unknown, because it does not come in time; the rest stays.",
        conditions={},
        faults=_slow,
    ),
)

SCENARIOS: Final = {scenario.name: scenario for scenario in _ALL}
