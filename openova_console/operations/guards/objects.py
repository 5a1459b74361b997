"""Guards about the object that is changed: it is there and read, somebody may change it, and nothing undoes the change."""

from openova_console.operations.evidence import Evidence
from openova_console.operations.guards.base import Guard, Subject, allow, block, hold
from openova_console.operations.words import Answer


def _known(subject: Subject, evidence: Evidence) -> tuple[Answer, str]:
    for key in subject.objects:
        item = evidence.get(f"object.{key}")
        if not item.known:
            return hold(f"{key} cannot be read: {item.sentence}")
        if item.value.get("absent"):
            return block(f"{key} is not there")
    return allow("What is to be changed was read just now")


def _account(subject: Subject, evidence: Evidence) -> tuple[Answer, str]:
    for region in subject.regions:
        item = evidence.get(f"region.{region}.actor")
        if not item.known or not item.value:
            return block(f"No account that may change things is set for {region} (regions[].actor)")
    return allow("The account for changes is set")


def _kept(subject: Subject, evidence: Evidence) -> tuple[Answer, str]:
    for key in subject.objects:
        item = evidence.get(f"owner.{key}")
        if not item.known:
            return hold(f"It is not known whether Flux owns {key}: {item.sentence}")
        owner = item.value.get("owner")
        if owner and not item.value.get("suspended"):
            return block(f"Flux applies {key} from Git by {owner}, and would undo the change")
    return allow("Nothing would undo the change")


def _canary(subject: Subject, evidence: Evidence) -> tuple[Answer, str]:
    listed = evidence.get(f"region.{subject.region}.canaries")
    if not listed.known or not isinstance(listed.value, list):
        return hold(f"It is not known whether a canary is in flight: {listed.sentence}")
    here = f"canary.{subject.region}/"
    for key in dict.fromkeys((*(f"{here}{name}" for name in listed.value), *evidence.under(here))):
        item, place = evidence.get(key), key.removeprefix("canary.")
        if not item.known:
            return hold(f"It is not known whether a release is on its way at {place}: {item.sentence}")
        if item.value.get("target") == subject.resource and item.value.get("in_flight"):
            return block(f"A canary is in flight: {place} is {item.value['phase']}")
    return allow("No canary is in flight here")


OBJECT_KNOWN = Guard(
    "object-known",
    "What is changed was read just before.",
    ("object.",),
    "Bring the region's Kubernetes API back into reach; check the name.",
    None,
    _known,
)
ACTOR = Guard(
    "actor-account",
    "Changes are made by an account of their own, never by the one that reads.",
    ("region.",),
    "Set regions[].actor in the settings.",
    None,
    _account,
)
NOT_UNDONE = Guard(
    "not-undone",
    "What Flux owns is changed in Git, or stays suspended until Git agrees.",
    ("owner.",),
    "Suspend the Kustomization that owns it first, or commit the change to Git.",
    None,
    _kept,
)
CANARY = Guard(
    "canary-in-flight",
    "Nothing disturbs a release whose canary is being judged.",
    ("canary.", "region."),
    "Wait until the canary has been promoted or rolled back.",
    None,
    _canary,
)
GUARDS = (OBJECT_KNOWN, ACTOR, NOT_UNDONE, CANARY)
