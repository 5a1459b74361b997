"""Troubles: single things that break, each on its own, on top of whatever scenario runs.

A scenario is what people practise; a trouble is one row's own bad case. Switched by
`python -m openova_console.lab trouble NAME [on|off]`, and forgotten when a scenario starts.
"""

from dataclasses import dataclass
from typing import Final


@dataclass(frozen=True, slots=True)
class Trouble:
    """One thing that breaks.

    Attributes:
        sentence: what happens.
        objects: names of the object changes in `objects.CHANGES` that come with it.
    """

    sentence: str
    objects: tuple[str, ...] = ()


TROUBLES: Final[dict[str, Trouble]] = {}
