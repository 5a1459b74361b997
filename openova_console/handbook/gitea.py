"""Do both Giteas hold the same commits? Heads are compared; a mirror's own word is only half of the truth.

A push mirror's `last_update` moves on failure too, so a fresh time is no success: only an empty `last_error` together
with equal heads is. A pull mirror has no error at all, and its time moves all the same. Which side is ahead is
asked of a side that knows both commits; when neither knows the other's, the two histories have parted.

Since when a side is behind: the console saw the other's head move away from it, or else the oldest commit that it lacks
says so by its committer's date.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime

from openova_console.handbook.mirrors import Mirrors, mirror_hops
from openova_console.handbook.replication import Assessment, Hop, Objective, grade
from openova_console.handbook.speech import span
from openova_console.handbook.words import Judgement, Reading, Verdict, worst


@dataclass(frozen=True, slots=True)
class SeenHead:
    """A commit that was a branch's head, and when it was last seen so."""

    commit: str
    last_at: datetime


@dataclass(frozen=True, slots=True)
class Head:
    """A branch's head; `commit` is empty when there is no such branch. `seen`: this head and those before, oldest first."""

    commit: str
    seen: tuple[SeenHead, ...] = ()


@dataclass(frozen=True, slots=True)
class Account:
    """What one side says of its own head and the other side's.

    Attributes:
        mine, theirs: the two commits that it compared.
        knows: whether it has the other side's commit at all.
        only_mine, only_theirs: commits that only one of the heads reaches; 0 when it does not know the other's.
        mine_since, theirs_since: committer's date of the oldest of them.
    """

    mine: str
    theirs: str
    knows: bool
    only_mine: int = 0
    only_theirs: int = 0
    mine_since: datetime | None = None
    theirs_since: datetime | None = None


@dataclass(frozen=True, slots=True)
class BranchEvidence:
    """One branch on one side; `account` is None while the heads are equal, or were not compared yet."""

    head: Reading[Head]
    account: Account | None = None


@dataclass(frozen=True, slots=True)
class RepositoryEvidence:
    """One repository on one side."""

    mirrors: Reading[Mirrors]
    branches: Mapping[str, BranchEvidence] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class GiteaEvidence:
    """What one region's Gitea says; by owner/name."""

    repositories: Mapping[str, RepositoryEvidence]


@dataclass(frozen=True, slots=True)
class GiteaSide:
    """One region: its display name, and its evidence when something was read."""

    region: str
    evidence: GiteaEvidence | None

    def mirrors(self, repository: str) -> Reading[Mirrors]:
        found = self.evidence.repositories.get(repository) if self.evidence else None
        return found.mirrors if found else Reading[Mirrors].missing("", f"{self.region}'s Gitea", "nothing was read yet")

    def branch(self, repository: str, branch: str) -> BranchEvidence:
        found = self.evidence.repositories.get(repository) if self.evidence else None
        never = BranchEvidence(Reading[Head].missing("text", f"{self.region}'s Gitea", "nothing was read yet"))
        return found.branches.get(branch, never) if found else never


def judge_gitea(
    objective: Objective,
    primary: GiteaSide,
    standby: GiteaSide,
    branches: Sequence[tuple[str, str]],
    *,
    database: Hop | None,
    now: datetime,
    budget_s: float,
    read_mirrors: bool = True,
) -> Assessment:
    """Grade both Giteas.

    Args:
        branches: (owner/name, branch) to compare.
        database: the leg of Gitea's own Postgres; None when the settings say that it has none.
        budget_s: how old a sample may be, in seconds.
        read_mirrors: False judges the heads alone.

    Returns:
        Never OK unless the heads are seen equal, or apart for less than the objective, and no leg is worse.
    """
    heads = [judge_branch(objective, primary, standby, name, branch, now=now, budget_s=budget_s) for name, branch in branches]
    mirrors: list[Hop] = []
    if read_mirrors:
        names = tuple(dict.fromkeys(name for name, _ in branches))
        rows = [(name, primary.mirrors(name), standby.mirrors(name)) for name in names]
        mirrors = mirror_hops(objective, primary.region, standby.region, rows, now=now, budget_s=budget_s)
    hops = (*heads, *mirrors, *((database,) if database else ()))
    verdict = worst(hop.judgement.verdict for hop in hops)
    told = next((hop.judgement for hop in hops if hop.judgement.verdict is verdict), Judgement.unknown("No branch is compared"))
    lags = [hop.lag_s for hop in heads]
    observed = [hop.observed_at for hop in hops if hop.observed_at is not None]
    return Assessment(
        told if verdict is not Verdict.OK else _well(heads, told),
        None if None in lags else max((lag for lag in lags if lag is not None), default=None),
        None,
        _transport(mirrors),
        min(observed, default=None),
        hops,
    )


def _well(heads: Sequence[Hop], told: Judgement) -> Judgement:
    if any(hop.lag_s for hop in heads) or len(heads) < 2:
        return next((hop.judgement for hop in heads if hop.lag_s), told)
    return Judgement.ok(f"All {len(heads)} branches have the same head in both regions")


def _transport(mirrors: Sequence[Hop]) -> bool | None:
    verdicts = {hop.judgement.verdict for hop in mirrors}
    if Verdict.BREACH in verdicts:
        return False
    return None if Verdict.UNKNOWN in verdicts or not verdicts else True


def judge_branch(
    objective: Objective, primary: GiteaSide, standby: GiteaSide, name: str, branch: str, *, now: datetime, budget_s: float
) -> Hop:
    """One branch in both regions as a leg; its lag is what would be lost with the primary region."""
    title = f"{name} {branch}"
    here, there = primary.branch(name, branch), standby.branch(name, branch)
    observed = [r.observed_at for r in (here.head, there.head) if r.observed_at is not None]
    at = min(observed, default=None)
    for side, reading in ((primary, here.head), (standby, there.head)):
        if why := reading.why_not_fresh(now, budget_s):
            whose = "" if why.startswith(side.region) else f"{side.region}'s Gitea: "
            return Hop(title, Judgement.unknown(f"Not known, {title}, {whose}{why}"), None, at)
    one, two = here.head.value, there.head.value
    if one is None or two is None:
        raise AssertionError("a fresh reading has a value")
    if not (one.commit and two.commit):
        lacking = [side.region for side, head in ((primary, one), (standby, two)) if not head.commit]
        return Hop(title, Judgement.breach(f"{title} does not exist in {' and '.join(lacking)}"), None, at)
    if one.commit == two.commit:
        return Hop(title, Judgement.ok(f"{title} has the same head in both regions"), 0.0, at)
    return _apart(objective, title, (primary.region, here, one), (standby.region, there, two), at, now)


def _apart(
    objective: Objective,
    title: str,
    primary: tuple[str, BranchEvidence, Head],
    standby: tuple[str, BranchEvidence, Head],
    at: datetime | None,
    now: datetime,
) -> Hop:
    one, two = primary[2], standby[2]
    here = _current(primary[1].account, one.commit, two.commit)
    there = _current(standby[1].account, two.commit, one.commit)
    if here is None and there is None:
        return Hop(title, Judgement.unknown(f"{title} differs between the regions; which side is ahead is not known"), None, at)
    known = here if here and here.knows else _turned(there) if there and there.knows else None
    if known is None and here and there:
        sentence = f"{title} has parted: neither region knows the other's commit, so no mirror can mend it"
        return Hop(title, Judgement.breach(sentence), _lag(one, two, None, now), at)
    if known is None:
        return Hop(title, Judgement.unknown(f"{title} differs between the regions; one of them could not compare"), None, at)
    if known.only_mine and known.only_theirs:
        sentence = (
            f"{title} has parted: {_commits(known.only_mine)} only in {primary[0]}, "
            f"{_commits(known.only_theirs)} only in {standby[0]}"
        )
        return Hop(title, Judgement.breach(sentence), _lag(one, two, known.mine_since, now), at)
    if known.only_mine:
        return _behind(objective, title, standby[0], known.only_mine, _lag(one, two, known.mine_since, now), at)
    if not known.only_theirs:
        return Hop(title, Judgement.unknown(f"{title} differs, but no commit is on one side only"), None, at)
    return _ahead(objective, title, standby[0], known.only_theirs, _lag(two, one, known.theirs_since, now), at)


def _behind(objective: Objective, title: str, region: str, count: int, lag_s: float | None, at: datetime | None) -> Hop:
    detail = f"{region} lacks {_commits(count)} of {title}"
    if lag_s is None:
        return Hop(title, Judgement.unknown(f"{detail}; since when is not known"), None, at)
    return Hop(title, grade(objective, lag_s, detail), lag_s, at)


def _ahead(objective: Objective, title: str, region: str, count: int, long_s: float | None, at: datetime | None) -> Hop:
    """Commits that only the standby has: nothing would be lost with the primary, but somebody wrote on the wrong side."""
    sentence = f"{region} has {_commits(count)} of {title} that the primary region lacks"
    if long_s is None:
        return Hop(title, Judgement.unknown(f"{sentence}; since when is not known"), 0.0, at)
    sentence += f", for {span(long_s)}"
    if long_s > objective.breach_s:
        return Hop(title, Judgement.breach(sentence), 0.0, at)
    return Hop(title, Judgement.warn(sentence) if long_s > objective.warn_s else Judgement.ok(sentence), 0.0, at)


def _commits(count: int) -> str:
    return f"{count} commit" if count == 1 else f"{count} commits"


def _current(account: Account | None, mine: str, theirs: str) -> Account | None:
    """An account of just these two heads: one of older heads says nothing of the newer."""
    return account if account and (account.mine, account.theirs) == (mine, theirs) else None


def _turned(account: Account) -> Account:
    """The standby's account as the primary would give it."""
    return Account(
        account.theirs,
        account.mine,
        account.knows,
        account.only_theirs,
        account.only_mine,
        account.theirs_since,
        account.mine_since,
    )


def _lag(ahead: Head, behind: Head, oldest: datetime | None, now: datetime) -> float | None:
    """Seconds since the side that is ahead still had the other's head; by commit date when the console did not see that."""
    seen = [head.last_at for head in ahead.seen if head.commit == behind.commit]
    since = max(seen, default=oldest)
    return None if since is None else max(0.0, (now - since).total_seconds())
