"""Weeks of samples for a real Prometheus within a second: written as OpenMetrics, made into blocks by promtool."""

import subprocess
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from tests.peers.servers.process import program


@dataclass(frozen=True)
class Counter:
    """A counter with its samples: unix time and value, oldest first. The name ends in `_total` or `_bucket`."""

    name: str
    labels: Mapping[str, str]
    samples: Sequence[tuple[float, float]]


def backfill(counters: Iterable[Counter], data: Path) -> None:
    """Put the samples into the data folder of a Prometheus that is not running.

    Raises:
        Missing: promtool is not installed.
        RuntimeError: promtool does not take the samples.
    """
    promtool = program("promtool", "prometheus")
    families: dict[str, list[Counter]] = {}
    for counter in counters:
        families.setdefault(counter.name, []).append(counter)
    data.mkdir(parents=True, exist_ok=True)
    written = data.with_suffix(".om")
    with written.open("w") as file:
        for name, members in families.items():
            # Declared "unknown": promtool then takes any name, and values that fall, as a restarted counter's do.
            file.write(f"# TYPE {name} unknown\n")
            for one in members:
                labels = ",".join(f'{k}="{v}"' for k, v in one.labels.items())
                file.writelines(f"{name}{{{labels}}} {value!r} {at:.3f}\n" for at, value in one.samples)
        file.write("# EOF\n")
    command = [promtool, "tsdb", "create-blocks-from", "-q", "--max-block-duration=960h", "openmetrics", str(written), str(data)]
    done = subprocess.run(command, capture_output=True, text=True)
    written.unlink()
    if done.returncode:
        raise RuntimeError(f"promtool: {done.stderr[-500:]}")
