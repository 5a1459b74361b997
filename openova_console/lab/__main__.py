"""The lab's command line: `python -m openova_console.lab COMMAND`; `--help` lists what there is."""

import argparse
import asyncio
import json
import math
import sys
from pathlib import Path

from openova_console.lab.folder import FolderError
from openova_console.lab.gate import PortTaken
from openova_console.lab.names import REGIONS
from openova_console.lab.ports import SPAN
from openova_console.lab.remote import RemoteError, call
from openova_console.lab.scenarios import SCENARIOS
from openova_console.lab.troubles import TROUBLES

DEFAULT_DIRECTORY = Path(".run/lab")


def main(arguments: list[str] | None = None) -> int:
    """Run one command; returns the exit code (1 after a sentence on stderr)."""
    given = _parser().parse_args(arguments)
    try:
        if given.command == "serve":
            _serve(given)
        else:
            _remote(given)
    except (FolderError, PortTaken, RemoteError) as error:
        print(f"lab: {error}", file=sys.stderr)
        return 1
    return 0


def _serve(given: argparse.Namespace) -> None:
    # The servers are imported here alone: the other commands only send one request, and should feel like it.
    from openova_console.lab.serve import Options, serve

    options = Options(
        directory=given.dir,
        base_port=given.base_port,
        seed=given.seed,
        looks_from=given.looks_from,
        scenario=given.scenario,
        manual_clock=given.manual_clock,
        interval_s=given.scrape_interval,
    )
    asyncio.run(serve(options))


def _remote(given: argparse.Namespace) -> None:
    match given.command:
        case "scenario":
            state = call(given.dir, "POST", "/scenario", {"name": given.name})
            print(f"{state['scenario']}: {state['sentence']}")
        case "scenarios":
            for row in call(given.dir, "GET", "/scenarios")["scenarios"]:
                print(f"{row['name']}\n    {row['sentence']}\n    {row['expect']}")
        case "fault":
            call(given.dir, "POST", "/fault", {"endpoint": given.endpoint, "state": given.state})
            print(f"{given.endpoint}: {given.state}")
        case "trouble":
            state = call(given.dir, "POST", "/trouble", {"name": given.name, "state": given.state})
            print(f"troubles: {', '.join(state['troubles']) or 'none'}")
        case "writes":
            for row in call(given.dir, "GET", "/writes")["writes"]:
                print(f"{row['at']} {row['region']} {row['user']} {row['method']} {row['path']} {' '.join(row['keys'])}")
        case "messages":
            for row in call(given.dir, "GET", "/messages")["messages"]:
                again = f"  (came {row['times']} times)" if row["times"] > 1 else ""
                print(f"{row['body'].get('text', '').replace(chr(10), '  ')}{again}")
        case "advance":
            state = call(given.dir, "POST", "/clock", {"advance_s": given.seconds})
            print(f"it is now {state['now']}")
        case _:
            print(json.dumps(call(given.dir, "GET", "/state"), indent=2))


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m openova_console.lab", description="A two-region platform on loopback.")
    commands = parser.add_subparsers(dest="command", required=True)
    run = commands.add_parser("serve", help="run the lab until a signal")
    run.add_argument("--dir", type=Path, default=DEFAULT_DIRECTORY, help="run folder (default: %(default)s)")
    run.add_argument("--base-port", type=_port, default=0, help="first port; 0 takes free ones (default: %(default)s)")
    run.add_argument("--seed", type=int, default=1, help="the same seed makes the same lab (default: %(default)s)")
    run.add_argument("--looks-from", choices=REGIONS, default=REGIONS[1], help="where the console stands (default: %(default)s)")
    run.add_argument("--scenario", choices=tuple(SCENARIOS), default="healthy", metavar="NAME", help="scenario to start with")
    run.add_argument("--manual-clock", action="store_true", help="time moves only by `advance`")
    run.add_argument("--scrape-interval", type=_seconds, default=5.0, metavar="S", help="between two samples (default: 5)")
    known = ", ".join(SCENARIOS)
    for name, text in (
        ("scenario", "start a scenario"),
        ("scenarios", "list the scenarios"),
        ("state", "show what is switched"),
        ("fault", "set one endpoint's state by hand"),
        ("trouble", "break one single thing, or mend it"),
        ("writes", "list what the regions' Kubernetes APIs accepted"),
        ("messages", "list what the chat room was told"),
        ("advance", "move a manual clock"),
    ):
        command = commands.add_parser(name, help=text)
        command.add_argument("--dir", type=Path, default=DEFAULT_DIRECTORY, help="run folder (default: %(default)s)")
        if name == "scenario":
            command.add_argument("name", choices=tuple(SCENARIOS), metavar="NAME", help=known)
        if name == "fault":
            command.add_argument("endpoint", help="e.g. region-1/prometheus, witness-2")
            command.add_argument("state", help="up, refuse, freeze, slow:6, garbage:html, answers:servfail, …")
        if name == "trouble":
            command.add_argument("name", choices=tuple(TROUBLES), metavar="NAME", help=", ".join(TROUBLES))
            command.add_argument("state", choices=("on", "off"), nargs="?", default="on")
        if name == "advance":
            command.add_argument("seconds", type=_seconds)
    return parser


def _port(text: str) -> int:
    value = int(text)
    if value != 0 and not 1024 <= value <= 65535 - SPAN:
        raise argparse.ArgumentTypeError(f"must be 0 or between 1024 and {65535 - SPAN}")
    return value


def _seconds(text: str) -> float:
    value = float(text)
    if not (math.isfinite(value) and value > 0):
        raise argparse.ArgumentTypeError("must be a number of seconds above 0")
    return value


if __name__ == "__main__":
    sys.exit(main())
