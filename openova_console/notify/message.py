"""One notification as people read it, in a chat and as a mail. The link leads into the console and survives sign-in."""

import json
from dataclasses import dataclass
from datetime import datetime
from email.message import EmailMessage
from email.utils import format_datetime

from openova_console.settings import Settings
from openova_console.store.change_tables import NotificationRow

_RED, _BLUE = "#b42318", "#175cd3"
_CHAT_LIMIT = 3000
"""Characters of a text that a chat gets: Mattermost takes about 16 000 in all, and escaping makes up to five of one."""


@dataclass(frozen=True, slots=True)
class Message:
    """What is said.

    Attributes:
        id: the notification's: receivers drop a second message with the same one.
        link: the whole address of the page, or its path where the console's own address is not in the settings.
        place: the environment's name: which platform speaks.
    """

    id: str
    event: str
    title: str
    text: str
    link: str
    urgent: bool
    at: datetime
    place: str


def message_of(row: NotificationRow, settings: Settings) -> Message:
    """A notification as it is sent. The console's address is `console.public_url`."""
    base = (settings.console.public_url or "").rstrip("/")
    return Message(
        id=row.id,
        event=row.event,
        title=_line(row.title),
        text=row.text,
        link=base + row.link,
        urgent=row.urgent,
        at=row.at,
        place=settings.environment.name,
    )


def chat_body(message: Message) -> bytes:
    """The JSON that incoming webhooks of Slack and Mattermost both read: `text` and one attachment.

    What people wrote is escaped: it can neither call a whole channel nor hide a link.
    """
    title, text = _chat(message.title), _chat(_cut(message.text))
    away = message.link.startswith("http")
    attachment = {
        "fallback": f"{title} {message.link}",
        "color": _RED if message.urgent else _BLUE,
        "title": title,
        "text": text if away else f"{text}\nIn the console: {message.link}",
        "mrkdwn_in": [],
        "fields": [
            {"title": "Event", "value": message.event, "short": True},
            {"title": "Platform", "value": _chat(message.place), "short": True},
        ],
        "ts": int(message.at.timestamp()),
    } | ({"title_link": message.link} if away else {})
    head = f"{'Urgent: ' if message.urgent else ''}{title}"
    return json.dumps({"text": f"{head}\n{message.link}" if away else head, "attachments": [attachment]}).encode()


def mail(message: Message, *, sender: str, recipients: tuple[str, ...]) -> EmailMessage:
    """The mail. Its Message-ID is made from the notification's id, so that a second one can be told from a new one."""
    made = EmailMessage()
    made["From"], made["To"] = sender, ", ".join(recipients)
    made["Subject"] = f"[{_line(message.place)}] {'Urgent: ' if message.urgent else ''}{message.title}"
    made["Date"] = format_datetime(message.at)
    made["Message-ID"] = f"<{message.id}@{sender.rpartition('@')[2]}>"
    made["Auto-Submitted"] = "auto-generated"
    if message.urgent:
        made["Importance"] = "high"
    where = message.link if message.link.startswith("http") else f"In the console: {message.link}"
    text = "\n".join(message.text.splitlines())
    made.set_content(f"{text}\n\n{where}\n\nEvent {message.event}, {message.at:%Y-%m-%d %H:%M:%S} UTC\n")
    return made


def _line(text: str) -> str:
    return " ".join("".join(c if c.isprintable() else " " for c in text).split())


def _cut(text: str) -> str:
    return text if len(text) <= _CHAT_LIMIT else f"{text[:_CHAT_LIMIT]}… (the console has the rest)"


def _chat(text: str) -> str:
    shown = text.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")
    # A zero-width space behind the @: Mattermost would call everybody whom a text mentions.
    return shown.replace("@", "@\u200b").replace("](", "]\u200b(")
