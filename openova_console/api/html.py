"""Plain pages, rendered here without scripts: they work before and without the websocket."""

from collections.abc import Iterable
from html import escape

from starlette.responses import HTMLResponse

from openova_console.settings import Environment


class Markup(str):
    """Text that is HTML already; everything else is escaped."""

    __slots__ = ()


def text(value: object) -> Markup:
    """A value as HTML text."""
    return value if isinstance(value, Markup) else Markup(escape(str(value)))


def join(parts: Iterable[object]) -> Markup:
    """Parts one after the other."""
    return Markup("".join(text(part) for part in parts))


def attributes(**values: object) -> Markup:
    """HTML attributes; True stands alone, False and None are left out, a trailing underscore is dropped."""
    shown = []
    for name, value in values.items():
        name = name.rstrip("_").replace("_", "-")
        if value is True:
            shown.append(f" {name}")
        elif value is not False and value is not None:
            shown.append(f' {name}="{escape(str(value))}"')
    return Markup("".join(shown))


def element(name: str, *inside: object, **attrs: object) -> Markup:
    """An HTML element."""
    return Markup(f"<{name}{attributes(**attrs)}>{join(inside)}</{name}>")


def field(label: str, name: str, *, hint: str = "", **attrs: object) -> Markup:
    """A labelled input, with an optional hint that belongs to it."""
    described = f"{name}-hint" if hint else None
    box = Markup(f"<input{attributes(id=name, name=name, aria_describedby=described, **attrs)}>")
    note = element("p", hint, class_="muted small", id=described) if hint else ""
    return element("div", element("label", label, for_=name), box, note, class_="field")


def form(action: str, csrf: str, *inside: object, **attrs: object) -> Markup:
    """A form that is posted, with the hidden mark that it came from one of these pages."""
    hidden = Markup(f"<input{attributes(type='hidden', name='csrf', value=csrf)}>")
    return element("form", hidden, *inside, method="post", action=action, **attrs)


def error(sentence: str) -> Markup:
    """The sentence that says what went wrong, announced at once; nothing when there is none."""
    if not sentence:
        return Markup("")
    return element("div", element("span", sentence, class_="what"), class_="strip breach", role="alert")


def page(environment: Environment, title: str, *inside: object, status: int = 200) -> HTMLResponse:
    """A whole page: one card under the name of the console and of the environment."""
    kind = Markup(' data-environment="lab"') if environment.kind == "lab" else Markup("")
    head = element("div", element("h1", title), class_="head")
    body = element("div", *inside, class_="body")
    document = f"""<!DOCTYPE html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="color-scheme" content="light dark">
<meta name="robots" content="noindex">
<title>{text(title)} · {text(environment.name)} · OpenOva Console</title>
<link rel="stylesheet" href="/openova.css">
<link rel="icon" href="/favicon.ico">
</head>
<body class="auth"{kind}>
<main>
<p class="brand">OpenOva Console <span class="pill environment {environment.kind}">{text(environment.name)}</span></p>
<section class="card">
{head}
{body}
</section>
</main>
</body>
</html>
"""
    return HTMLResponse(document, status_code=status)
