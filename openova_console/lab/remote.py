"""Talks to a running lab's control port, for the command line."""

import http.client
import json
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit


class RemoteError(Exception):
    """The lab could not be asked, or refused."""


def call(directory: Path, method: str, path: str, body: dict[str, Any] | None = None) -> dict[str, Any]:
    """One request to the lab that runs in `directory`. Raises `RemoteError` with the sentence for the person."""
    try:
        control = json.loads((directory / "control.json").read_text(encoding="utf-8"))
        token = (directory / control["token_file"]).read_text(encoding="utf-8").strip()
        address = urlsplit(control["url"])
    except (OSError, ValueError, KeyError, TypeError):
        raise RemoteError(f"no lab has run in {directory}: start one with `serve --dir {directory}`, or name its --dir") from None
    connection = http.client.HTTPConnection(address.hostname or "", address.port, timeout=10)
    try:
        text = None if body is None else json.dumps(body)
        connection.request(method, path, text, {"Authorization": f"Bearer {token}", "Content-Type": "application/json"})
        answer = connection.getresponse()
        document: dict[str, Any] = json.loads(answer.read())
    except (OSError, ValueError, http.client.HTTPException):
        raise RemoteError(f"the lab in {directory} does not answer at {control['url']}: it has ended, or hangs") from None
    finally:
        connection.close()
    if answer.status != http.client.OK:
        raise RemoteError(str(document.get("error", f"the lab answered {answer.status}")))
    return document
