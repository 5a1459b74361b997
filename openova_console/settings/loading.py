"""Reads the settings file and says every mistake in it: where it is, what is wrong, what would be right."""

import os
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeVar

import yaml
from pydantic import BaseModel, ValidationError

from openova_console.settings.root import Settings

_Model = TypeVar("_Model", bound=BaseModel)
_TAGS = ("webhook", "email")
"""What pydantic puts into a place to say which kind of a list's item it took; the file has no such key there."""


@dataclass(frozen=True, slots=True)
class Mistake:
    """One mistake in the settings: dotted path, what is wrong, what would be right."""

    path: str
    wrong: str
    right: str

    def __str__(self) -> str:
        return f"{self.path}: {self.wrong}" + (f". {self.right}" if self.right else "")


class SettingsError(Exception):
    """The settings cannot be used; `mistakes` has one entry each."""

    def __init__(self, mistakes: list[Mistake]) -> None:
        super().__init__("\n".join(str(m) for m in mistakes))
        self.mistakes = mistakes


def load(path: Path | None = None) -> Settings:
    """Read the settings.

    Args:
        path: YAML file; by default the one named by `OPENOVA_CONFIG`.

    Raises:
        SettingsError: with every mistake, when the file cannot be read or does not describe a usable console.
    """
    path = path or (Path(os.environ["OPENOVA_CONFIG"]) if os.environ.get("OPENOVA_CONFIG") else None)
    if path is None:
        raise SettingsError([Mistake("OPENOVA_CONFIG", "no settings file is named", "Set it to the path of a YAML file")])
    document = _read(path)
    try:
        settings = Settings(**document)
    except ValidationError as error:
        raise SettingsError([_mistake(e) for e in error.errors(include_url=False)]) from None
    return _resolve_paths(settings, path.absolute().parent)


def _read(path: Path) -> dict[str, Any]:
    try:
        document = yaml.safe_load(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise SettingsError([Mistake(str(path), f"cannot be read: {error.strerror}", "Name a readable YAML file")]) from None
    except UnicodeDecodeError:
        raise SettingsError([Mistake(str(path), "is not text in UTF-8", "Name a YAML file")]) from None
    except yaml.YAMLError as error:
        mark = getattr(error, "problem_mark", None)
        where = f"line {mark.line + 1}, column {mark.column + 1}" if mark else "the file"
        wrong = f"is not YAML: {getattr(error, 'problem', None) or 'cannot be parsed'}"
        raise SettingsError([Mistake(f"{path}, {where}", wrong, "Mend the syntax there")]) from None
    if not isinstance(document, dict) or not all(isinstance(k, str) for k in document):
        raise SettingsError([Mistake(str(path), "is not a mapping of names to values", "Start from examples/production.yaml")])
    return document


def _mistake(error: Any) -> Mistake:
    path = ""
    for before, part in zip((None, *error["loc"]), error["loc"], strict=False):
        if isinstance(before, int) and part in _TAGS:
            continue
        path += f"[{part}]" if isinstance(part, int) else f"{'.' if path else ''}{part}"
    kind, message = error["type"], error["msg"]
    if kind == "extra_forbidden":
        return Mistake(path, "is not a setting", "Remove it, or mend its spelling")
    if kind == "missing":
        return Mistake(path, "is missing", "Add it")
    message = message.removeprefix("Value error, ")
    given = error.get("input")
    shown = f" (it is {given!r})" if isinstance(given, str | int | float | bool) else ""
    return Mistake(path or "settings", message[0].lower() + message[1:] + shown, "")


def _resolve_paths(section: _Model, base: Path) -> _Model:
    """The same settings with every relative path taken from the settings file's own folder."""
    changes: dict[str, Any] = {}
    for name in type(section).model_fields:
        value = getattr(section, name)
        if isinstance(value, Path):
            changes[name] = value if value.is_absolute() else base / value
        elif isinstance(value, BaseModel):
            changes[name] = _resolve_paths(value, base)
        elif isinstance(value, tuple) and value and all(isinstance(v, BaseModel) for v in value):
            changes[name] = tuple(_resolve_paths(v, base) for v in value)
    return section.model_copy(update=changes)
