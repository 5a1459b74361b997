"""Split-brain protection: what each DNS witness says of a region, and whether that makes a quorum.

Handbook, "Split-Brain Protection": three resolvers, 2 of 3 must agree that a region is unreachable before promotion. A
vote has three values. A witness abstains unless it is itself proven to work by a control query over the same transport,
and unless its answer is fresh: "cannot reach the witness" and "the witness cannot reach the region" are different facts,
and a cached answer is no answer. The quorum counts votes of the *configured* witnesses, never of those that answered.
"""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum

from openova_console.handbook.words import Judgement


class Outcome(StrEnum):
    """What one question to one witness came to."""

    ANSWER = "answer"
    NXDOMAIN = "nxdomain"
    EMPTY = "empty"
    SERVFAIL = "servfail"
    REFUSED = "refused"
    TIMEOUT = "timeout"
    TLS_FAILED = "tls_failed"
    UNREACHABLE = "unreachable"
    MALFORMED = "malformed"


class Vote(StrEnum):
    """A witness's answer about one region."""

    REACHABLE = "reachable"
    UNREACHABLE = "unreachable"
    ABSTAIN = "abstain"


STALE_EDE = frozenset({3, 19})
"""RFC 8914: Stale Answer, Stale NXDOMAIN Answer: served from a cache because nobody answered."""
FILTERED_EDE = frozenset({15, 16, 17, 18})
"""RFC 8914: Blocked, Censored, Filtered, Prohibited: the witness hides the name, whatever the region does."""
SIGNATURE_EDE = frozenset({5, 6, 7, 8, 9, 10, 11, 12})
"""RFC 8914: the DNSSEC codes, Indeterminate to NSEC Missing: an answer came, and its signatures were not accepted."""
CACHED_ERROR_EDE = 13
"""RFC 8914: Cached Error: the failure was not observed now."""
NO_AUTHORITY_EDE = frozenset({22, 23})
"""RFC 8914: No Reachable Authority, Network Error: the witness itself tried and got nowhere."""


@dataclass(frozen=True, slots=True)
class Round:
    """One question: its outcome, the extended DNS errors (RFC 8914) that came along, and its duration."""

    outcome: Outcome
    ede: tuple[int, ...] = ()
    duration_ms: float = 0.0


@dataclass(frozen=True, slots=True)
class Ballot:
    """A witness's vote with the reason that a person reads."""

    vote: Vote
    why: str


def _round_vote(asked: Round) -> tuple[Vote, str]:
    """The vote of one round, given that the control query was answered."""
    if FILTERED_EDE & set(asked.ede):
        return Vote.ABSTAIN, "the resolver filters this name"
    if STALE_EDE & set(asked.ede):
        return Vote.ABSTAIN, "the answer came from a stale cache"
    match asked.outcome:
        case Outcome.ANSWER:
            return Vote.REACHABLE, "answered"
        case Outcome.SERVFAIL:
            return _servfail(set(asked.ede))
        case Outcome.TIMEOUT:
            return Vote.UNREACHABLE, "time-out"
        case Outcome.NXDOMAIN:
            return Vote.ABSTAIN, "says that the name does not exist: the probe zone is not set up"
        case Outcome.EMPTY:
            return Vote.ABSTAIN, "answered without an address"
        case Outcome.REFUSED:
            return Vote.ABSTAIN, "refuses to answer"
        case Outcome.TLS_FAILED:
            return Vote.ABSTAIN, "its certificate was not accepted"
        case Outcome.UNREACHABLE:
            return Vote.ABSTAIN, "cannot be reached"
        case Outcome.MALFORMED:
            return Vote.ABSTAIN, "its answer makes no sense"


def _servfail(ede: set[int]) -> tuple[Vote, str]:
    """SERVFAIL says "unreachable" unless the witness itself gives another reason for it."""
    if not ede & NO_AUTHORITY_EDE:
        if ede & SIGNATURE_EDE:
            return Vote.ABSTAIN, "SERVFAIL because signatures were not accepted"
        if CACHED_ERROR_EDE in ede:
            return Vote.ABSTAIN, "SERVFAIL from a cache"
    return Vote.UNREACHABLE, "SERVFAIL"


def cast(rounds: Sequence[Round], control: Round | None, *, agree: int) -> Ballot:
    """One witness's vote about one region.

    Args:
        rounds: the questions of one poll, each under a fresh random label, so that no cache can answer.
        control: the question for a name that always exists, over the same transport; None when it was not asked.
        agree: how many rounds must give the same vote.

    Returns:
        `ABSTAIN` unless the control was answered freshly and `agree` rounds voted alike.
    """
    if control is None:
        return Ballot(Vote.ABSTAIN, "the control name was not asked, so its answer says nothing")
    control_vote, why = _round_vote(control)
    if control_vote is not Vote.REACHABLE:
        why = "it does not exist there" if control.outcome is Outcome.NXDOMAIN else why
        return Ballot(Vote.ABSTAIN, f"the control name was not answered ({why}), so what it says of the region does not count")
    votes = [_round_vote(r) for r in rounds]
    if not votes:
        return Ballot(Vote.ABSTAIN, "was not asked")
    (vote, count) = Counter(v for v, _ in votes).most_common(1)[0]
    if count < agree:
        tally = ", ".join(f"{n} {v}" for v, n in Counter(v for v, _ in votes).items())
        return Ballot(Vote.ABSTAIN, f"its {len(votes)} rounds disagree ({tally})")
    whys = Counter(why for v, why in votes if v is vote)
    said = " and ".join(why for why, _ in whys.most_common())
    tail = f" in {count} of {len(votes)} rounds"
    if vote is Vote.ABSTAIN:
        return Ballot(vote, f"{said}{tail}")
    return Ballot(vote, f"{said}{tail}; control name answered in {control.duration_ms:.0f} ms")


class Finding(StrEnum):
    """What the witnesses together say of a region."""

    REACHABLE = "reachable"
    UNREACHABLE = "unreachable"
    NO_QUORUM = "no quorum"
    ISOLATED = "isolated"


@dataclass(frozen=True, slots=True)
class Quorum:
    """The count and its sentence.

    Attributes:
        finding: `UNREACHABLE` only when at least `needed` configured witnesses voted so.
        dissent: a witness voted REACHABLE although the quorum says unreachable: it bars automatic promotion.
    """

    finding: Finding
    reachable: int
    unreachable: int
    abstaining: int
    needed: int
    dissent: bool
    judgement: Judgement


def count(
    votes: Sequence[Vote],
    *,
    configured: int,
    needed: int,
    region: str,
    weak_transport: bool,
    any_control_answered: bool,
) -> Quorum:
    """Count the votes about one region.

    Args:
        votes: one for each witness that was asked; a missing one counts as an abstention.
        configured: how many witnesses there are.
        needed: quorum, a majority of `configured`.
        region: its display name, for the sentence.
        weak_transport: plain UDP: one network on the path can answer for all witnesses.
        any_control_answered: False when not one control query came back: then it is *we* who are cut off.
    """
    up, down = votes.count(Vote.REACHABLE), votes.count(Vote.UNREACHABLE)
    silent = configured - up - down
    weak = " (over plain UDP, which can be forged on the path)" if weak_transport else ""
    if not any_control_answered:
        judgement = Judgement.unknown(
            f"No witness answers its control name: this side is cut off, so nothing can be said of {region}"
        )
        return Quorum(Finding.ISOLATED, up, down, silent, needed, False, judgement)
    if down >= needed:
        dissent = f"; {up} still reach{'es' if up == 1 else ''} it" if up else ""
        judgement = Judgement.breach(f"{down} of {configured} agree that {region} is unreachable{dissent}{weak}")
        return Quorum(Finding.UNREACHABLE, up, down, silent, needed, up > 0, judgement)
    if up >= needed:
        text = f"{up} of {configured} reach {region}"
        if weak_transport or silent or down:
            rest = [f"{down} cannot" if down else "", f"{silent} abstain{'s' if silent == 1 else ''}" if silent else ""]
            judgement = Judgement.warn(", ".join([text, *filter(None, rest)]) + weak)
        else:
            judgement = Judgement.ok(text)
        return Quorum(Finding.REACHABLE, up, down, silent, needed, False, judgement)
    judgement = Judgement.unknown(
        f"No quorum about {region}: {up} reach it, {down} cannot, {silent} abstain; {needed} of {configured} must agree"
    )
    return Quorum(Finding.NO_QUORUM, up, down, silent, needed, False, judgement)
