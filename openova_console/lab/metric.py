"""What a time series of the lab is."""

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Literal

from openova_console.lab.timeline import Epoch

Labels = tuple[tuple[str, str], ...]
Value = Callable[[Epoch, float], float | None]


@dataclass(frozen=True, slots=True)
class Series:
    """One time series; `value` gives None while it is not exported."""

    name: str
    kind: Literal["gauge", "counter", "histogram"]
    help: str
    labels: Labels
    value: Value = field(compare=False)

    @property
    def metric(self) -> dict[str, str]:
        """The labels with the name, in the order in which Prometheus writes them; it drops empty ones."""
        return dict(sorted((("__name__", self.name), *((k, v) for k, v in self.labels if v))))

    @property
    def family(self) -> str:
        """What the series' TYPE is declared for: buckets, sum and count are one histogram."""
        return self.name.rpartition("_")[0] if self.kind == "histogram" else self.name

    @property
    def bound(self) -> float:
        """A bucket's upper bound, by which buckets are ordered; 0 for everything else."""
        return float(dict(self.labels).get("le", "0"))
