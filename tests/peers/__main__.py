"""`python -m tests.peers up [--dir .run/peers]`: start the real servers and say how to point a console at them.

With `--lab-exporter region-1=HOST:PORT` that region's Prometheus scrapes an exporter of the lab as well. While it runs,
commands on the standard input cut the link between the regions: `refuse`, `freeze`, `up`. Ctrl-C stops everything.
"""

import argparse
import select
import signal
import sys
import time
from pathlib import Path

from tests.peers import binaries
from tests.peers.servers.process import Missing
from tests.peers.world import REGIONS, World, default_folder

_BEAT_EVERY_S = 10.0


def main(arguments: list[str] | None = None) -> int:
    parser = argparse.ArgumentParser(prog="python -m tests.peers", description=__doc__.splitlines()[0])
    parser.add_argument("command", choices=["up"])
    parser.add_argument("--dir", type=Path, default=default_folder(), help="logs, certificates and console.yaml")
    parser.add_argument("--lab-exporter", action="append", default=[], metavar="REGION=HOST:PORT")
    given = parser.parse_args(arguments)
    exporters: dict[str, list[str]] = {region: [] for region in REGIONS}
    for one in given.lab_exporter:
        region, _, address = one.partition("=")
        if region not in exporters or not address:
            parser.error(f"--lab-exporter {one}: give {' or '.join(REGIONS)}, then =HOST:PORT")
        exporters[region].append(address)
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(0))
    try:
        return _run(given.dir, exporters)
    except Missing as missing:
        print(f"The real servers cannot start: {missing}", file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        return 0


def _run(folder: Path, exporters: dict[str, list[str]]) -> int:
    for name in ("etcd", "kube-apiserver", "gitea", "minio"):
        binaries.build(name)
    began = time.monotonic()
    print("Starting two API servers, PostgreSQL, Redis, Kafka, MinIO, Gitea, Prometheus, Alertmanager and DNS …", flush=True)
    with World(folder, lab_exporters=exporters, whole=True) as world:
        print(f"All real servers answer ({time.monotonic() - began:.0f} s). Logs: {world.folder}")
        print(f"Point a console at them:   make run CONFIG={world.config_file}")
        print("Cut the link between the regions: type refuse, freeze or up. Ctrl-C stops everything.", flush=True)
        _serve(world)
    return 0


def _serve(world: World) -> None:
    commands = {"refuse": world.refuse_link, "freeze": world.freeze_link, "up": world.restore_link}
    inputs = [sys.stdin]
    while True:
        world.beat()
        until = time.monotonic() + _BEAT_EVERY_S
        while (left := until - time.monotonic()) > 0:
            if not select.select(inputs, [], [], left)[0]:
                break
            line = sys.stdin.readline()
            if not line:
                inputs = []
            elif command := commands.get(line.strip()):
                command()
                print(f"link: {line.strip()}", flush=True)


if __name__ == "__main__":
    sys.exit(main())
