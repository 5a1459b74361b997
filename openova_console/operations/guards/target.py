"""Guards about the region that is changed: it can carry the load, read its secrets, and its Flux works."""

from openova_console.access.roles import Role
from openova_console.operations.evidence import Evidence
from openova_console.operations.guards.base import Guard, Subject, allow, block, hold
from openova_console.operations.guards.moves import begun, left_behind, not_known, regions, unplanned
from openova_console.operations.words import Answer

ROTATIONS, ERASURES = "rotate-", "gdpr-"
"""How the kinds begin whose runs nothing else may disturb."""


def _capacity(subject: Subject, evidence: Evidence) -> tuple[Answer, str]:
    item = evidence.get(f"region.{subject.region}.nodes")
    if not item.known:
        return not_known(f"How many nodes of {subject.region} are ready", item)
    ready, total = item.value["ready"], item.value["total"]
    said = f"{ready} of {total} nodes of {subject.region} are ready"
    if ready < 1:
        return block(said if total else f"{subject.region} has no nodes")
    if ready < total and not unplanned(subject):
        return hold(said)
    if ready * 2 <= total:
        return hold(f"{said}: no more than half of its capacity")
    return allow(said)


def _vault(subject: Subject, evidence: Evidence) -> tuple[Answer, str]:
    item = evidence.get(f"region.{subject.region}.vault")
    if not item.known:
        return not_known(f"Whether {subject.region}'s Vault is unsealed", item)
    if not item.value["usable"]:
        return block(f"{subject.region}'s Vault is {item.value['state']}: nothing there could read a secret")
    return allow(f"{subject.region}'s Vault answers")


def _flux(subject: Subject, evidence: Evidence) -> tuple[Answer, str]:
    """What is suspended is suspended on purpose, and shown; what is not ready is in the way."""
    item = evidence.get(f"region.{subject.region}.flux")
    if not item.known:
        return not_known(f"Whether Flux is ready in {subject.region}", item)
    suspended = item.value["suspended"]
    late = item.value["total"] - item.value["ready"] - suspended
    if item.value["total"] == 0:
        return hold(f"No Flux object was found in {subject.region}")
    if late > 0:
        named = "; ".join(item.value["findings"][:2])
        return hold(f"{late} of {item.value['total']} Flux objects of {subject.region} are not ready: {named}")
    return allow(f"Flux is ready in {subject.region}" + (f", {suspended} suspended" if suspended else ""))


def _releases(subject: Subject, evidence: Evidence) -> tuple[Answer, str]:
    """Unplanned, only releases in the target count: those of a region that is gone end with it."""
    if not regions(evidence):
        return hold("Which regions there are is not known")
    if begun(subject, evidence):
        return allow("Releases are paused by this very run")
    for region in (subject.region, *(() if unplanned(subject) else left_behind(subject, evidence))):
        listed = evidence.get(f"region.{region}.canaries")
        if not listed.known or not isinstance(listed.value, list):
            return not_known(f"Whether a release is on its way in {region}", listed)
        for name in listed.value:
            item = evidence.get(f"canary.{region}/{name}")
            if not item.known:
                return not_known(f"Whether a release is on its way at {region}/{name}", item)
            if item.value.get("in_flight"):
                return hold(f"A release is on its way: {region}/{name} is {item.value['phase']}")
    return allow("No release is on its way")


def _jobs(subject: Subject, evidence: Evidence) -> tuple[Answer, str]:
    item = evidence.get("runs")
    if not item.known:
        return not_known("What else is running", item)
    for run in item.value:
        if run["id"] != subject.operation_id and run["kind"].startswith((ROTATIONS, ERASURES)):
            return hold(f"“{run['title']}” is {run['state'].replace('_', ' ')}: it may not be cut in half")
    return allow("No rotation and no erasure of personal data is on its way")


CAPACITY = Guard(
    "target-capacity",
    "The region that takes the load has its nodes: planned all of them, unplanned more than half.",
    ("region.",),
    "Bring the nodes back, or add some.",
    Role.APPROVER,
    _capacity,
)
VAULT = Guard(
    "vault-unsealed",
    "The target region's Vault is unsealed: without it nothing that starts there gets its secrets.",
    ("region.",),
    "Unseal the Vault, or bring it back into reach.",
    Role.ADMIN,
    _vault,
)
FLUX = Guard(
    "flux-ready",
    "Flux in the target region works: what it cannot apply is not as Git says.",
    ("region.",),
    "Mend the objects that are not ready, or suspend them on purpose.",
    Role.APPROVER,
    _flux,
)
RELEASES = Guard(
    "no-release-in-flight",
    "The role does not move while a release is being judged.",
    ("regions", "region.", "canary.", "runs"),
    "Wait until the release has been promoted or rolled back.",
    Role.APPROVER,
    _releases,
)
JOBS = Guard(
    "no-rotation-or-erasure",
    "A rotation of secrets or an erasure of personal data is not cut in half.",
    ("runs",),
    "Wait until that run has ended, or abort it.",
    Role.APPROVER,
    _jobs,
)
GUARDS = (CAPACITY, VAULT, FLUX, RELEASES, JOBS)
