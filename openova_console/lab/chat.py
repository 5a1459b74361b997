"""A chat room that is told of things: takes incoming webhooks as Slack and Mattermost do, and keeps what it was told.

`POST /hooks/operators` demands a signature after the Standard Webhooks specification with the key in `notify.key`, an instant
within five minutes of the machine's clock (the sender's, even where the lab's own is moved by hand), and a body with `text` or
`attachments`; it answers "ok". A message whose `webhook-id` came before is counted and not kept again, as the specification
asks of receivers.
"""

import base64
import hmac
import json
import time
from collections import deque
from dataclasses import dataclass
from typing import Any, Final

from aiohttp import web

KEPT: Final = 100
_APART_S: Final = 300
_BODY_LIMIT: Final = 64 * 1024


@dataclass
class Heard:
    """One message. `times`: how often it came."""

    id: str
    at: float
    body: dict[str, Any]
    times: int = 1


class Chat:
    """The room. Newest message last.

    Args:
        key: as the settings file holds it: whsec_ and base64.
    """

    def __init__(self, key: str) -> None:
        self._key = base64.b64decode(key.removeprefix("whsec_"))
        self._heard: deque[Heard] = deque(maxlen=KEPT)

    def state(self) -> dict[str, Any]:
        """What was heard, JSON-ready."""
        return {"messages": [vars(heard) for heard in self._heard]}

    def application(self) -> web.Application:
        """The room's routes."""

        async def hook(request: web.Request) -> web.Response:
            raw = await request.read()
            if against := self._against(request, raw):
                return web.Response(status=401, text=against)
            body = _message(raw)
            if body is None:
                return web.Response(status=400, text="invalid_payload")
            self._keep(request.headers["webhook-id"], body)
            return web.Response(text="ok")

        app = web.Application(client_max_size=_BODY_LIMIT)
        app.router.add_post("/hooks/operators", hook)
        return app

    def _against(self, request: web.Request, raw: bytes) -> str:
        id_, instant = request.headers.get("webhook-id", ""), request.headers.get("webhook-timestamp", "")
        if not id_ or not instant.isdecimal() or abs(time.time() - int(instant)) > _APART_S:
            return "no_message_id_or_timestamp_too_far"
        digest = hmac.digest(self._key, f"{id_}.{instant}.".encode() + raw, "sha256")
        wanted = b"v1," + base64.b64encode(digest)
        given = request.headers.get("webhook-signature", "").encode().split(b" ")
        return "" if any(hmac.compare_digest(one, wanted) for one in given) else "no_matching_signature"

    def _keep(self, id_: str, body: dict[str, Any]) -> None:
        for heard in self._heard:
            if heard.id == id_:
                heard.times += 1
                return
        self._heard.append(Heard(id_, time.time(), body))


def _message(raw: bytes) -> dict[str, Any] | None:
    try:
        body = json.loads(raw)
    except ValueError:
        return None
    if not isinstance(body, dict):
        return None
    spoken = isinstance(body.get("text"), str) and body["text"]
    return body if spoken or isinstance(body.get("attachments"), list) else None
