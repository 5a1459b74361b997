"""Who is told of what: webhooks and mailboxes, each with the events that it wants. Nothing is sent to anybody else."""

import ipaddress
import re
from pathlib import Path
from typing import Annotated, Literal, Self

from pydantic import AfterValidator, Field, IPvAnyNetwork, SecretStr, model_validator
from pydantic_core import PydanticCustomError

from openova_console.settings.base import Identifier, Port, Seconds, Section

_URL = re.compile(
    r"^(https?)://([A-Za-z0-9._-]{1,253}|\[[0-9A-Fa-f:.]{2,45}\])(?::([0-9]{1,5}))?((?:/[^\s#\\\"<>\x00-\x1f\x7f-\U0010ffff]*)?)$"
)
_MAILBOX = re.compile(r"[A-Za-z0-9.!#$%&'*+/=?^_`{|}~-]{1,64}@[A-Za-z0-9-]+(\.[A-Za-z0-9-]+)*")
_EVENTS = re.compile(r"\*|[a-z0-9_-]+(\.[a-z0-9_-]+)*(\.\*)?")
_PLAIN_HELP = "use https://, or say allow_plain: true"


def _events(value: str) -> str:
    if not _EVENTS.fullmatch(value):
        raise ValueError('must be "*", a name such as run.asks, or all below one as "approval.*"')
    return value


def _mailbox(value: str) -> str:
    if not _MAILBOX.fullmatch(value) or len(value) > 254:
        raise ValueError("must be a mail address such as ops@acme.example, without a display name")
    return value


def _some(value: tuple[str, ...]) -> tuple[str, ...]:
    if not value:
        raise ValueError("must have at least one entry")
    return value


Pattern = Annotated[str, AfterValidator(_events)]
Mailbox = Annotated[str, AfterValidator(_mailbox)]


class Target(Section):
    """What every target has."""

    name: Identifier = Field(description="Its own name; deliveries and dead letters are kept under it")
    events: Annotated[tuple[Pattern, ...], AfterValidator(_some)] = Field(
        ("*",), description='Which events: names, or "approval.*" for all below'
    )
    urgent_only: bool = Field(False, description="Only what somebody has to look at at once")
    allow_private: bool = Field(False, description="Whether it may lie at a private or loopback address")
    networks: tuple[IPvAnyNetwork, ...] = Field((), description="If set, the only networks in which it may lie")
    ca_file: Path | None = Field(None, description="The only authority to trust; by default the system's")

    def wants(self, event: str, *, urgent: bool) -> bool:
        """Whether this target is told of an event."""
        if self.urgent_only and not urgent:
            return False
        return any(p in ("*", event) or (p.endswith(".*") and event.startswith(p[:-1])) for p in self.events)


class Webhook(Target):
    """An address that takes messages as Slack and Mattermost do. Such an address is a secret: `url_file` keeps it in a file."""

    kind: Literal["webhook"]
    url: SecretStr | None = Field(None, description="https://…")
    url_file: Path | None = Field(None, description="A file with the address, instead of url")
    secret_file: Path | None = Field(None, description="Key that signs messages: whsec_ and 24 to 64 bytes as base64")
    allow_plain: bool = Field(False, description="Whether http is allowed; to loopback it always is")

    @model_validator(mode="after")
    def _one_address(self) -> Self:
        if (self.url is None) is (self.url_file is None):
            raise PydanticCustomError("target", "needs either url or url_file")
        if self.url is not None and (wrong := HookAddress.against(self.url.get_secret_value(), allow_plain=self.allow_plain)):
            # The sentence stands for the value, which may be a secret and is not shown.
            raise PydanticCustomError("target", "url {wrong}", {"wrong": wrong})
        return self


class Email(Target):
    """Mailboxes, reached through a mail server (SMTP submission)."""

    kind: Literal["email"]
    host: str = Field(pattern=r"^[A-Za-z0-9._:-]{1,253}$", description="The mail server")
    port: Port | None = Field(None, description="587 for starttls, 465 for tls, 25 for plain")
    security: Literal["starttls", "tls", "plain"] = Field("starttls", description="plain is for a server on loopback only")
    username: str = Field("", max_length=200)
    password_file: Path | None = None
    sender: Mailbox
    recipients: Annotated[tuple[Mailbox, ...], AfterValidator(_some)] = Field(max_length=50)

    @model_validator(mode="after")
    def _possible(self) -> Self:
        if self.security == "plain" and not is_loopback(self.host):
            raise PydanticCustomError("target", "security: plain is for a server on loopback only; use starttls or tls")
        if bool(self.username) is not (self.password_file is not None):
            raise PydanticCustomError("target", "username and password_file belong together: give both or neither")
        return self

    @property
    def at_port(self) -> int:
        """The port, given or usual."""
        return self.port or {"starttls": 587, "tls": 465, "plain": 25}[self.security]


AnyTarget = Annotated[Webhook | Email, Field(discriminator="kind")]


class NotifySettings(Section):
    """What people must hear of, and how hard the console tries to tell them."""

    targets: tuple[AnyTarget, ...] = Field((), max_length=50)
    attempts: int = Field(15, ge=1, le=100, description="A message that failed so often is a dead letter")
    first_pause_s: Seconds = Field(10, description="Pause after the first failure; each further one is twice as long")
    longest_pause_s: Seconds = Field(3600, description="But no pause is longer than this")
    timeout_s: float = Field(10, gt=0, le=120, description="For one message: finding, connecting, sending, and the answer")

    @model_validator(mode="after")
    def _consistent(self) -> Self:
        names = [target.name for target in self.targets]
        if twice := sorted({name for name in names if names.count(name) > 1}):
            raise ValueError(f"two targets are called {', '.join(twice)}; give each its own name")
        if self.first_pause_s > self.longest_pause_s:
            raise ValueError("first_pause_s must not be longer than longest_pause_s")
        return self


class HookAddress:
    """A webhook's address, taken apart by one strict rule, so that no two readers can see two hosts in it."""

    def __init__(self, text: str) -> None:
        found = _URL.fullmatch(text)
        if found is None:
            raise ValueError("is no address as https://host/path, without user, fragment or other special characters")
        self.scheme, self.host = found[1], found[2].strip("[]")
        self.port = int(found[3]) if found[3] else {"https": 443, "http": 80}[self.scheme]
        self.named = found[2] + (f":{found[3]}" if found[3] else "")
        self.path = found[4] or "/"
        if not 1 <= self.port <= 65535:
            raise ValueError("names a port that does not exist")

    @classmethod
    def against(cls, text: str, *, allow_plain: bool) -> str:
        """What is wrong with an address, as the end of a sentence that never shows it; "" when it can be used."""
        try:
            address = cls(text)
        except ValueError as error:
            return str(error)
        plain = address.scheme == "http" and not (allow_plain or is_loopback(address.host))
        return f"is not encrypted and leaves this machine: {_PLAIN_HELP}" if plain else ""


def is_loopback(host: str) -> bool:
    """Whether a host is this machine by its very name."""
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host.lower() == "localhost"
