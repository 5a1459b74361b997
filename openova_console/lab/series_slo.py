"""The entrance's series: requests by status, and how long they took, as a classic histogram."""

from collections.abc import Callable

from openova_console.lab.metric import Labels, Series
from openova_console.lab.names import REGIONS
from openova_console.lab.timeline import Epoch
from openova_console.lab.traffic import FAST, Served
from openova_console.lab.world import World

REQUESTS, DURATION = "http_requests_total", "http_request_duration_seconds"


def series(world: World, region: str, number: int) -> tuple[Series, ...]:
    """`http_requests_total` and `http_request_duration_seconds` of one region's gateway."""
    target = {"region": region, "job": "gateway", "instance": f"10.{number}.5.2:8080"}

    def one(name: str, text: str, read: Callable[[Served], float], **more: str) -> Series:
        labels: Labels = tuple(sorted({**target, **more}.items()))

        def value(epoch: Epoch, t: float) -> float | None:
            gone = region == REGIONS[0] and "slo_series_gone" in epoch.conditions.troubles
            return None if gone else read(world.traffic.served(epoch, region, t))

        return Series(name, "counter" if name == REQUESTS else "histogram", text, labels, value)

    def within(bound: str) -> Callable[[Served], float]:
        return lambda served: float(int(served.within(bound)))

    answered, took = "Requests answered, by status", "How long requests took"
    return (
        one(REQUESTS, answered, lambda s: float(int(s.requests - s.failed)), status="200"),
        one(REQUESTS, answered, lambda s: float(int(s.failed)), status="500"),
        *(one(f"{DURATION}_bucket", took, within(bound), le=bound) for bound, _ in FAST),
        one(f"{DURATION}_sum", took, lambda s: round(s.seconds, 3)),
        one(f"{DURATION}_count", took, lambda s: float(int(s.requests))),
    )
