"""The Prometheus text format, read strictly: whatever is not it is `Malformed`.

Only the wanted metrics are parsed (a MinIO endpoint has thousands of lines); the others are merely checked for their form.
"""

import math
import re
from collections.abc import Collection
from dataclasses import dataclass

from prometheus_client.parser import text_string_to_metric_families

from openova_console.systems.errors import Malformed

_LINE = re.compile(rb"^([a-zA-Z_:][a-zA-Z0-9_:]*)(\{.*\})?[ \t]+[^ \t]+([ \t]+-?[0-9]+)?$")


@dataclass(frozen=True, slots=True)
class Sample:
    """One line: name, labels, value (finite)."""

    name: str
    labels: dict[str, str]
    value: float


def parse(body: bytes, wanted: Collection[str], source: str, call: str = "") -> tuple[Sample, ...]:
    """The samples of the wanted metrics; those that are not a finite number are left out.

    Raises:
        Malformed: a line is none of the format, or the last one is cut off.
    """
    if body[:64].lstrip(b"\xef\xbb\xbf \t\r\n")[:1] == b"<":
        why = "a web page instead of metrics: is a sign-in page or another service at that address?"
        raise Malformed(source, f"{source} answered with {why}", call=call)
    if body and not body.endswith(b"\n"):
        raise Malformed(source, f"{source} gave metrics that are cut short, or something that is none", call=call)
    names = {name.encode() for name in wanted}
    kept = []
    for line in body.splitlines():
        if not line.strip() or line.startswith(b"#"):
            continue
        match = _LINE.match(line)
        if match is None:
            raise Malformed(source, f"{source} gave something that is not metrics", call=call)
        if match[1] in names:
            kept.append(line)
    try:
        text = b"\n".join(kept).decode("utf-8") + "\n"
        families = list(text_string_to_metric_families(text))
    except (ValueError, IndexError, KeyError, RecursionError):
        raise Malformed(source, f"{source} gave metrics that cannot be read", call=call) from None
    return tuple(Sample(s.name, dict(s.labels), s.value) for f in families for s in f.samples if math.isfinite(s.value))
