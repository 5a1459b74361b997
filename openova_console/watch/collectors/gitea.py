"""Reads one region's Gitea every `cadence.gitea_s`: mirrors and heads of the configured repositories.

It remembers which commits it saw as heads, and until when: that dates a difference better than any commit does. While
its head and the peer's differ it also asks this side what it knows of the peer's commit.
"""

from dataclasses import dataclass
from datetime import datetime

from openova_console.handbook.gitea import Account, BranchEvidence, GiteaEvidence, Head, RepositoryEvidence, SeenHead
from openova_console.handbook.mirrors import Mirrors
from openova_console.handbook.words import Reading
from openova_console.settings import Region, Settings
from openova_console.settings.gitea import Repository
from openova_console.systems.errors import Fault, Refused, Unreachable
from openova_console.systems.exchange import Exchange
from openova_console.systems.gitea import connect
from openova_console.watch.snapshot import SnapshotStore

_REMEMBERED = 50


@dataclass(frozen=True, slots=True)
class _Part:
    """Where a branch lies."""

    repository: str
    branch: str


class GiteaCollector:
    """See the module."""

    def __init__(self, region: Region, settings: Settings, snapshots: SnapshotStore) -> None:
        if region.gitea is None:
            raise ValueError(f"{region.id} has no Gitea")
        self.name = f"gitea/{region.id}"
        self.cadence_s = settings.cadence.gitea_s
        self._region, self._settings, self._snapshots = region, settings, snapshots
        self._peer = next((other for other in settings.regions if other is not region), None)
        self._seen: dict[_Part, tuple[SeenHead, ...]] = {}
        self._accounts: dict[_Part, Account] = {}
        self._faults: list[Fault] = []
        self._shown: list[Exchange] = []
        self._gitea = connect(
            region.gitea, region=region.display, network=settings.network, deadline_s=settings.cadence.timeout_s
        )

    async def read(self) -> None:
        """Every repository in turn. One that is refused hides no other; a server that is gone ends the round."""
        self._faults, self._shown = [], []
        found = {one.name: await self._repository(one) for one in self._settings.replication.gitea.repositories}
        traces = {self.name: _together(self._shown)} if self._shown else {}
        self._snapshots.put_all({"gitea": {self._region.id: GiteaEvidence(found)}, "traces": traces})
        if self._faults:
            raise self._faults[0]

    async def close(self) -> None:
        await self._gitea.aclose()

    async def _repository(self, wanted: Repository) -> RepositoryEvidence:
        source = f"{self._region.display}'s Gitea: {wanted.name}"
        try:
            mirrors = await self._mirrors(wanted.name, source)
        except Unreachable:
            raise
        except Fault as fault:
            self._faults.append(fault)
            gone: Reading[Head] = Reading.missing("text", source, fault.sentence)
            return RepositoryEvidence(
                Reading.missing("", source, fault.sentence), {branch: BranchEvidence(gone) for branch in wanted.branches}
            )
        branches = {branch: await self._branch(_Part(wanted.name, branch), source) for branch in wanted.branches}
        return RepositoryEvidence(mirrors, branches)

    async def _mirrors(self, name: str, source: str) -> Reading[Mirrors]:
        repository = await self._gitea.repository(name)
        self._shown.append(repository.exchange)
        push, why = None, "mirrors are not read"
        if self._settings.replication.gitea.read_mirrors:
            try:
                push, shown = await self._gitea.push_mirrors(name)
                self._shown.append(shown)
            except Refused as fault:
                why = fault.sentence
                self._faults.append(fault)
        found = Mirrors(
            repository.pull, repository.pull_updated_at, repository.pull_interval_s, push, "" if push is not None else why
        )
        return Reading(found, "", repository.exchange.answered_at, source)

    async def _branch(self, part: _Part, source: str) -> BranchEvidence:
        try:
            commit, shown = await self._gitea.head(part.repository, part.branch)
            self._shown.append(shown)
            head = Head(commit, self._remember(part, commit, shown.answered_at))
            return BranchEvidence(Reading(head, "text", shown.answered_at, source), await self._account(part, commit))
        except Unreachable:
            raise
        except Fault as fault:
            self._faults.append(fault)
            return BranchEvidence(Reading.missing("text", source, fault.sentence))

    def _remember(self, part: _Part, commit: str, at: datetime) -> tuple[SeenHead, ...]:
        before = self._seen.get(part, ())
        if before and before[-1].commit == commit:
            before = before[:-1]
        self._seen[part] = (*before, SeenHead(commit, at))[-_REMEMBERED:]
        return self._seen[part]

    async def _account(self, part: _Part, mine: str) -> Account | None:
        """What this side knows of the peer's head, asked again only while it does not know it."""
        theirs = self._peers_head(part)
        if not mine or not theirs or mine == theirs:
            return None
        kept = self._accounts.get(part)
        if kept is not None and (kept.mine, kept.theirs, kept.knows) == (mine, theirs, True):
            return kept
        if await self._gitea.knows(part.repository, theirs):
            own = await self._gitea.only(part.repository, mine, theirs)
            other = await self._gitea.only(part.repository, theirs, mine)
            account = Account(mine, theirs, True, own.count, other.count, own.oldest_at, other.oldest_at)
        else:
            account = Account(mine, theirs, False)
        self._accounts[part] = account
        return account

    def _peers_head(self, part: _Part) -> str:
        evidence = self._snapshots.current.gitea.get(self._peer.id) if self._peer else None
        repository = evidence.repositories.get(part.repository) if evidence else None
        branch = repository.branches.get(part.branch) if repository else None
        return branch.head.value.commit if branch and branch.head.value else ""


def _together(shown: list[Exchange]) -> Exchange:
    """The answers of all repositories as one trace, dated by the oldest."""
    text = "\n".join(f"{one.call}\n{one.answer}" for one in shown)
    calls = "\n".join(one.call.partition("\n")[0] for one in shown)
    return Exchange(calls[:2000], text[:8000], min(one.answered_at for one in shown), sum(one.duration_ms for one in shown))
