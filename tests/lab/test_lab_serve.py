"""The lab as a process: its ready line, its files, its command line, and how it ends."""

import asyncio
import resource
import signal
import socket
import ssl
import stat
import sys
import time
from pathlib import Path

import httpx
import pytest
import yaml

from openova_console import settings
from openova_console.lab.folder import SECRET_FILES, as_yaml, console_settings
from openova_console.lab.names import REGIONS
from openova_console.lab.ports import OFFSETS, planned

ROOT = Path(__file__).parents[2]


class Process:
    """A lab run with `python -m openova_console.lab serve`."""

    def __init__(self, process: asyncio.subprocess.Process, line: str) -> None:
        self.process, self.line = process, line

    @classmethod
    async def start(cls, *arguments: str) -> "Process":
        process = await command("serve", *arguments)
        assert process.stdout is not None
        line = (await asyncio.wait_for(process.stdout.readline(), 20)).decode().strip()
        return cls(process, line)

    async def end(self, number: signal.Signals = signal.SIGTERM) -> tuple[int, str]:
        """Signal it; returns its exit code and what it wrote on stderr."""
        self.process.send_signal(number)
        _, wrong = await asyncio.wait_for(self.process.communicate(), 10)
        return self.process.returncode, wrong.decode()


async def command(*arguments: str) -> asyncio.subprocess.Process:
    return await asyncio.create_subprocess_exec(
        sys.executable,
        "-m",
        "openova_console.lab",
        *arguments,
        cwd=ROOT,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
    )


async def finished(*arguments: str) -> tuple[int, str, str]:
    process = await command(*arguments)
    out, wrong = await asyncio.wait_for(process.communicate(), 20)
    return process.returncode, out.decode(), wrong.decode()


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
async def test_it_serves_until_a_signal_and_leaves_nothing_listening(tmp_path: Path, number: signal.Signals) -> None:
    folder = tmp_path / "lab"
    lab = await Process.start("--dir", str(folder), "--scenario", "lag_breach")
    assert lab.line == f"lab ready {folder / 'console.yaml'}"
    loaded = settings.load(folder / "console.yaml")
    region = loaded.region("region-2")
    async with httpx.AsyncClient(verify=ssl.create_default_context(cafile=folder / "ca.pem"), trust_env=False) as client:
        token = region.kubernetes.token_file.read_text().strip()
        answer = await client.get(f"{region.kubernetes.server}/version", headers={"Authorization": f"Bearer {token}"})
        assert answer.status_code == 200
        began = time.monotonic()
        assert await lab.end(number) == (0, "")
        assert time.monotonic() - began < 5
    with pytest.raises(ConnectionRefusedError):
        socket.create_connection(("127.0.0.1", region.valkey.port), 1)


async def test_its_files_are_private_and_its_settings_load(tmp_path: Path) -> None:
    folder = tmp_path / "deep" / "lab"
    lab = await Process.start("--dir", str(folder), "--looks-from", "region-1")
    try:
        assert stat.S_IMODE(folder.stat().st_mode) == 0o700
        assert {stat.S_IMODE((folder / name).stat().st_mode) for name in SECRET_FILES} == {0o600}
        assert len({(folder / name).read_text() for name in SECRET_FILES}) == len(SECRET_FILES)
        loaded = settings.load(folder / "console.yaml")
        assert (loaded.environment.kind, loaded.console.looks_from) == ("lab", "region-1")
        assert [r.id for r in loaded.regions] == list(REGIONS)
        assert loaded.cadence.replication_s < 5 < loaded.freshness.replication_s
    finally:
        assert (await lab.end())[0] == 0


async def test_the_command_line_moves_a_running_lab(tmp_path: Path) -> None:
    where = ("--dir", str(tmp_path))
    lab = await Process.start(*where, "--manual-clock", "--seed", "3")
    try:
        code, out, _ = await finished("scenario", "partition", *where)
        assert code == 0 and out.startswith("partition: The link between the regions is cut")
        assert (await finished("fault", "witness-1", "answers:stale", *where))[:2] == (0, "witness-1: answers:stale\n")
        assert (await finished("advance", "60", *where))[1].startswith("it is now ")
        code, out, _ = await finished("state", *where)
        state = yaml.safe_load(out)
        assert (state["scenario"], state["seed"], state["manual_clock"]) == ("partition", 3, True)
        code, _, wrong = await finished("fault", "witness-9", "up", *where)
        assert code == 1 and wrong.startswith("lab: 'witness-9' is not an endpoint")
    finally:
        await lab.end()
    code, _, wrong = await finished("state", *where)
    assert code == 1 and "does not answer" in wrong and "Traceback" not in wrong


async def test_without_a_lab_there_is_a_sentence(tmp_path: Path) -> None:
    code, out, wrong = await finished("scenario", "healthy", "--dir", str(tmp_path / "none"))
    assert (code, out) == (1, "")
    assert wrong.startswith("lab: no lab has run in") and wrong.count("\n") == 1


async def test_a_taken_port_is_one_sentence(tmp_path: Path) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        base = taken.getsockname()[1] - OFFSETS["region-1/prometheus"]
        process = await command("serve", "--dir", str(tmp_path), "--base-port", str(base))
        out, wrong = await asyncio.wait_for(process.communicate(), 20)
    assert process.returncode == 1 and out == b""
    sentence = wrong.decode()
    assert sentence.startswith("lab: port ") and "choose another --base-port" in sentence and sentence.count("\n") == 1


async def test_an_unwritable_folder_is_one_sentence(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    code, _, wrong = await finished("serve", "--dir", str(tmp_path / "file" / "lab"))
    assert code == 1 and wrong.startswith("lab: the folder ") and wrong.count("\n") == 1


async def test_it_starts_within_a_second_or_so_of_work(tmp_path: Path) -> None:
    def spent() -> float:
        used = resource.getrusage(resource.RUSAGE_CHILDREN)
        return used.ru_utime + used.ru_stime

    before = spent()
    lab = await Process.start("--dir", str(tmp_path))
    await lab.end()
    assert spent() - before < 2.5, "seconds of CPU, which a busy machine does not stretch as it does time; usually 0.9"


def test_the_example_is_what_serve_writes_with_port_18100() -> None:
    example = ROOT / "examples" / "lab.yaml"
    assert example.read_text(encoding="utf-8") == as_yaml(console_settings(planned(18100), "region-2", files="../.run/lab/"))
    loaded = settings.load(example)
    assert str(loaded.regions[0].kubernetes.ca_file).endswith("examples/../.run/lab/ca.pem")
    assert loaded.regions[0].kubernetes.server == "https://127.0.0.1:18101"


def test_ports_never_meet() -> None:
    ports = planned(18100)
    assert len(set(ports.values())) == len(ports) and min(ports.values()) == 18100
