"""Both Giteas: commits that come in the region that writes, mirrors that carry them, and Gitea's own Postgres.

The region that runs the business data takes the commits; its push mirror carries each to the other region within seconds.
A cut link, or a trouble, stops it where it was. A mirror that fails says so; one that sends elsewhere says that all is
well. The database is a small Postgres pair of its own, whose primary stays in region 1.
"""

from dataclasses import dataclass
from typing import Final

from openova_console.lab.names import REGIONS, peer
from openova_console.lab.postgres import Postgres, Sender
from openova_console.lab.timeline import Epoch
from openova_console.lab.waves import Rate, hexdigits, unit

REPOSITORIES: Final = {"acme/platform": 900.0, "acme/shop": 2400.0}
"""owner/name and the seconds between two commits on main."""
BROKEN: Final = "acme/platform"
CARRY_S: Final = 2.0
INTERVAL_S: Final = 60.0
_STOPS: Final = ("gitea_mirror_failing", "gitea_heads_differ")
_TIMEOUT_S: Final = 5.0
_KEPT: Final = 80


@dataclass(frozen=True, slots=True)
class Commit:
    """A commit of main: its id, its parent's, when it was made, and its message."""

    sha: str
    parent: str
    at: float
    message: str


@dataclass(frozen=True, slots=True)
class PushState:
    """What a push mirror says of itself: when it last ran, and its error then."""

    ran_at: float
    error: str


class Giteas:
    """Both regions' Giteas as functions of an epoch and a unix time."""

    def __init__(self, seed: int) -> None:
        self._seed = seed
        self._wal = Rate.daily(2600.0, seed, "gitea-wal")

    def history(self, epoch: Epoch, region: str, name: str, t: float) -> tuple[Commit, ...]:
        """The newest commits of a repository's main branch in one region, newest first."""
        number = self._number(name, self._reach(epoch, region, name, t))
        commits = tuple(self._commit(name, n) for n in range(number, number - _KEPT, -1))
        parted = dict(epoch.carry.troubled).get("gitea_diverged")
        if parted is None or name != BROKEN or region != REGIONS[1]:
            return commits
        # Somebody wrote to region 2 before region 1's last commit had arrived there.
        base = self._number(name, parted) - 1
        before = tuple(self._commit(name, n) for n in range(base, base - _KEPT, -1))
        return Commit(hexdigits(40, self._seed, name, "apart"), before[0].sha, parted, "fix: by hand in region 2"), *before

    def _reach(self, epoch: Epoch, region: str, name: str, t: float) -> float:
        """Up to when this region has the commits."""
        if self._writes(epoch, region):
            return t
        since = dict(epoch.carry.troubled)
        stops = [since[trouble] for trouble in _STOPS if trouble in since] if name == BROKEN else []
        apart = epoch.carry.apart_since
        cut = min([*stops, *([] if apart is None else [apart])], default=None)
        if cut is None:
            return t - CARRY_S
        # The last commit before the cut did not make it: else nothing would differ until the next one.
        return cut - REPOSITORIES[name] if stops else cut

    def _writes(self, epoch: Epoch, region: str) -> bool:
        return region in epoch.conditions.postgres_primaries

    def _number(self, name: str, t: float) -> int:
        return int(t / REPOSITORIES[name] + unit(self._seed, "commits", name))

    def _commit(self, name: str, number: int) -> Commit:
        every = REPOSITORIES[name]
        at = (number - unit(self._seed, "commits", name)) * every
        sha, parent = (hexdigits(40, self._seed, name, n) for n in (number, number - 1))
        return Commit(sha, parent, at, f"release {number}")

    def push(self, epoch: Epoch, region: str, name: str, t: float) -> PushState:
        """The state of the mirror that sends from `region`; `ran_at` moves whether it works or not."""
        ran = t - (t + 17 * unit(self._seed, region, name)) % INTERVAL_S
        address = f"https://gitea.{peer(region)}.openova.example/{name}.git"
        unable = f"push failed: fatal: unable to access '{address}/': "
        if not epoch.conditions.connected:
            return PushState(ran, f"{unable}Failed to connect to gitea.{peer(region)}.openova.example port 443\n\n")
        if name == BROKEN and region == REGIONS[0] and "gitea_mirror_failing" in epoch.conditions.troubles:
            return PushState(ran, f"{unable}The requested URL returned error: 403\n\n")
        return PushState(ran, "")

    def database(self, epoch: Epoch, region: str, t: float) -> Postgres:
        """What the exporter of Gitea's Postgres reports in one region."""
        apart = epoch.carry.apart_since
        streaming = apart is None or (not epoch.conditions.dead and t < apart + _TIMEOUT_S)
        delay = 0.05 + 0.2 * unit(self._seed, "gitea-flush", int(t))
        flushed = t - delay if apart is None else apart
        behind = max(0, int(self._wal.total(t) - self._wal.total(min(t, flushed))))
        if region == REGIONS[1]:
            return Postgres(True, streaming, 0.0, None, None, False)
        sender = Sender(delay, behind) if streaming else None
        return Postgres(False, False, 0.0, sender, behind, sender is not None)
