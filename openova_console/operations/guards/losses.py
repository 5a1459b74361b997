"""Guards about what would be lost: replication within its objective, the loss accepted, tokens, backups."""

from datetime import datetime

from openova_console.access.roles import Role
from openova_console.handbook.regions import BACKUP_LIMIT_S
from openova_console.handbook.replication import Service
from openova_console.handbook.speech import listing, span
from openova_console.handbook.words import CLOCK_SLACK_S, Verdict
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
from openova_console.operations.words import Answer

ACCEPTED = "accepted_loss"
"""The parameter in which a person types the loss that is shown, e.g. "up to 5 s"."""


@knowing_regions
def _replication(subject: Subject, evidence: Evidence) -> tuple[Answer, str]:
    if unplanned(subject):
        return allow("Unplanned, the loss is accepted and not held against an objective")
    if begun(subject, evidence) and _given_up(subject, evidence):
        return allow("The other region has stopped accepting writes in this very run: nothing more can be lost")
    for service in Service:
        item = evidence.get(f"replication.{service.value}")
        if not item.known:
            return not_known(f"What would be lost of {service.value}", item)
        if item.value["verdict"] != Verdict.OK:
            return hold(f"Replication is not within its objective: {item.sentence}")
    return allow("Every service replicates within its objective")


def _given_up(subject: Subject, evidence: Evidence) -> bool:
    """Whether every region that gives the role up is known to accept no writes any more."""
    active = [evidence.get(f"region.{region}.active") for region in left_behind(subject, evidence)]
    return bool(active) and all(item.known and item.value is False for item in active)


def _accepted(subject: Subject, evidence: Evidence) -> tuple[Answer, str]:
    if not unplanned(subject):
        return allow("A planned move loses nothing")
    item = evidence.get("loss")
    if not usable(subject, item):
        return not_known("What would be lost", item)
    shown, typed = item.value["band"], str(subject.params.get(ACCEPTED) or "")
    if typed.strip() != shown:
        said = f"“{typed[:40]}” was accepted" if typed else "no loss was accepted"
        return block(f"{shown} of writes would be lost{as_of(item, subject.now)}, and {said}")
    return allow(f"The loss of {shown} of writes is accepted")


@knowing_regions
def _token(subject: Subject, evidence: Evidence) -> tuple[Answer, str]:
    """No token may be left over before the run; those that appear in it are its own."""
    for region in regions(evidence):
        item = evidence.get(f"region.{region}.tokens")
        if not usable(subject, item):
            return not_known(f"Whether a promotion token is left over in {region}", item)
        found = [name for name, lies in item.value.items() if lies != "none"]
        if found and not begun(subject, evidence):
            return block(f"A promotion token is left over in {region}: {listing(found[:3])}")
    return allow("No promotion token is left over from before")


@knowing_regions
def _backup(subject: Subject, evidence: Evidence) -> tuple[Answer, str]:
    for region in left_behind(subject, evidence) or (subject.region,):
        item = evidence.get(f"region.{region}.backup")
        if not usable(subject, item):
            return not_known(f"How old {region}'s newest backup is", item)
        age_s = (subject.now - datetime.fromisoformat(item.value["ended_at"])).total_seconds()
        if age_s < -CLOCK_SLACK_S:
            return hold(f"{region}'s newest backup is dated {span(-age_s)} in the future: a clock is wrong")
        if age_s > BACKUP_LIMIT_S:
            return hold(f"{region}'s newest backup is {span(age_s)} old, the limit is {span(BACKUP_LIMIT_S)}")
    return allow("The newest backup is recent")


REPLICATION = Guard(
    "replication-in-objective",
    "A planned move waits until every service replicates within its objective.",
    ("regions", "replication.", "region.", "runs"),
    "Mend the replication that lags or is not known.",
    Role.APPROVER,
    _replication,
)
LOSS = Guard(
    "loss-accepted",
    "An unplanned failover loses writes: a person types the figure that is shown.",
    ("loss",),
    f"Type the loss as it is shown ({ACCEPTED}), or bring the measurement back.",
    Role.ADMIN,
    _accepted,
)
TOKEN = Guard(
    "stale-promotion-token",
    "A promotion token that is left over fails the next promotion, or leaves two writers.",
    ("regions", "region.", "runs"),
    "Remove spec.replica.promotionToken from the Cluster, in Git as well.",
    Role.ADMIN,
    _token,
)
BACKUP = Guard(
    "backup-recent",
    "There is a backup of the last day to go back to.",
    ("regions", "region."),
    "Make a backup and wait until it has completed.",
    Role.APPROVER,
    _backup,
)
GUARDS = (REPLICATION, LOSS, TOKEN, BACKUP)
