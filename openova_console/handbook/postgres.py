"""Is the Postgres standby of the other region in step? Judged on evidence that cannot read zero by accident.

`cnpg_pg_replication_lag` is 0 whenever the standby has replayed all that it *received* (CNPG's default query, `CASE WHEN
NOT in_recovery OR receive_lsn = replay_lsn THEN 0`): with a dead WAL receiver it reads 0 for ever. It is shown, and
never judged alone. In step means: the receiver is up (standby), a stream row exists (primary), and the primary counts
the bytes that the standby has not flushed. `pg_stat_replication`'s times are NULL → 0 on an idle primary and on one whose
standby has just come back, and freeze at their last value when the link freezes. So while bytes are outstanding a lag in
seconds needs proof: a new measurement by Postgres, or the last instant at which nothing was outstanding (`last_in_step`).
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from openova_console.handbook.replication import Assessment, Objective, first_unfit, grade, oldest
from openova_console.handbook.speech import size, span
from openova_console.handbook.words import Judgement, Reading


@dataclass(frozen=True, slots=True)
class StreamSample:
    """What the primary said about the DR standby at one instant.

    Attributes:
        at: UTC instant of the sample.
        flush_diff_bytes: WAL that the standby has not confirmed as flushed.
        flush_lag_s: `flush_lag` of pg_stat_replication; 0 also when Postgres has no figure.
    """

    at: datetime
    flush_diff_bytes: float
    flush_lag_s: float


@dataclass(frozen=True, slots=True)
class PostgresEvidence:
    """The readings that the judgement rests on.

    Attributes:
        in_recovery: standby: it replays and does not accept writes.
        receiver_up: standby: its WAL receiver is connected.
        stream: primary: samples of the standby's row, oldest first; empty when there is no row now or no answer.
        stream_row: primary: whether the row exists in the newest sample, dated by it.
        primary_in_recovery: primary: it is itself a standby, so nobody is known to take writes.
        slot_diff_bytes: primary: WAL kept for the standby's slot, which counts on while the stream is down.
        replication_lag: standby: CNPG's own figure, for show.
    """

    in_recovery: Reading[bool]
    receiver_up: Reading[bool]
    stream: Sequence[StreamSample]
    stream_row: Reading[bool]
    primary_in_recovery: Reading[bool]
    slot_diff_bytes: Reading[float]
    replication_lag: Reading[float]


def last_in_step(stream: Sequence[StreamSample]) -> datetime | None:
    """The newest sample by which the loss is bounded: nothing was outstanding, or Postgres had measured its lag anew.

    Fewer bytes than before prove nothing: a standby that catches up after an outage confirms old writes first. Neither does
    a measured time that is the same as before, or the only one. None without such a sample.
    """
    proven: datetime | None = None
    before: StreamSample | None = None
    for sample in stream:
        measured = before is not None and sample.flush_lag_s > 0 and sample.flush_lag_s != before.flush_lag_s
        if sample.flush_diff_bytes == 0 or measured:
            proven = sample.at
        before = sample
    return proven


def judge_postgres(objective: Objective, evidence: PostgresEvidence, *, now: datetime, budget_s: float) -> Assessment:
    """Grade the WAL stream from the primary region to the DR region.

    Args:
        objective: warn and breach in seconds of lost writes.
        evidence: see `PostgresEvidence`.
        now: UTC.
        budget_s: how old a sample may be, in seconds.

    Returns:
        Never OK unless the transport is seen up from both ends and the samples are fresh.
    """
    needed: list[tuple[str, Reading[object]]] = [
        ("standby's role", evidence.in_recovery),
        ("WAL receiver", evidence.receiver_up),
        ("primary's view", evidence.stream_row),
        ("primary's role", evidence.primary_in_recovery),
    ]
    observed_at = oldest([reading for _, reading in needed])
    slot = evidence.slot_diff_bytes
    risk = slot.value if slot.fresh(now, budget_s) else None
    unfit = first_unfit(needed, now, budget_s)
    if evidence.in_recovery.fresh(now, budget_s) and evidence.in_recovery.value is False:
        judgement = Judgement.breach("The standby is not in recovery: it accepts writes of its own and follows nobody")
        return Assessment(judgement, None, risk, False, observed_at)
    if unfit:
        return Assessment(Judgement.unknown(f"Not known, {unfit}"), None, risk, None, observed_at)
    if evidence.primary_in_recovery.value:
        sentence = "The primary region's side is itself a standby: nobody is known to take writes"
        return Assessment(Judgement.unknown(sentence), None, None, None, observed_at)
    if not (evidence.receiver_up.value and evidence.stream_row.value):
        return _stream_down(objective, evidence, risk, observed_at, now)
    return _streaming(objective, evidence, observed_at)


def _stream_down(
    objective: Objective, evidence: PostgresEvidence, risk: float | None, observed_at: datetime | None, now: datetime
) -> Assessment:
    ends = [
        name for name, up in (("WAL receiver", evidence.receiver_up), ("primary's stream", evidence.stream_row)) if not up.value
    ]
    what = " and ".join(ends) + (" are down" if len(ends) > 1 else " is down")
    what = what[0].upper() + what[1:]
    zero = evidence.replication_lag.value
    trap = f"; the standby's own lag of {span(zero)} says nothing" if zero is not None else ""
    if risk is not None and risk > 0:
        lost = f"{size(risk)} of writes exist only in the primary region"
        since = last_in_step(evidence.stream)
        lag = max(0.0, (now - since).total_seconds()) if since else None
        long = f", not in step for {span(lag)}" if lag is not None and lag > objective.breach_s else ""
        return Assessment(Judgement.breach(f"{what}{long}: {lost}{trap}"), lag, risk, False, observed_at)
    if risk == 0:
        return Assessment(Judgement.unknown(f"{what}; nothing was written since{trap}"), None, risk, False, observed_at)
    return Assessment(Judgement.unknown(f"{what}; how much was written since is not known{trap}"), None, None, False, observed_at)


def _streaming(objective: Objective, evidence: PostgresEvidence, observed_at: datetime | None) -> Assessment:
    newest = evidence.stream[-1] if evidence.stream else None
    row_at = evidence.stream_row.observed_at
    if newest is None or row_at is None or newest.at < row_at:
        sentence = "Connected, but the newest sample has no byte count and no lag"
        return Assessment(Judgement.unknown(sentence), None, None, True, observed_at)
    risk = newest.flush_diff_bytes
    if risk < 0:
        sentence = f"The standby is {size(-risk)} ahead of its primary: the two do not share one history"
        return Assessment(Judgement.unknown(sentence), None, None, True, observed_at)
    if risk == 0:
        return Assessment(Judgement.ok("Streaming; the standby has confirmed every write"), 0.0, 0.0, True, observed_at)
    since = last_in_step(evidence.stream)
    if since is None:
        return _never_in_step(objective, evidence.stream, observed_at)
    apart_s = (newest.at - since).total_seconds()
    lag_s = max(newest.flush_lag_s, apart_s)
    if apart_s <= newest.flush_lag_s:
        detail = f"streaming; {size(risk)} on the way"
    elif _falling(evidence.stream):
        detail = f"catching up; {size(risk)} are outstanding"
    else:
        detail = f"connected, but no newer write was confirmed; {size(risk)} are outstanding"
    return Assessment(grade(objective, lag_s, detail), lag_s, risk, True, observed_at)


def _never_in_step(objective: Objective, stream: Sequence[StreamSample], observed_at: datetime | None) -> Assessment:
    """Outstanding bytes in every sample at hand, and no measured time: the samples' length is the least that is lost."""
    newest = stream[-1]
    least_s, risk = (newest.at - stream[0].at).total_seconds(), newest.flush_diff_bytes
    doing = "catching up" if _falling(stream) else "connected"
    if least_s > objective.breach_s:
        limit = span(objective.breach_s)
        sentence = f"Behind for at least {span(least_s)}, the limit is {limit}: {doing}, {size(risk)} are outstanding"
        return Assessment(Judgement.breach(sentence), least_s, risk, True, observed_at)
    sentence = f"{doing.capitalize()}, but the samples at hand do not show since when: {size(risk)} are outstanding"
    return Assessment(Judgement.unknown(sentence), None, risk, True, observed_at)


def _falling(stream: Sequence[StreamSample]) -> bool:
    return len(stream) > 1 and stream[-1].flush_diff_bytes < stream[-2].flush_diff_bytes
