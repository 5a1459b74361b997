"""The one built file that would tie the pages to a port: `assets/reflex-env-*.js`.

The build writes absolute addresses with the port that it was told into it. It is served from here instead, with addresses
that the browser takes from its own address bar: any port, any forward and any https address in front work, whatever the
console knows of them. No compressed copy of the built file is ever served, and nothing is kept.
"""

import re
from pathlib import Path

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

# KEY:`http://host:port/path`, with any of the three quotes.
_ADDRESS = re.compile(r"""(?P<scheme>http|ws)s?://[^/`'"]*(?P<path>/[^`'"]*)?""")
_QUOTED = re.compile(rf"""(?P<quote>[`'"]){_ADDRESS.pattern}(?P=quote)""")

# Over https the framework drops the port of an address on "localhost", taking for granted that https means port 443.
# There the port of the websocket's address is pinned.
_PRELUDE = """const openovaHttp=location.origin,openovaWs=location.origin.replace(/^http/,"ws");
if(location.protocol==="https:"&&location.port&&location.hostname==="localhost"){
const Plain=URL;globalThis.URL=class extends Plain{
get port(){return super.port}
set port(value){if(value!==""||this.host!==location.host)super.port=value}};}
"""


class BuildError(Exception):
    """The build is not one that can be served; the message is one sentence."""


def rewritten(built: str) -> str:
    """The built module with its addresses taken from the browser's own.

    Raises:
        BuildError: when there is no websocket address in it: then the framework builds it otherwise than it did.
    """
    found: set[str] = set()

    def address(match: re.Match[str]) -> str:
        found.add(match["scheme"])
        return f"openova{match['scheme'].capitalize()}+{match['quote']}{match['path'] or ''}{match['quote']}"

    module = _QUOTED.sub(address, built)
    if "ws" not in found:
        raise BuildError("The built pages hold no websocket address to replace: build them with the pinned Reflex version.")
    return _PRELUDE + module


def routes(build: Path | None) -> list[Route]:
    """One route for each environment file of the build; none without a build.

    Raises:
        BuildError: when there is a build but not exactly one such file in it.
    """
    if build is None:
        return []
    files = sorted((build / "assets").glob("reflex-env-*.js"))
    if len(files) != 1:
        raise BuildError(f"{build / 'assets'} holds {len(files)} files reflex-env-*.js instead of one: build the pages again.")
    module = rewritten(files[0].read_text(encoding="utf-8"))

    async def environment(_request: Request) -> Response:
        return Response(module, media_type="text/javascript", headers={"cache-control": "no-store"})

    return [Route(f"/assets/{files[0].name}", environment)]
