"""Decision facts: the part of the evidence that an approval is bound to, and what counts as having moved.

Raw ages and lags are shown and not hashed; bands, holders, generations and guard verdicts are. A fact that stays or gets better
is no drift. A worse one, another holder, a changed generation or a fact that is no longer known voids the approval.
"""

from collections.abc import Mapping
from dataclasses import dataclass

from openova_console.operations.plan import Data


class Fact(Data):
    """One decision fact. `rank` orders values where one is better than another (0 is best); without it any change counts."""

    value: str
    rank: int | None = None
    sentence: str = ""


Facts = Mapping[str, Fact]
HOLDER_FACTS = "lease "
"""Facts whose keys begin so are holders and fencing tokens: one that moved stops a run that another process began."""


@dataclass(frozen=True, slots=True)
class Moved:
    """A fact that is no longer what it was when it was approved."""

    key: str
    before: str
    after: str

    @property
    def sentence(self) -> str:
        """For a person: what moved, from what to what."""
        return f"{self.key} was {self.before} and is now {self.after}"


def drift(before: Facts, after: Facts) -> tuple[Moved, ...]:
    """Which facts moved for the worse, in the order of their keys."""
    found = []
    for key in sorted({*before, *after}):
        old, new = before.get(key), after.get(key)
        if new is None and old is not None:
            found.append(Moved(key, old.value, "not known"))
        elif old is None and new is not None:
            if new.rank is None or new.rank > 0:
                found.append(Moved(key, "not there", new.value))
        elif old is not None and new is not None and _worse(old, new):
            found.append(Moved(key, old.value, new.value))
    return tuple(found)


def _worse(old: Fact, new: Fact) -> bool:
    if old.value == new.value:
        return False
    return old.rank is None or new.rank is None or new.rank > old.rank


BANDS_S = (0.0, 1.0, 5.0, 30.0, 60.0, 300.0, 900.0, 3600.0, 21600.0, 86400.0)
"""Upper ends of the bands of lost time in seconds."""


def band(loss_s: float) -> Fact:
    """A loss in seconds, rounded up to its band. A loss beyond the last band is "more than a day"."""
    for rank, end in enumerate(BANDS_S):
        if loss_s <= end:
            return Fact(value=f"up to {end:g} s", rank=rank)
    return Fact(value="more than a day", rank=len(BANDS_S))
