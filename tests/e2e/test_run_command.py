"""The README's one command: starts everything, prints who may sign in, and one Ctrl-C leaves nothing behind."""

import os
import re
import signal
import socket
import subprocess
import sys
from pathlib import Path

import httpx

from tests.support.ports import free_port
from tests.support.running import ROOT, end, wait_for

COMMAND = [sys.executable, "-m", "openova_console", "run", "--lab"]


def test_run_starts_prints_the_sign_in_and_leaves_nothing_behind(tmp_path: Path) -> None:
    port, log = free_port(), tmp_path / "run.log"
    environment = {k: v for k, v in os.environ.items() if not k.startswith("OPENOVA_")}
    with log.open("wb") as out:
        process = subprocess.Popen(
            [*COMMAND, "--port", str(port), "--folder", str(tmp_path / "lab")],
            cwd=ROOT,
            env=environment,
            stdout=out,
            stderr=out,
            start_new_session=True,
        )
    try:
        wait_for("the sign-in is printed", lambda: "stop " in log.read_text(), limit_s=60)
        printed = log.read_text()
        assert f"http://localhost:{port}" in printed
        word = re.search(r"viewer +(\S+)", printed)
        assert word is not None, printed
        with httpx.Client(base_url=f"http://localhost:{port}", trust_env=False) as browser:
            form = browser.get("/auth/sign-in").text
            mark = form.split('name="csrf"', 1)[1].split('value="', 1)[1].split('"', 1)[0]
            answer = browser.post(
                "/auth/sign-in",
                data={"name": "viewer", "password": word[1], "csrf": mark, "next": "/"},
                headers={"Origin": f"http://localhost:{port}"},
            )
            assert answer.status_code == 303, printed
        os.kill(process.pid, signal.SIGINT)
        assert process.wait(20) == 0, log.read_text()
    finally:
        end(process)
    mine = [line for line in _processes() if str(tmp_path) in line or f"--port {port} " in line]
    assert not mine
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        probe.bind(("127.0.0.1", port))


def test_a_taken_port_gets_one_sentence(tmp_path: Path) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = str(taken.getsockname()[1])
        done = subprocess.run([*COMMAND, "--port", port, "--folder", str(tmp_path)], cwd=ROOT, capture_output=True, text=True)
    assert done.returncode == 1
    assert done.stderr.strip().splitlines() == [
        f"Port {port} on 127.0.0.1 cannot be used (Address already in use): choose another, e.g. make run PORT=9000"
    ]


def _processes() -> list[str]:
    return subprocess.run(["ps", "-ww", "-eo", "args"], capture_output=True, text=True, check=True).stdout.splitlines()
