"""After everything that the other files of this folder did to the console: what its log says, and what it must not say.

Its name puts it last.
"""

from tests.support.running import RunningConsole, RunningLab
from tests.wire.browser import SHOW
from tests.wire.conftest import Open


async def test_the_log_holds_no_secret(connect: Open, running_console: RunningConsole, running_lab: RunningLab) -> None:
    socket = await connect()
    await socket.effects(SHOW, {"key": "x"})
    socket.cause("no.such.event", {"password": "typed into the wrong field"})
    await socket.effects(SHOW, {"key": "y"})
    tokens = {path.read_text().strip() for path in running_lab.folder.rglob("*token*") if path.is_file()}
    secrets = {secret for secret in running_console.secrets | tokens if len(secret) >= 8}
    assert {socket.token, *running_console.passwords.values()} <= secrets
    written = running_console.log_file.read_text(errors="replace")
    assert [line for line in written.splitlines() if any(secret in line for secret in secrets)] == []
    assert "typed into the wrong field" not in written


async def test_the_log_holds_no_traceback(running_console: RunningConsole) -> None:
    written = running_console.log_file.read_text(errors="replace")
    assert [line for line in written.splitlines() if "Traceback" in line or "Error:" in line] == []


async def test_what_browsers_send_fills_no_log(connect: Open, running_console: RunningConsole) -> None:
    before = running_console.log_file.stat().st_size
    socket = await connect(page="/nowhere")
    for number in range(500):
        socket.send("event", ["x" * 1000, number])
        socket.cause(f"no.such.event-{number}", {"forged": "\n2026-01-01T00:00:00Z [info     ] admin signed in"})
    socket.send("client_error", {"error_type": "x", "message": "a\n2026-01-01T00:00:00Z [info     ] admin signed in"})
    await socket.effects(SHOW, {"key": "after"})
    written = running_console.log_file.read_bytes()[before:].decode()
    assert len(written) < 20_000
    assert not [line for line in written.splitlines() if line.startswith("2026-01-01")]
