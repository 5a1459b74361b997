"""Evidence to start from: `CALM`, in which a planned move from region-1 to region-2 may go, and `GONE`, in which
region-1 does not answer, its last readings are there, and an unplanned one may. A test breaks one thing.
"""

from collections.abc import Mapping
from dataclasses import replace
from datetime import timedelta
from typing import Any

from openova_console.handbook.replication import Service
from openova_console.operations.evidence import Freshness, Item, fresh
from openova_console.operations.guards import Subject
from tests.support.factories import NOW, ago

R1, R2 = "region-1", "region-2"
WORKLOAD = "deployments.apps/acme-prod/portal"
OBJECT = f"{R1}/{WORKLOAD}"


def said(value: Any, sentence: str = "it was read", *, age_s: float = 1) -> Item:
    return fresh(value, sentence, at=ago(age_s), source="test")


def last(value: Any, *, age_s: float = 300) -> Item:
    return Item(freshness=Freshness.LAST, value=value, sentence="as last read", observed_at=ago(age_s), source="test")


def lease(holder: str = R1, *, renewed_s: float = 3, installed: bool = True, duration_s: float | None = 30.0) -> dict[str, Any]:
    if not installed:
        return {"installed": False, "holder": ""}
    renewed = ago(renewed_s).isoformat()
    return {"installed": True, "holder": holder, "transitions": 2, "renewed_at": renewed, "duration_s": duration_s}


def quorum(finding: str, *, unreachable: int = 0, dissent: bool = False) -> dict[str, Any]:
    counts = {"reachable": 3 - unreachable, "unreachable": unreachable, "abstaining": 0, "needed": 2}
    return {"finding": finding, **counts, "dissent": dissent}


def run(kind: str, *, id_: str = "another", region: str = R1, resource: str = WORKLOAD, begun: bool = True) -> dict[str, Any]:
    return {
        "id": id_,
        "title": kind,
        "region": region,
        "resource": resource,
        "state": "running" if begun else "approved",
        "kind": kind,
        "begun": begun,
    }


def path(service: str, *, verdict: str = "ok", loss_s: float | None = 0.4, band: str = "up to 1 s") -> dict[str, Any]:
    return {"title": service, "verdict": verdict, "loss_s": loss_s, "band": band, "bytes": 2500.0}


def slo(title: str, *, verdict: str = "ok", left: float = 0.6) -> dict[str, Any]:
    return {"title": title, "verdict": verdict, "left": left, "lasts": "lasts at this pace"}


def _region(region: str, *, active: bool) -> dict[str, Item]:
    place = f"region.{region}"
    return {
        f"{place}.api": said(True),
        f"{place}.active": said(active),
        f"{place}.actor": said(True),
        f"{place}.flux": said({"ready": 5, "total": 5, "suspended": 0, "findings": []}),
        f"{place}.nodes": said({"ready": 3, "total": 3}),
        f"{place}.backup": said({"ended_at": ago(7200).isoformat(), "failed": ""}),
        f"{place}.vault": said({"state": "active", "usable": True}),
        f"{place}.lease": said(lease()),
        f"{place}.tokens": said({"databases/postgres": "none", "gitea/gitea-postgres": "none"}),
        f"{place}.canaries": said(["acme-prod/checkout"]),
        f"canary.{region}/acme-prod/checkout": said(
            {"target": "deployments.apps/acme-prod/checkout", "in_flight": False, "phase": "Succeeded"}
        ),
        f"quorum.{region}": said(quorum("reachable")),
    }


_OWN_BOOKS = {
    "account": said({"name": "olga", "there": True, "wanted": True, "already": "", "is": "operator, open", "row": {"id": 1}}),
    "admins": said({"left": 2}),
    "word": said({"usable": True}),
    "token": said({"against": "", "row": {}}),
    "policy": said({"against": "", "row": {}, "lowered": [], "after": {}}),
    "standing": said({"against": "", "row": {}, "approvals": 1}),
}

CALM: Mapping[str, Item] = {
    **_OWN_BOOKS,
    "regions": said([R1, R2]),
    **_region(R1, active=True),
    **_region(R2, active=False),
    "activity": said({"word": "one", "active": [R1]}),
    "controller": said({"running": False, "holders": [], "mode": ""}),
    "isolated": said(False),
    **{f"replication.{service.value}": said(path(service.value)) for service in Service},
    "loss": said({"loss_s": 0.4, "band": "up to 1 s", "title": "cnpg"}),
    "budget": said({"set": True, "verdict": "ok"}),
    **{f"slo.{sli}": said(slo(sli)) for sli in ("availability", "latency", "error_rate")},
    f"object.{OBJECT}": said({"uid": "u", "generation": 3, "fields": {}}),
    f"owner.{OBJECT}": said({"owner": ""}),
    "runs": said([]),
    "cool_down": said({}),
    "freezes": said([]),
    "freezes.other": said([]),
    "change_window": said(True),
    "approval": said({"approver": 2, "owner": 1, "expires_at": (NOW + timedelta(minutes=5)).isoformat()}),
}
"""Nothing stands against anything."""

GONE: Mapping[str, Item] = {
    **CALM,
    **{key: last(item.value) for key, item in _region(R1, active=True).items() if key != f"region.{R1}.actor"},
    f"region.{R1}.api": said(False),
    f"region.{R1}.actor": said(True),
    f"quorum.{R1}": said(quorum("unreachable", unreachable=3)),
    f"region.{R2}.lease": said(lease(renewed_s=120)),
    "activity": last({"word": "one", "active": [R1]}),
    "controller": last({"running": False, "holders": [], "mode": ""}),
    **{f"replication.{service.value}": last(path(service.value, loss_s=4.0, band="up to 5 s")) for service in Service},
    "loss": last({"loss_s": 4.0, "band": "up to 5 s", "title": "cnpg"}),
}
"""Region 1 does not answer and nobody reaches it; what was last read of it is five minutes old."""

PLANNED = Subject("switchover", "Switch over", R2, "active-role", NOW, (OBJECT,), (R1, R2), "own")
UNPLANNED = replace(PLANNED, kind="failover", verb="Fail over", regions=(R2,), params={"accepted_loss": "up to 5 s"})
RESTARTS = Subject("restart-workload", "Restart", R1, WORKLOAD, NOW, (OBJECT,), (R1,), "own")
OWN = {"runs": said([run("switchover", id_="own", region=R2, resource="active-role")])}
"""The subject's own run has begun."""
