"""Guards about who accepts writes, before and after: never two, never nobody, never a guess."""

from openova_console.access.roles import Role
from openova_console.handbook.speech import listing, span
from openova_console.operations.evidence import Evidence
from openova_console.operations.guards.base import Guard, Subject, allow, block, hold
from openova_console.operations.guards.moves import (
    as_of,
    begun,
    knowing_regions,
    left_behind,
    not_known,
    regions,
    unplanned,
    usable,
)
from openova_console.operations.leases import left_s, running
from openova_console.operations.words import Answer


def _both_active(subject: Subject, evidence: Evidence) -> tuple[Answer, str]:
    item = evidence.get("activity")
    if not usable(subject, item):
        return not_known("Who accepts writes", item)
    if item.value["word"] == "both":
        return block(f"More than one region accepts writes ({listing(item.value['active'])}){as_of(item, subject.now)}")
    return allow("At most one region accepts writes")


@knowing_regions
def _one_on(subject: Subject, evidence: Evidence) -> tuple[Answer, str]:
    """The region that is to serve has to answer now: the other one stops serving."""
    api = evidence.get(f"region.{subject.region}.api")
    if not api.known:
        return not_known(f"Whether {subject.region} answers", api)
    if not api.value:
        return block(f"{subject.region} does not answer: afterwards no region would serve users")
    return allow(f"{subject.region} answers and would serve users")


@knowing_regions
def _one_writer(subject: Subject, evidence: Evidence) -> tuple[Answer, str]:
    """A writer that the plan does not write to has to be silent: unplanned, and its API seen not to answer."""
    for region in left_behind(subject, evidence):
        active, api = evidence.get(f"region.{region}.active"), evidence.get(f"region.{region}.api")
        if not usable(subject, active):
            return not_known(f"Whether {region} accepts writes", active)
        if not active.value or region in subject.regions:
            continue
        if not unplanned(subject):
            return block(f"{region} would go on accepting writes: the plan does not take that from it")
        if not api.known:
            return not_known(f"Whether {region} answers", api)
        if api.value:
            return block(f"{region} answers and would go on accepting writes")
    return allow("Afterwards at most one region accepts writes")


@knowing_regions
def _unambiguous(subject: Subject, evidence: Evidence) -> tuple[Answer, str]:
    active = []
    for region in regions(evidence):
        item = evidence.get(f"region.{region}.active")
        if not usable(subject, item):
            return not_known(f"Whether {region} accepts writes", item)
        active += [region] if item.value else []
    if len(active) > 1:
        return block(f"More than one region accepts writes: {listing(active)}")
    if begun(subject, evidence):
        return allow("The roles change hands in this very run")
    if not active:
        return block("No region accepts writes: there is no role to hand over")
    if active[0] == subject.region:
        return block(f"{subject.region} is active already")
    return _holders(subject, evidence, active[0])


def _holders(subject: Subject, evidence: Evidence, active: str) -> tuple[Answer, str]:
    """Whether every lease that is held names the region that accepts writes."""
    for region in regions(evidence):
        item = evidence.get(f"region.{region}.lease")
        if not usable(subject, item):
            return not_known(f"Who holds the lease in {region}", item)
        if item.value["holder"] and item.value["holder"] != active:
            return block(f"{active} accepts writes, but {region}'s lease names {item.value['holder']}")
    return allow(f"{active} is active, and nothing contradicts it")


@knowing_regions
def _lease(subject: Subject, evidence: Evidence) -> tuple[Answer, str]:
    """Unplanned: the hold of the region that is left has run out, as the target sees it."""
    item = evidence.get(f"region.{subject.region}.lease")
    if not item.known:
        return not_known(f"Who holds the lease in {subject.region}", item)
    if not item.value["installed"]:
        return allow("There is no failover controller's lease to wait for")
    if item.value["holder"] in ("", subject.region):
        return allow("No other region holds the lease")
    if not unplanned(subject):
        return allow(f"{item.value['holder']} holds the lease and gives it up in the plan")
    runs = running(item.value, subject.region, subject.now)
    if runs is None:
        return hold(f"{item.value['holder']}'s lease does not say how long it is held, or one of the clocks is wrong")
    if runs:
        left = left_s(item.value, subject.now)
        return hold(f"{item.value['holder']} still holds the lease for {span(left)}: until then it may believe that it is active")
    return allow(f"{item.value['holder']}'s lease has run out")


BOTH_ACTIVE = Guard(
    "both-active",
    "While two regions accept writes nothing moves the role: first one of them is fenced.",
    ("activity",),
    "Fence one of the regions, and reconcile what both have written.",
    None,
    _both_active,
)
ONE_ON = Guard(
    "one-region-on",
    "At least one region serves users afterwards.",
    ("regions", "region."),
    "Bring the target region's Kubernetes API back.",
    None,
    _one_on,
)
ONE_WRITER = Guard(
    "one-writer",
    "At most one region accepts writes afterwards.",
    ("regions", "region."),
    "Let the plan take the writes from the other region; or wait until its API is seen not to answer.",
    None,
    _one_writer,
)
UNAMBIGUOUS = Guard(
    "role-unambiguous",
    "Exactly one region is active, it is not the target, and every lease that is held names it.",
    ("regions", "region.", "runs"),
    "Find out who accepts writes, and make database and lease agree.",
    None,
    _unambiguous,
)
LEASE = Guard(
    "lease-run-out",
    "Unplanned, the old holder's lease has run out: before that it may believe that it is active.",
    ("regions", "region."),
    "Wait until the lease has run out.",
    Role.ADMIN,
    _lease,
)
GUARDS = (BOTH_ACTIVE, ONE_ON, ONE_WRITER, UNAMBIGUOUS, LEASE)
