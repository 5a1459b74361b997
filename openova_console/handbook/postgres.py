"""Is the Postgres standby of the other region in step? Judged on evidence that cannot read zero by accident.

`cnpg_pg_replication_lag` is 0 whenever the standby has replayed all that it *received* (CNPG's default query, `CASE WHEN
NOT in_recovery OR receive_lsn = replay_lsn THEN 0`): with a dead WAL receiver it reads 0 for ever. It is shown, and
never judged alone. In step means: the receiver is up (standby), a stream row exists (primary), and the primary counts
the bytes that the standby has not flushed. `pg_stat_replication`'s times are NULL → 0 on an idle primary, and freeze at
their last value when the link freezes; so a lag in seconds needs proof of progress (`last_progress`).
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
        slot_diff_bytes: primary: WAL kept for the standby's slot, which counts on while the stream is down.
        replication_lag: standby: CNPG's own figure, for show.
    """

    in_recovery: Reading[bool]
    receiver_up: Reading[bool]
    stream: Sequence[StreamSample]
    stream_row: Reading[bool]
    slot_diff_bytes: Reading[float]
    replication_lag: Reading[float]


def last_progress(stream: Sequence[StreamSample]) -> datetime | None:
    """When the standby was last seen to confirm something: nothing was outstanding, or less than before, or Postgres'
    own measured time changed. None without any such sample; a single sample with a measured time counts as progress.
    """
    proven: datetime | None = None
    before: StreamSample | None = None
    for sample in stream:
        first_measured = before is None and sample.flush_lag_s > 0
        moved = before is not None and (
            sample.flush_diff_bytes < before.flush_diff_bytes or sample.flush_lag_s != before.flush_lag_s
        )
        if sample.flush_diff_bytes <= 0 or first_measured or moved:
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
    readings: list[Reading[object]] = [evidence.in_recovery, evidence.receiver_up, evidence.stream_row]
    observed_at = oldest(readings)
    slot = evidence.slot_diff_bytes
    risk = slot.value if slot.fresh(now, budget_s) else None
    unfit = first_unfit(
        [
            ("standby role", evidence.in_recovery),
            ("WAL receiver", evidence.receiver_up),
            ("primary's view", evidence.stream_row),
        ],
        now,
        budget_s,
    )
    if evidence.in_recovery.fresh(now, budget_s) and evidence.in_recovery.value is False:
        judgement = Judgement.breach("The standby is not in recovery: it accepts writes of its own and follows nobody")
        return Assessment(judgement, None, risk, False, observed_at)
    if unfit:
        return Assessment(Judgement.unknown(f"Not known, {unfit}"), None, risk, None, observed_at)
    if not (evidence.receiver_up.value and evidence.stream_row.value):
        return _stream_down(objective, evidence, risk, observed_at, now)
    return _streaming(objective, evidence.stream, observed_at)


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
    since = last_progress(evidence.stream)
    if risk is not None and risk > 0:
        lost = f"{size(risk)} of writes exist only in the primary region"
        lag = (now - since).total_seconds() if since else None
        if lag is not None and lag > objective.breach_s:
            sentence = f"{what} for {span(lag)}: {lost}{trap}"
            return Assessment(Judgement.breach(sentence), lag, risk, False, observed_at)
        return Assessment(Judgement.breach(f"{what}: {lost}{trap}"), lag, risk, False, observed_at)
    if risk == 0:
        return Assessment(Judgement.unknown(f"{what}; nothing was written since{trap}"), None, risk, False, observed_at)
    return Assessment(Judgement.unknown(f"{what}; how much was written since is not known{trap}"), None, None, False, observed_at)


def _streaming(objective: Objective, stream: Sequence[StreamSample], observed_at: datetime | None) -> Assessment:
    if not stream:
        return Assessment(Judgement.unknown("Streaming, but the primary gave no byte count"), None, None, True, observed_at)
    newest = stream[-1]
    risk = newest.flush_diff_bytes
    if risk <= 0:
        return Assessment(Judgement.ok("Streaming; the standby has confirmed every write"), 0.0, 0.0, True, observed_at)
    since = last_progress(stream)
    if since is None:
        sentence = f"Connected, but the standby has confirmed nothing in the samples at hand: {size(risk)} are outstanding"
        return Assessment(Judgement.unknown(sentence), None, risk, True, observed_at)
    silent_s = (newest.at - since).total_seconds()
    lag_s = max(newest.flush_lag_s, silent_s)
    if silent_s > newest.flush_lag_s:
        detail = f"connected, but nothing was confirmed for {span(silent_s)}; {size(risk)} are outstanding"
    else:
        detail = f"streaming; {size(risk)} on the way"
    return Assessment(grade(objective, lag_s, detail), lag_s, risk, True, observed_at)
