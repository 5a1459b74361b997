"""Settings of those who are told: each mistake is one line that names the place, and never shows an address."""

import re
from pathlib import Path
from typing import Any

import pytest
import yaml

from openova_console.operations import notices
from openova_console.operations.deliveries import TEST_EVENT
from openova_console.settings import SettingsError, load
from openova_console.settings.notify import Email, NotifySettings, Webhook

ROOT = Path(__file__).parents[2]

CHAT = {"name": "chat", "kind": "webhook", "url": "https://hooks.example/services/hush-hush"}
MAIL = {"name": "ops", "kind": "email", "host": "mail.example", "sender": "c@acme.example", "recipients": ["a@acme.example"]}


def written(folder: Path, *targets: Any, **notify: Any) -> Path:
    document = {
        "console": {"looks_from": "region-1"},
        "regions": [{"id": "region-1", "display": "Region 1", "role": "primary", "kubernetes": {"in_cluster": True}}],
        "notify": {"targets": list(targets), **notify},
    }
    path = folder / "console.yaml"
    path.write_text(yaml.safe_dump(document))
    return path


def test_nobody_is_told_of_anything_by_default(tmp_path: Path) -> None:
    assert load(written(tmp_path)).notify.targets == ()


def test_both_kinds_with_files_beside_the_settings(tmp_path: Path) -> None:
    chat = {"name": "chat", "kind": "webhook", "url_file": "url", "secret_file": "key"}
    found = load(written(tmp_path, chat, {**MAIL, "username": "console", "password_file": "password"})).notify.targets
    assert isinstance(found[0], Webhook) and isinstance(found[1], Email)
    assert (found[0].url_file, found[0].secret_file) == (tmp_path / "url", tmp_path / "key")
    assert (found[1].password_file, found[1].at_port) == (tmp_path / "password", 587)
    assert [Email(**{**MAIL, "security": s, "host": "localhost"}).at_port for s in ("tls", "plain")] == [465, 25]  # type: ignore[arg-type]


AT = "notify.targets[0]"
MISTAKES: list[tuple[dict[str, Any], str]] = [
    ({**CHAT, "url": "http://hooks.example/hush-hush"}, f"{AT}: url is not encrypted and leaves this machine"),
    ({**CHAT, "url": "https://me:hush@hooks.example/"}, f"{AT}: url is no address as https://host/path"),
    ({**CHAT, "url": "https://hooks.example:99999/hush"}, f"{AT}: url names a port that does not exist"),
    ({"name": "chat", "kind": "webhook"}, f"{AT}: needs either url or url_file"),
    ({**CHAT, "url_file": "x"}, f"{AT}: needs either url or url_file"),
    ({**CHAT, "events": []}, f"{AT}.events: "),
    ({**CHAT, "events": ["approval*"]}, f"{AT}.events[0]: "),
    ({**CHAT, "colour": "blue"}, f"{AT}.colour: is not a setting"),
    ({**CHAT, "networks": ["10.0.0.1/8"]}, f"{AT}.networks[0]: "),
    ({**CHAT, "name": "Chat Room"}, f"{AT}.name: "),
    ({**CHAT, "kind": "pigeon"}, f"{AT}: "),
    ({**MAIL, "security": "plain"}, f"{AT}: security: plain is for a server on loopback only"),
    ({**MAIL, "username": "console"}, f"{AT}: username and password_file belong together"),
    ({**MAIL, "password_file": "x"}, f"{AT}: username and password_file belong together"),
    ({**MAIL, "sender": "c@acme.example\nBcc: x@evil.example"}, f"{AT}.sender: "),
    ({**MAIL, "recipients": ["nobody"]}, f"{AT}.recipients[0]: "),
    ({**MAIL, "recipients": []}, f"{AT}.recipients: "),
    ({**MAIL, "host": "mail example"}, f"{AT}.host: "),
]


@pytest.mark.parametrize(("target", "line"), MISTAKES)
def test_each_mistake_is_one_line_that_shows_nothing_secret(target: dict[str, Any], line: str, tmp_path: Path) -> None:
    with pytest.raises(SettingsError) as error:
        load(written(tmp_path, target))
    assert len(error.value.mistakes) == 1
    assert str(error.value.mistakes[0]).startswith(line)
    assert "hush" not in str(error.value)


def test_two_targets_need_two_names(tmp_path: Path) -> None:
    with pytest.raises(SettingsError) as error:
        load(written(tmp_path, CHAT, {**MAIL, "name": "chat"}))
    assert str(error.value) == "notify: two targets are called chat; give each its own name"


def test_the_first_pause_is_not_the_longest(tmp_path: Path) -> None:
    with pytest.raises(SettingsError) as error:
        load(written(tmp_path, CHAT, first_pause_s=20, longest_pause_s=10))
    assert str(error.value) == "notify: first_pause_s must not be longer than longest_pause_s"


def test_what_the_example_shows_can_be_used_as_it_stands(tmp_path: Path) -> None:
    text = (ROOT / "examples" / "production.yaml").read_text(encoding="utf-8")
    _, begin, rest = text.partition("# notify:\n")
    lines = (begin + rest.partition("\n\n")[0]).splitlines()
    path = tmp_path / "production.yaml"
    path.write_text(text + "\n" + "\n".join(line.removeprefix("# ") for line in lines) + "\n", encoding="utf-8")
    notify = load(path).notify
    assert [(target.kind, target.name) for target in notify.targets] == [("webhook", "chat"), ("email", "on-call")]
    assert notify.model_dump(exclude={"targets"}) == NotifySettings().model_dump(exclude={"targets"}), "the defaults are shown"


def test_every_event_that_the_engine_tells_of_is_documented() -> None:
    told = set(re.findall(r'"([a-z_]+\.[a-z_]+)"', Path(notices.__file__).read_text(encoding="utf-8")))
    rows = (ROOT / "docs" / "notifications.md").read_text(encoding="utf-8").partition("\n\nA target takes")[0]
    assert set(re.findall(r"`([a-z_]+\.[a-z_]+)`", rows.partition("| event |")[2])) == told | {TEST_EVENT}


def test_an_address_is_not_shown_with_the_settings(tmp_path: Path) -> None:
    assert "hush" not in repr(load(written(tmp_path, CHAT)))
