"""For every guard: evidence under which it allows, and under which it does not. A guard without both fails its own test."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import timedelta
from typing import Any

from openova_console.operations.evidence import Evidence, unknown
from openova_console.operations.guards import Subject
from openova_console.operations.words import Answer
from tests.support.factories import NOW, ago
from tests.support.guard_worlds import (
    CALM,
    GONE,
    OBJECT,
    OWN,
    PLANNED,
    R1,
    R2,
    RESTARTS,
    UNPLANNED,
    WORKLOAD,
    last,
    lease,
    path,
    quorum,
    run,
    said,
    slo,
)

ALLOW, HOLD, BLOCK = Answer.ALLOW, Answer.HOLD, Answer.BLOCK
ABSENT = None
"""As a change: the item was never gathered."""
_FROZEN = {"id": "f", "scope": "all", "value": "", "reason": "audit week", "by": "frida", "at": "", "until": ""}


@dataclass(frozen=True, slots=True)
class Case:
    """One guard, one subject, evidence, and the answer that it must give."""

    guard: str
    says: str
    subject: Subject
    evidence: Evidence
    answer: Answer

    @property
    def id(self) -> str:
        return f"{self.guard}: {self.says}"


def case(guard: str, says: str, answer: Answer, subject: Subject = PLANNED, changes: Mapping[str, Any] | None = None) -> Case:
    """A case in the world that belongs to its subject, with these items changed; `ABSENT` takes one away."""
    world = GONE if subject.kind == "failover" else CALM
    items = {key: item for key, item in {**world, **(changes or {})}.items() if item is not ABSENT}
    return Case(guard, says, subject, Evidence(at=NOW, items=items), answer)


def _brakes() -> list[Case]:
    other = run("restart-workload")
    kind = {**_FROZEN, "scope": "kind", "value": "restart-workload"}
    region = {**_FROZEN, "scope": "region", "value": R2}
    soon, over = (NOW + timedelta(seconds=90)).isoformat(), ago(5).isoformat()
    return [
        case("freeze", "nothing is frozen", ALLOW),
        case("freeze", "another region is frozen", ALLOW, RESTARTS, {"freezes": said([region])}),
        case("freeze", "everything is frozen", BLOCK, RESTARTS, {"freezes": said([_FROZEN])}),
        case("freeze", "a region that the plan writes to is frozen", BLOCK, PLANNED, {"freezes": said([region])}),
        case("freeze", "the kind is frozen", BLOCK, RESTARTS, {"freezes": said([kind])}),
        case("freeze", "freezes are not known", HOLD, RESTARTS, {"freezes": unknown("locked")}),
        case("freeze-known", "the other console has frozen nothing", ALLOW),
        case("freeze-known", "the other console has frozen everything", BLOCK, RESTARTS, {"freezes.other": said([_FROZEN])}),
        case("freeze-known", "the other console is not heard", HOLD, RESTARTS, {"freezes.other": unknown("no answer")}),
        case("run-in-flight", "nothing runs", ALLOW, RESTARTS),
        case("run-in-flight", "its own run", ALLOW, RESTARTS, {"runs": said([{**other, "id": "own"}])}),
        case("run-in-flight", "another object's run", ALLOW, RESTARTS, {"runs": said([{**other, "resource": "x"}])}),
        case("run-in-flight", "a run on the same object", HOLD, RESTARTS, {"runs": said([other])}),
        case("cool-down", "never done", ALLOW, RESTARTS),
        case("cool-down", "the pause is over", ALLOW, RESTARTS, {"cool_down": said({"operation": "abcdefgh", "ends_at": over})}),
        case("cool-down", "done just now", HOLD, RESTARTS, {"cool_down": said({"operation": "abcdefgh", "ends_at": soon})}),
        case("change-window", "open", ALLOW, RESTARTS),
        case("change-window", "closed", HOLD, RESTARTS, {"change_window": said(False)}),
    ]


def _objects() -> list[Case]:
    running = {"target": WORKLOAD, "in_flight": True, "phase": "Progressing"}
    owned = {"owner": "Kustomization flux-system/apps", "suspended": False}
    canary = f"canary.{R1}/acme-prod/portal"
    listed = {f"region.{R1}.canaries": said(["acme-prod/portal"])}
    return [
        case("object-known", "read", ALLOW, RESTARTS),
        case("object-known", "not there", BLOCK, RESTARTS, {f"object.{OBJECT}": said({"absent": True})}),
        case("object-known", "not read", HOLD, RESTARTS, {f"object.{OBJECT}": unknown("403")}),
        case("actor-account", "set", ALLOW, RESTARTS),
        case("actor-account", "not set", BLOCK, RESTARTS, {f"region.{R1}.actor": said(False)}),
        case("not-undone", "nobody owns it", ALLOW, RESTARTS),
        case("not-undone", "its owner is suspended", ALLOW, RESTARTS, {f"owner.{OBJECT}": said({**owned, "suspended": True})}),
        case("not-undone", "Flux owns it", BLOCK, RESTARTS, {f"owner.{OBJECT}": said(owned)}),
        case("canary-in-flight", "another workload's canary", ALLOW, RESTARTS),
        case("canary-in-flight", "its own canary", BLOCK, RESTARTS, {**listed, canary: said(running)}),
        case("canary-in-flight", "a canary that is listed and not read", HOLD, RESTARTS, listed),
    ]


def _verbs() -> list[Case]:
    mode = {"running": True, "holders": [R1], "mode": "manual"}
    return [
        case("distinct-verbs", "planned, and the primary answers", ALLOW),
        case("distinct-verbs", "unplanned, and the primary is gone", ALLOW, UNPLANNED),
        case("distinct-verbs", "unplanned, and the primary answers", BLOCK, UNPLANNED, {f"region.{R1}.api": said(True)}),
        case("distinct-verbs", "unplanned, and it only answered lately", HOLD, UNPLANNED, {f"region.{R1}.api": last(True)}),
        case("distinct-verbs", "unplanned, and its silence is old", HOLD, UNPLANNED, {f"region.{R1}.api": last(False)}),
        case("distinct-verbs", "planned, and the primary is gone", BLOCK, PLANNED, {f"region.{R1}.api": said(False)}),
        case("distinct-verbs", "a region that there is not", HOLD, replace(PLANNED, region="region-9")),
        case("witness-quorum", "planned, the target is reached", ALLOW),
        case(
            "witness-quorum", "planned, it is not", BLOCK, PLANNED, {f"quorum.{R2}": said(quorum("unreachable", unreachable=2))}
        ),
        case("witness-quorum", "planned, no quorum", HOLD, PLANNED, {f"quorum.{R2}": said(quorum("no quorum"))}),
        case("witness-quorum", "unplanned, three of three", ALLOW, UNPLANNED),
        case("witness-quorum", "unplanned, reached", BLOCK, UNPLANNED, {f"quorum.{R1}": said(quorum("reachable"))}),
        case("witness-quorum", "one silent", HOLD, UNPLANNED, {f"quorum.{R1}": said(quorum("no quorum", unreachable=1))}),
        case("witness-quorum", "cut off", HOLD, UNPLANNED, {f"quorum.{R1}": said(quorum("isolated"))}),
        case("witness-quorum", "one vote only", HOLD, UNPLANNED, {f"quorum.{R1}": said(quorum("unreachable", unreachable=1))}),
        case("witness-quorum", "the last count", HOLD, UNPLANNED, {f"quorum.{R1}": last(quorum("unreachable", unreachable=3))}),
        case("not-isolated", "not cut off", ALLOW, UNPLANNED),
        case("not-isolated", "cut off", BLOCK, UNPLANNED, {"isolated": said(True)}),
        case("failover-controller", "none at work", ALLOW),
        case("failover-controller", "none was at work when contact was lost", ALLOW, UNPLANNED),
        case("failover-controller", "a person decides", ALLOW, PLANNED, {"controller": said(mode)}),
        case("failover-controller", "automatic", BLOCK, PLANNED, {"controller": said({**mode, "mode": "automatic"})}),
        case("failover-controller", "its mode is not known", HOLD, UNPLANNED, {"controller": said({**mode, "mode": ""})}),
    ]


def _writers() -> list[Case]:
    both = {"word": "both", "active": [R1, R2]}
    none = {f"region.{R1}.active": said(False), "activity": said({"word": "none", "active": []})}
    target = f"region.{R2}.lease"
    return [
        case("both-active", "one is active", ALLOW),
        case("both-active", "one was active when contact was lost", ALLOW, UNPLANNED),
        case("both-active", "both are", BLOCK, PLANNED, {"activity": said(both)}),
        case("both-active", "both were", BLOCK, UNPLANNED, {"activity": last(both)}),
        case("both-active", "planned, by old readings", HOLD, PLANNED, {"activity": last({"word": "one", "active": [R1]})}),
        case("one-region-on", "the target answers", ALLOW, UNPLANNED),
        case("one-region-on", "the target does not", BLOCK, UNPLANNED, {f"region.{R2}.api": said(False)}),
        case("one-region-on", "the target answered lately", HOLD, UNPLANNED, {f"region.{R2}.api": last(True)}),
        case("one-writer", "the plan takes the writes away", ALLOW),
        case("one-writer", "the other is silent", ALLOW, UNPLANNED),
        case("one-writer", "the plan leaves it writing", BLOCK, replace(PLANNED, regions=(R2,))),
        case("one-writer", "it answers", BLOCK, UNPLANNED, {f"region.{R1}.api": said(True), f"region.{R1}.active": said(True)}),
        case("one-writer", "its silence is not known", HOLD, UNPLANNED, {f"region.{R1}.api": unknown("401")}),
        case("one-writer", "its role was never read", HOLD, UNPLANNED, {f"region.{R1}.active": unknown("nothing was read yet")}),
        case("role-unambiguous", "one is active, the lease agrees", ALLOW),
        case("role-unambiguous", "it was so when contact was lost", ALLOW, UNPLANNED),
        case("role-unambiguous", "nobody is active in the middle of its own run", ALLOW, PLANNED, {**none, **OWN}),
        case("role-unambiguous", "nobody is active", BLOCK, PLANNED, none),
        case("role-unambiguous", "both are", BLOCK, PLANNED, {f"region.{R2}.active": said(True)}),
        case("role-unambiguous", "both are, in its own run", BLOCK, PLANNED, {f"region.{R2}.active": said(True), **OWN}),
        case("role-unambiguous", "the target is active already", BLOCK, replace(PLANNED, region=R1)),
        case("role-unambiguous", "the lease names another", BLOCK, PLANNED, {f"region.{R1}.lease": said(lease(R2))}),
        case("role-unambiguous", "the lease is not known", HOLD, PLANNED, {f"region.{R1}.lease": unknown("stuck")}),
        case("lease-run-out", "planned, it is given up", ALLOW),
        case("lease-run-out", "unplanned, it has run out", ALLOW, UNPLANNED),
        case("lease-run-out", "there is none", ALLOW, UNPLANNED, {target: said(lease(installed=False))}),
        case("lease-run-out", "the target holds it", ALLOW, UNPLANNED, {target: said(lease(R2))}),
        case("lease-run-out", "it still runs", HOLD, UNPLANNED, {target: said(lease(renewed_s=10))}),
        case("lease-run-out", "it has no end", HOLD, UNPLANNED, {target: said(lease(duration_s=None))}),
        case("lease-run-out", "it is of tomorrow", HOLD, UNPLANNED, {target: said(lease(renewed_s=-600))}),
        case("lease-run-out", "only an old copy", HOLD, UNPLANNED, {target: last(lease(renewed_s=120))}),
    ]


def _losses() -> list[Case]:
    late = {"replication.valkey": said(path("valkey", verdict="breach", loss_s=90.0, band="up to 300 s"))}
    handed = {f"region.{R1}.active": said(False), **late, **OWN}
    typed = replace(UNPLANNED, params={"accepted_loss": "up to 1 s"})
    token = {f"region.{R2}.tokens": said({"databases/postgres": "waiting"})}
    old = {"ended_at": ago(26 * 3600).isoformat(), "failed": ""}
    return [
        case("replication-in-objective", "every service is in time", ALLOW),
        case("replication-in-objective", "unplanned it does not matter", ALLOW, UNPLANNED),
        case("replication-in-objective", "the source has stopped writing in its own run", ALLOW, PLANNED, handed),
        case("replication-in-objective", "one service is late", HOLD, PLANNED, late),
        case("replication-in-objective", "one service is late in its own run", HOLD, PLANNED, {**late, **OWN}),
        case(
            "replication-in-objective",
            "one is warned of",
            HOLD,
            PLANNED,
            {"replication.minio": said(path("minio", verdict="warn"))},
        ),
        case("replication-in-objective", "one is not known", HOLD, PLANNED, {"replication.gitea": unknown("not configured")}),
        case("replication-in-objective", "only old figures", HOLD, PLANNED, {"replication.gitea": last(path("gitea"))}),
        case("loss-accepted", "the figure that is shown", ALLOW, UNPLANNED),
        case("loss-accepted", "planned, nothing is lost", ALLOW),
        case("loss-accepted", "another figure", BLOCK, typed),
        case("loss-accepted", "nothing typed", BLOCK, replace(UNPLANNED, params={})),
        case("loss-accepted", "no figure", HOLD, UNPLANNED, {"loss": unknown("nothing was seen before")}),
        case("stale-promotion-token", "none", ALLOW),
        case("stale-promotion-token", "none when contact was lost", ALLOW, UNPLANNED),
        case("stale-promotion-token", "one that the run itself has put there", ALLOW, PLANNED, {**token, **OWN}),
        case("stale-promotion-token", "one waits", BLOCK, PLANNED, token),
        case(
            "stale-promotion-token", "one was used", BLOCK, PLANNED, {f"region.{R1}.tokens": said({"databases/postgres": "used"})}
        ),
        case("stale-promotion-token", "not known", HOLD, PLANNED, {f"region.{R1}.tokens": unknown("stuck")}),
        case("backup-recent", "two hours old", ALLOW),
        case("backup-recent", "two hours old when contact was lost", ALLOW, UNPLANNED),
        case("backup-recent", "older than a day", HOLD, PLANNED, {f"region.{R1}.backup": said(old)}),
        case("backup-recent", "of tomorrow", HOLD, PLANNED, {f"region.{R1}.backup": said({"ended_at": ago(-60).isoformat()})}),
        case(
            "backup-recent", "none is known", HOLD, UNPLANNED, {f"region.{R1}.backup": unknown("no completed backup was found")}
        ),
    ]


def _target() -> list[Case]:
    nodes, flux, vault = f"region.{R2}.nodes", f"region.{R2}.flux", f"region.{R2}.vault"
    late = {"ready": 3, "total": 5, "suspended": 1, "findings": ["Kustomization apps not ready: BuildFailed"]}
    held = {"ready": 4, "total": 5, "suspended": 1, "findings": ["Kustomization apps is suspended"]}
    running = {"target": "x", "in_flight": True, "phase": "Progressing"}
    one, other = f"canary.{R1}/acme-prod/checkout", f"canary.{R2}/acme-prod/checkout"
    return [
        case("target-capacity", "every node is ready", ALLOW),
        case("target-capacity", "unplanned, most are", ALLOW, UNPLANNED, {nodes: said({"ready": 2, "total": 3})}),
        case("target-capacity", "planned, one is missing", HOLD, PLANNED, {nodes: said({"ready": 2, "total": 3})}),
        case("target-capacity", "unplanned, half are missing", HOLD, UNPLANNED, {nodes: said({"ready": 2, "total": 4})}),
        case("target-capacity", "none is ready", BLOCK, UNPLANNED, {nodes: said({"ready": 0, "total": 3})}),
        case("target-capacity", "old figures", HOLD, UNPLANNED, {nodes: last({"ready": 3, "total": 3})}),
        case("vault-unsealed", "unsealed", ALLOW),
        case("vault-unsealed", "sealed", BLOCK, PLANNED, {vault: said({"state": "sealed", "usable": False})}),
        case("vault-unsealed", "not configured", HOLD, UNPLANNED, {vault: unknown("no vault is configured")}),
        case("flux-ready", "all are ready", ALLOW),
        case("flux-ready", "one is suspended on purpose", ALLOW, PLANNED, {flux: said(held)}),
        case("flux-ready", "one is late", HOLD, PLANNED, {flux: said(late)}),
        case(
            "flux-ready", "none is there", HOLD, PLANNED, {flux: said({"ready": 0, "total": 0, "suspended": 0, "findings": []})}
        ),
        case("no-release-in-flight", "none", ALLOW),
        case("no-release-in-flight", "unplanned, one where it is dark", ALLOW, UNPLANNED, {one: last(running)}),
        case("no-release-in-flight", "paused by its own run", ALLOW, PLANNED, {one: said(running), **OWN}),
        case("no-release-in-flight", "one in the primary", HOLD, PLANNED, {one: said(running)}),
        case("no-release-in-flight", "one in the target", HOLD, UNPLANNED, {other: said(running)}),
        case("no-release-in-flight", "one that is listed and not read", HOLD, PLANNED, {other: ABSENT}),
        case("no-rotation-or-erasure", "nothing runs", ALLOW),
        case("no-rotation-or-erasure", "a restart runs", ALLOW, PLANNED, {"runs": said([run("restart-workload")])}),
        case("no-rotation-or-erasure", "a rotation runs", HOLD, PLANNED, {"runs": said([run("rotate-database")])}),
        case("no-rotation-or-erasure", "an erasure runs", HOLD, UNPLANNED, {"runs": said([run("gdpr-erase")])}),
    ]


def _limits() -> list[Case]:
    over = {"budget": said({"set": True, "verdict": "breach"})}
    burning = {"slo.latency": said(slo("Latency (p95)", verdict="breach"))}
    spent = {"slo.availability": said(slo("Availability", left=-0.1))}
    return [
        case("budget", "within", ALLOW, RESTARTS),
        case("budget", "none is set", ALLOW, RESTARTS, {"budget": said({"set": False, "verdict": ""})}),
        case("budget", "a move is exempt", ALLOW, UNPLANNED, over),
        case("budget", "used up", BLOCK, RESTARTS, over),
        case("budget", "not known", HOLD, RESTARTS, {"budget": unknown("OpenCost is silent")}),
        case("error-budget", "some is left", ALLOW),
        case("error-budget", "unplanned, hurt users are the reason", ALLOW, UNPLANNED, burning),
        case("error-budget", "it burns", HOLD, PLANNED, burning),
        case("error-budget", "it is spent", HOLD, PLANNED, spent),
        case("error-budget", "not known", HOLD, PLANNED, {"slo.latency": unknown("no requests")}),
    ]


def _people() -> list[Case]:
    mine = {"approver": 1, "owner": 1, "expires_at": (NOW + timedelta(minutes=5)).isoformat()}
    late = {"approver": 2, "owner": 1, "expires_at": ago(1).isoformat()}
    return [
        case("another-person", "another", ALLOW),
        case("another-person", "the same", BLOCK, PLANNED, {"approval": said(mine)}),
        case("another-person", "nobody", HOLD, PLANNED, {"approval": said({**mine, "approver": None})}),
        case("approval-fresh", "in time", ALLOW),
        case("approval-fresh", "too late", BLOCK, PLANNED, {"approval": said(late)}),
        case("approval-fresh", "no end is known", HOLD, PLANNED, {"approval": unknown("nobody has approved")}),
    ]


def _console() -> list[Case]:
    def account(**changes: Any) -> Mapping[str, Any]:
        return {"account": said({**CALM["account"].value, **changes})}

    ruled = [
        (guard, key, f"{guard}: something is wrong with it")
        for guard, key in (("token-fits", "token"), ("policy-floor", "policy"), ("standing-fits", "standing"))
    ]
    return [
        case("account-there", "it is there, and is to be changed", ALLOW),
        case("account-there", "it is not there, and is to be made", ALLOW, PLANNED, account(there=False, wanted=False)),
        case("account-there", "the name is taken", BLOCK, PLANNED, account(wanted=False)),
        case("account-there", "there is none", BLOCK, PLANNED, account(there=False)),
        case("account-there", "nothing would change", BLOCK, PLANNED, account(already="olga is closed already")),
        case("account-there", "not known", HOLD, PLANNED, {"account": unknown("locked")}),
        case("admin-left", "two are left", ALLOW),
        case("admin-left", "one is left", ALLOW, PLANNED, {"admins": said({"left": 1})}),
        case("admin-left", "nobody is left", BLOCK, PLANNED, {"admins": said({"left": 0})}),
        case("admin-left", "not known", HOLD, PLANNED, {"admins": unknown("locked")}),
        case("word-usable", "hashed here", ALLOW),
        case("word-usable", "hashed elsewhere", BLOCK, PLANNED, {"word": said({"usable": False})}),
        *(case(guard, "it fits", ALLOW) for guard, _, _ in ruled),
        *(case(guard, "it does not", BLOCK, PLANNED, {key: said({"against": why})}) for guard, key, why in ruled),
        *(case(guard, "not known", HOLD, PLANNED, {key: unknown("locked")}) for guard, key, _ in ruled),
    ]


_ALL = (_brakes, _objects, _verbs, _writers, _losses, _target, _limits, _people, _console)
CASES = tuple(one for topic in _ALL for one in topic())
