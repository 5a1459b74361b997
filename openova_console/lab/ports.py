"""Which port each listener has: counted from a base, or free ones when the base is 0."""

from typing import Final

from openova_console.lab.names import CHAT, REGIONS, SERVICES, WITNESSES

CONTROL: Final = "control"
OFFSETS: Final = {
    CONTROL: 0,
    **{f"{region}/{service}": 1 + 20 * r + s for r, region in enumerate(REGIONS) for s, service in enumerate(SERVICES)},
    **{witness: 41 + 2 * w for w, witness in enumerate(WITNESSES)},
    **{f"{witness}/tls": 42 + 2 * w for w, witness in enumerate(WITNESSES)},
    CHAT: 47,
}
SPAN: Final = max(OFFSETS.values())


def port(listener: str, base: int) -> int:
    """The port of a listener; 0 means any free one."""
    return base + OFFSETS[listener] if base else 0


def planned(base: int) -> dict[str, int]:
    """Every listener's port with this base (not 0)."""
    return {listener: port(listener, base) for listener in OFFSETS}
