"""A browser without scripts for the plain pages, around the whole way in: it keeps cookies, sends Origin and fills forms."""

from html.parser import HTMLParser
from urllib.parse import urlencode

import pytest

from openova_console.access.identity import WhoCache
from openova_console.api.health import Readiness
from openova_console.api.routes import wrap
from tests.support.consoles import PASSWORD, call, settings_with


class Fields(HTMLParser):
    """The forms of a page, and what is announced."""

    def __init__(self, text):
        super().__init__()
        self.forms, self.alert, self._alert = [], "", False
        self.labels, self.inputs = set(), []
        self.feed(text)

    def handle_starttag(self, tag, attrs):
        attrs = dict(attrs)
        if tag == "form":
            self.forms.append({"action": attrs["action"], "method": attrs["method"], "fields": {}})
        if tag == "input":
            self.forms[-1]["fields"][attrs["name"]] = attrs.get("value") or ""
            self.inputs.append(attrs)
        if tag == "label":
            self.labels.add(attrs["for"])
        self._alert = self._alert or attrs.get("role") == "alert"

    def handle_endtag(self, tag):
        if tag == "div":
            self._alert = False

    def handle_data(self, data):
        if self._alert:
            self.alert += data


class Browser:
    """Keeps cookies, sends Origin, follows nothing by itself."""

    def __init__(self, app, host="localhost", scheme="http", client=("192.0.2.7", 1)):
        self.app, self.host, self.scheme, self.client = app, host, scheme, client
        self.cookies, self.set_cookies = {}, []

    async def send(self, path, method="GET", fields=None, **headers):
        path, _, query = path.partition("?")
        sent = {"host": self.host, "accept": "text/html", "user-agent": "Test <b>Browser</b>"}
        if self.cookies:
            sent["cookie"] = "; ".join(f"{k}={v}" for k, v in self.cookies.items())
        if method == "POST":
            sent |= {"origin": f"{self.scheme}://{self.host}", "content-type": "application/x-www-form-urlencoded"}
        sent |= {name.replace("_", "-"): value for name, value in headers.items()}
        body = urlencode(fields or {}).encode() if not isinstance(fields, bytes) else fields
        answer = await call(self.app, path, query=query, method=method, headers=sent, body=body, client=self.client)
        for cookie in answer.all("set-cookie"):
            self.set_cookies.append(cookie)
            name, _, value = cookie.partition(";")[0].partition("=")
            if "Max-Age=0" in cookie:
                self.cookies.pop(name, None)
            else:
                self.cookies[name] = value
        return answer

    async def fill(self, path, number=0, **fields):
        """Open a page, fill one of its forms, send it."""
        page = Fields((await self.send(path)).text)
        form = page.forms[number]
        return await self.send(form["action"], "POST", form["fields"] | fields)

    async def sign_in(self, name="alice", password=PASSWORD, path="/auth/sign-in"):
        return await self.fill(path, name=name, password=password)


async def reflex(scope, receive, send):
    """Stands for the Reflex application."""
    if scope["type"] == "websocket":
        await receive()
        await send({"type": "websocket.accept"})
        return
    await send({"type": "http.response.start", "status": 200, "headers": [(b"server", b"x")]})
    await send({"type": "http.response.body", "body": b"the console"})


@pytest.fixture
def make_app(engine, clock):
    def make(**console):
        settings = settings_with(**console)
        cache = WhoCache(engine, settings.console, now=clock.now, clock=clock.monotonic)
        return wrap(reflex, settings=settings, engine=engine, who=cache, readiness=Readiness(), now=clock.now)

    return make


@pytest.fixture
def app(make_app):
    return make_app()


@pytest.fixture
def browser(app):
    return Browser(app)
