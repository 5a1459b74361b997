"""Guards about who decides. Their rules are `operations.authority`'s, which applies them where a person decides.

They are catalogued here so that one table tells everything that stands between a request and a write. No kind names them: they
hold for all, and the run checks signatures and expiry itself when it begins (`conductor.RunConductor.begin`).
"""

from datetime import datetime

from openova_console.operations.authority import against_expired, against_same_person
from openova_console.operations.evidence import Evidence
from openova_console.operations.guards.base import Guard, Subject, allow, block, hold
from openova_console.operations.words import Answer

JUDGED = "at every approval, and of each approval when the run begins"


def _another(subject: Subject, evidence: Evidence) -> tuple[Answer, str]:
    item = evidence.get("approval")
    if not item.known or item.value.get("approver") is None:
        return hold(f"Who approves is not known: {item.sentence}")
    against = against_same_person(item.value["approver"], item.value.get("owner"))
    return block(against) if against else allow("Another person than the one who asked says yes")


def _fresh(subject: Subject, evidence: Evidence) -> tuple[Answer, str]:
    item = evidence.get("approval")
    if not item.known or not item.value.get("expires_at"):
        return hold(f"How long the approval holds is not known: {item.sentence}")
    against = against_expired(datetime.fromisoformat(item.value["expires_at"]), subject.now)
    return block(against) if against else allow("The approval has not expired")


ANOTHER = Guard(
    "another-person",
    "Who asks does not approve, administrators included; a machine counts as its owner.",
    ("approval",),
    "Let another person with the right to it approve.",
    None,
    _another,
    JUDGED,
)
FRESH = Guard(
    "approval-fresh",
    "An approval that has expired carries no run.",
    ("approval",),
    "Ask for it again.",
    None,
    _fresh,
    JUDGED,
)
GUARDS = (ANOTHER, FRESH)
