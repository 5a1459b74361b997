"""Guards about which verb is meant: planned while the primary answers, unplanned only when it is proven gone."""

from openova_console.access.roles import Role
from openova_console.handbook.witnesses import Finding
from openova_console.operations.evidence import Evidence
from openova_console.operations.guards.base import Guard, Subject, allow, block, hold
from openova_console.operations.guards.moves import knowing_regions, left_behind, not_known, unplanned, usable
from openova_console.operations.words import Answer


@knowing_regions
def _verbs(subject: Subject, evidence: Evidence) -> tuple[Answer, str]:
    for region in left_behind(subject, evidence):
        api = evidence.get(f"region.{region}.api")
        if not api.known:
            return not_known(f"Whether {region} answers", api)
        if unplanned(subject) and api.value:
            return block(f"{region} answers: make a planned switchover, which loses nothing")
        if not unplanned(subject) and not api.value:
            return block(f"{region} does not answer, so it cannot hand over: only an unplanned failover is possible")
    return allow("The verb is the right one for what answers now")


@knowing_regions
def _quorum(subject: Subject, evidence: Evidence) -> tuple[Answer, str]:
    if not unplanned(subject):
        return _reached(subject.region, evidence)
    for region in left_behind(subject, evidence):
        item = evidence.get(f"quorum.{region}")
        if not item.known:
            return not_known(f"What the witnesses say of {region}", item)
        if item.value["finding"] == Finding.REACHABLE:
            return block(f"The witnesses still reach {region}: {item.sentence}")
        if item.value["finding"] != Finding.UNREACHABLE or item.value["unreachable"] < item.value["needed"]:
            return hold(f"The witnesses do not agree that {region} is gone: {item.sentence}")
    return allow("Enough witnesses agree that the region that is left cannot be reached")


def _reached(region: str, evidence: Evidence) -> tuple[Answer, str]:
    item = evidence.get(f"quorum.{region}")
    if not item.known:
        return not_known(f"What the witnesses say of {region}", item)
    if item.value["finding"] == Finding.UNREACHABLE:
        return block(f"The witnesses cannot reach {region}, and no more could users: {item.sentence}")
    if item.value["finding"] != Finding.REACHABLE:
        return hold(f"The witnesses do not agree that {region} can be reached: {item.sentence}")
    return allow(f"The witnesses reach {region}")


def _isolated(subject: Subject, evidence: Evidence) -> tuple[Answer, str]:
    item = evidence.get("isolated")
    if not item.known:
        return not_known("Whether this console itself is cut off", item)
    if item.value:
        return block(f"This console itself is cut off, and what it does not see says nothing: {item.sentence}")
    return allow("This console is not cut off")


def _controller(subject: Subject, evidence: Evidence) -> tuple[Answer, str]:
    item = evidence.get("controller")
    if not usable(subject, item):
        return not_known("Whether the platform's failover controller is in charge", item)
    if not item.value["running"]:
        return allow("No failover controller of the platform is at work")
    match item.value["mode"]:
        case "automatic":
            return block(f"The platform's failover controller decides by itself: {item.sentence}")
        case "semi-automatic" | "manual" | "paused" as mode:
            return allow(f"The platform's failover controller is {mode}: a person decides")
        case _:
            return hold(f"The platform's failover controller is at work and its mode is not known: {item.sentence}")


VERBS = Guard(
    "distinct-verbs",
    "A planned switchover needs a primary that answers; an unplanned failover is disabled as long as it does.",
    ("regions", "region."),
    "Use the other verb; or bring the region's Kubernetes API into a state that is known.",
    Role.ADMIN,
    _verbs,
)
QUORUM = Guard(
    "witness-quorum",
    "Two of three witnesses, never fewer because one is silent: unplanned, that the primary cannot be reached; planned, "
    "that the target can.",
    ("regions", "quorum."),
    "Wait until enough of the configured witnesses agree; mend those that abstain.",
    Role.ADMIN,
    _quorum,
)
ISOLATED = Guard(
    "not-isolated",
    "A console that is itself cut off promotes nothing.",
    ("isolated",),
    "Bring back this console's way to the witnesses, or use the other region's console.",
    None,
    _isolated,
)
CONTROLLER = Guard(
    "failover-controller",
    "Where the platform's own failover controller decides, the console does not.",
    ("controller",),
    "Pause the failover controller, or let it act.",
    Role.ADMIN,
    _controller,
)
GUARDS = (VERBS, QUORUM, ISOLATED, CONTROLLER)
