"""Security headers on every answer, and the built file that must not know a port."""

import base64
import hashlib
import re

import pytest

from openova_console.access.identity import WhoCache
from openova_console.api.health import Readiness
from openova_console.api.reflex_env import BuildError, rewritten
from openova_console.api.reflex_env import routes as env_routes
from openova_console.api.routes import wrap
from openova_console.api.security_headers import SecurityHeaders, script_hashes
from tests.support.consoles import call, settings_with

BUILT = (
    "var e={PING:`http://localhost:8000/ping`,EVENT:`ws://localhost:8000/_event`,UPLOAD:`http://localhost:8000/_upload`,"
    "TRANSPORT:`websocket`,TEST_MODE:!1};export{e as t};"
)
PAGE = """<!DOCTYPE html><html><head><script src="/a.js"></script>
<script>
const a = "theme";
</script><script type="module" async="">import "/assets/x.js";</script></head></html>"""


@pytest.fixture
def build(tmp_path):
    (tmp_path / "assets").mkdir()
    (tmp_path / "index.html").write_text(PAGE)
    (tmp_path / "region").mkdir()
    (tmp_path / "region" / "index.html").write_text(PAGE.replace("theme", "other\r\n"))
    (tmp_path / "assets" / "reflex-env-AbC1.js").write_text(BUILT)
    return tmp_path


@pytest.fixture
def make_app(engine, build):
    async def pages(scope, receive, send):
        headers = [(b"Server", b"granian"), (b"Content-Security-Policy", b"default-src *")]
        status = 404 if "missing" in scope["path"] else 200
        await send({"type": "http.response.start", "status": status, "headers": headers})
        await send({"type": "http.response.body", "body": b"page"})

    def make(**console):
        settings = settings_with(**console)
        who = WhoCache(engine, settings.console)
        return wrap(pages, settings=settings, engine=engine, who=who, readiness=Readiness(), build=build)

    return make


@pytest.fixture
def app(make_app):
    return make_app()


def _policy(answer):
    return dict(part.strip().partition(" ")[::2] for part in answer.header("content-security-policy").split(";"))


ANSWERS = [
    ("/healthz", {}, 200),
    ("/metrics", {}, 403),
    ("/auth/setup", {}, 200),
    ("/auth/none", {}, 404),
    ("/", {}, 401),
    ("/", {"accept": "text/html"}, 303),
    ("/", {"host": "evil.example"}, 421),
    ("/", {"host": "a b"}, 400),
    ("//x", {}, 400),
    ("/assets/x.js", {}, 200),
    ("/assets/missing.js", {}, 404),
]


@pytest.mark.parametrize(("path", "headers", "status"), ANSWERS)
async def test_every_answer_carries_every_header_once(app, path, headers, status):
    answer = await call(app, path, headers=headers)
    assert answer.status == status
    policy = _policy(answer)
    assert policy["default-src"] == "'self'"
    assert policy["object-src"] == policy["base-uri"] == policy["frame-ancestors"] == "'none'"
    assert policy["form-action"] == "'self'"
    assert "unsafe-eval" not in answer.header("content-security-policy")
    assert "unsafe-inline" not in policy["script-src"]
    assert answer.header("x-content-type-options") == "nosniff"
    assert answer.header("x-frame-options") == "DENY"
    assert answer.header("referrer-policy") == "same-origin"
    assert answer.header("cross-origin-opener-policy") == "same-origin"
    assert answer.header("cache-control")
    assert answer.header("server") == "openova"
    assert answer.header("access-control-allow-origin") is None


async def test_inline_scripts_run_by_their_hash_only(app):
    allowed = _policy(await call(app, "/assets/x.js"))["script-src"].split()
    scripts = re.findall(r"<script(?: type[^>]*)?>(.*?)</script>", PAGE, re.S)
    scripts.append(scripts[0].replace("theme", "other\n"))
    hashes = {f"'sha256-{base64.b64encode(hashlib.sha256(s.encode()).digest()).decode()}'" for s in scripts}
    assert set(allowed) == {"'self'", *hashes}


def test_without_a_build_no_inline_script_runs():
    assert script_hashes(None) == []


@pytest.mark.parametrize(
    ("console", "headers", "sources"),
    [
        ({}, {"host": "localhost:9000"}, "'self' ws://localhost:9000"),
        ({}, {"host": "[::1]:8000"}, "'self' ws://[::1]:8000"),
        ({"public_url": "https://c.example"}, {"host": "c.example"}, "'self' wss://c.example"),
        ({"trusted_proxy_hops": 1}, {"x-forwarded-proto": "https"}, "'self' wss://localhost"),
        ({}, {"host": "evil.example; script-src *"}, "'self'"),
        ({}, {"host": "evil.example"}, "'self'"),
    ],
)
async def test_only_our_own_websocket_may_be_reached(make_app, console, headers, sources):
    assert _policy(await call(make_app(**console), "/healthz", headers=headers))["connect-src"] == sources


async def test_https_is_remembered_over_https_only(make_app):
    app = make_app(public_url="https://c.example")
    assert (await call(app, "/healthz", headers={"host": "c.example"})).header("strict-transport-security") == "max-age=31536000"
    assert (await call(app, "/healthz")).header("strict-transport-security") is None


@pytest.mark.parametrize(
    ("path", "kept"),
    [
        ("/assets/index-a1b2.js", "public, max-age=31536000, immutable"),
        ("/assets/missing.js", "no-cache"),
        ("/openova.css", "no-cache"),
        ("/auth/setup", "no-store"),
        ("/healthz", "no-store"),
        ("/readyz", "no-store"),
    ],
)
async def test_what_may_be_kept(app, path, kept):
    assert (await call(app, path)).header("cache-control") == kept


async def test_a_websocket_passes_untouched():
    seen = []

    async def inner(scope, receive, send):
        seen.append((receive, send))

    await SecurityHeaders(inner)({"type": "websocket"}, 1, 2)
    assert seen == [(1, 2)]


async def test_the_environment_file_holds_no_port_and_is_never_kept_or_compressed(app):
    answer = await call(app, "/assets/reflex-env-AbC1.js", headers={"host": "localhost:9000", "accept-encoding": "gzip, br"})
    assert answer.status == 200
    assert answer.header("content-type").startswith("text/javascript")
    assert answer.header("cache-control") == "no-store"
    assert answer.header("content-encoding") is None
    assert "8000" not in answer.text
    assert "localhost:" not in answer.text
    assert answer.text.endswith("export{e as t};")


@pytest.mark.parametrize("quote", ["`", '"', "'"])
def test_every_address_comes_from_the_browser(quote):
    module = rewritten(BUILT.replace("`", quote))
    assert f"PING:openovaHttp+{quote}/ping{quote}" in module
    assert f"EVENT:openovaWs+{quote}/_event{quote}" in module
    assert f"TRANSPORT:{quote}websocket{quote}" in module
    assert not re.search(r"(http|ws)s?://", module)


def test_a_default_export_is_kept():
    assert rewritten('export default {EVENT:"ws://localhost:3000/_event"}').endswith('export default {EVENT:openovaWs+"/_event"}')


def test_a_build_of_another_shape_is_refused_in_one_sentence(build):
    with pytest.raises(BuildError, match="pinned Reflex version"):
        rewritten("export{};")
    (build / "assets" / "reflex-env-AbC1.js").unlink()
    with pytest.raises(BuildError, match="holds 0 files"):
        env_routes(build)


async def test_without_a_build_the_file_is_not_ours(engine):
    assert env_routes(None) == []
