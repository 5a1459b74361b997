"""Is the Valkey replica of the other region in step? Both ends must agree.

`INFO replication` of the primary counts the seconds since the replica's last acknowledgement (one a second when well) and
its offset; the replica knows its link. A frozen link still reads "up" on the replica and "online" on the primary for
repl-timeout (60 s by default): only the age of the acknowledgement moves, and the time since the replica heard anything.
Bytes need both offsets; with the primary silent the lag is unknown.
"""

from dataclasses import dataclass
from datetime import datetime

from openova_console.handbook.replication import Assessment, Objective, first_unfit, grade, oldest
from openova_console.handbook.speech import size, span
from openova_console.handbook.words import Judgement, Reading

PING_S = 10.0
"""repl-ping-replica-period: an idle primary speaks this often, so a shorter silence on the replica means nothing."""


@dataclass(frozen=True, slots=True)
class PrimaryEnd:
    """What the primary says.

    Attributes:
        role: "master" or "slave".
        replid: replication id of its history.
        offset: its replication offset in bytes.
        replica_ack_age_s: seconds since the replica acknowledged, of several the one that is worst off: which of them is the
            DR region's cannot be told from here. None when no replica is connected.
        replica_state: "online", "wait_bgsave" …; empty when no replica is connected.
    """

    role: str
    replid: str
    offset: int
    replica_ack_age_s: float | None
    replica_state: str


@dataclass(frozen=True, slots=True)
class ReplicaEnd:
    """What the replica says.

    Attributes:
        role: "master" or "slave".
        replid: the history that it follows.
        offset: bytes that it has applied.
        link_up: its link to the primary; None on a master.
        down_since_s: seconds since the link went down; None while up.
        syncing: a full synchronisation is in progress.
        heard_s: seconds since it heard from the primary; None while the link is down, and on a master.
    """

    role: str
    replid: str
    offset: int
    link_up: bool | None
    down_since_s: float | None
    syncing: bool
    heard_s: float | None = None


def judge_valkey(
    objective: Objective,
    primary: Reading[PrimaryEnd],
    replica: Reading[ReplicaEnd],
    *,
    now: datetime,
    budget_s: float,
) -> Assessment:
    """Grade the REPLICAOF link from the primary region to the DR region. `budget_s` is the sample's greatest age."""
    observed_at = oldest([primary, replica])
    here = replica.value
    if replica.fresh(now, budget_s) and here is not None and here.role != "slave":
        sentence = "The DR side is not a replica: it accepts writes of its own"
        return Assessment(Judgement.breach(sentence), None, None, False, observed_at)
    if unfit := first_unfit([("primary", primary), ("replica", replica)], now, budget_s):
        link = here.link_up if here is not None and replica.fresh(now, budget_s) else None
        return Assessment(Judgement.unknown(f"Not known, {unfit}"), None, None, link, observed_at)
    there = primary.value
    if there is None or here is None:
        raise AssertionError("a fresh reading has a value")
    if there.role != "master":
        sentence = "The primary region's side is itself a replica: nobody is known to take writes"
        return Assessment(Judgement.unknown(sentence), None, None, here.link_up, observed_at)
    if here.syncing:
        sentence = "A full synchronisation is in progress: until it ends the DR side has no current copy"
        return Assessment(Judgement.breach(sentence), here.down_since_s, None, False, observed_at)
    if here.replid != there.replid:
        sentence = "The replica follows another history than this primary's: the two cannot be compared"
        return Assessment(Judgement.unknown(sentence), None, None, here.link_up, observed_at)
    behind = float(max(0, there.offset - here.offset))
    if here.link_up and there.replica_ack_age_s is not None and there.replica_state == "online":
        return _linked(objective, there.replica_ack_age_s, here, behind, observed_at)
    if here.link_up:
        said = f"that it is in state {there.replica_state!r}" if there.replica_state else "that it has no replica"
        sentence = f"The ends disagree: the replica says that it is linked, the primary says {said}"
        return Assessment(Judgement.unknown(sentence), None, behind, None, observed_at)
    return _link_down(objective, here, behind, _looked_since(primary, replica, here), observed_at)


def _linked(objective: Objective, ack_s: float, here: ReplicaEnd, behind: float, observed_at: datetime | None) -> Assessment:
    silent_s = here.heard_s if here.heard_s is not None and here.heard_s > PING_S + 1 else 0.0
    lag_s = max(ack_s, silent_s)
    detail = f"linked; {size(behind)} on the way" if behind else "linked; the replica has every write"
    if lag_s > objective.warn_s:
        what = "the replica has not acknowledged" if ack_s >= silent_s else "the replica has heard nothing"
        detail = f"{what} for {span(lag_s)}; {size(behind)} behind"
    return Assessment(grade(objective, lag_s, detail), lag_s, behind, True, observed_at)


def _looked_since(primary: Reading[PrimaryEnd], replica: Reading[ReplicaEnd], here: ReplicaEnd) -> bool:
    """Whether the primary was read after the link went down: an older offset says nothing of the writes since."""
    if primary.observed_at is None or replica.observed_at is None:
        return False
    return (replica.observed_at - primary.observed_at).total_seconds() <= (here.down_since_s or 0.0)


def _link_down(
    objective: Objective, here: ReplicaEnd, behind: float, looked_since: bool, observed_at: datetime | None
) -> Assessment:
    down = here.down_since_s
    for_ = f" for {span(down)}" if down else ""
    if behind == 0 and not looked_since:
        sentence = f"The link is down{for_}; how much was written since is not known"
        return Assessment(Judgement.unknown(sentence), None, None, False, observed_at)
    if behind > 0:
        sentence = f"The link is down{for_}: {size(behind)} of writes exist only in the primary region"
        return Assessment(Judgement.breach(sentence), down, behind, False, observed_at)
    sentence = f"The link is down{for_}; nothing was written since"
    if down is not None and down > objective.breach_s:
        return Assessment(Judgement.breach(sentence), down, behind, False, observed_at)
    return Assessment(Judgement.unknown(sentence), None, behind, False, observed_at)
