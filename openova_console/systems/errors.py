"""What can go wrong when another system is asked: one narrow tree, each error with the sentence that a person reads.

A sentence names the system, says what happened and, where something can be done, what. It never carries text from the
other side's answer (which may hold secrets or markup), only statuses and words that are checked against a pattern.
"""


class Fault(Exception):
    """Another system could not be read.

    Attributes:
        source: the system in words, e.g. "Region 1's Prometheus".
        sentence: what happened, for people; starts with the source, has no full stop.
        call: what was asked, as "Show source" prints it; empty when it never came to a call.
    """

    def __init__(self, source: str, sentence: str, *, call: str = "") -> None:
        super().__init__(sentence)
        self.source = source
        self.sentence = sentence
        self.call = call


class Misconfigured(Fault):
    """A file or a value in the settings cannot be used (unreadable token, unknown context)."""


class Unreachable(Fault):
    """No answer: the name does not resolve, the port refuses, the connection breaks.

    Attributes:
        sent: whether the question may have reached the other side. Only False is certain: then nothing was changed.
    """

    def __init__(self, source: str, sentence: str, *, call: str = "", sent: bool = True) -> None:
        super().__init__(source, sentence, call=call)
        self.sent = sent


class TimedOut(Unreachable):
    """No answer, or not the whole answer, within the deadline."""


class TlsFailed(Unreachable):
    """The other side could not prove who it is."""


class Refused(Fault):
    """401: the credentials are not accepted. 403: they do not suffice."""

    def __init__(self, source: str, sentence: str, *, status: int, call: str = "") -> None:
        super().__init__(source, sentence, call=call)
        self.status = status


class NotInstalled(Fault):
    """404 of a whole API group or route: the system does not have this part."""


class Absent(Fault):
    """404 of one object where the API itself is there."""


class Overloaded(Fault):
    """429 or 503; `retry_after_s` is the other side's own wish, if it gave one."""

    def __init__(
        self, source: str, sentence: str, *, status: int = 503, retry_after_s: float | None = None, call: str = ""
    ) -> None:
        super().__init__(source, sentence, call=call)
        self.status = status
        self.retry_after_s = retry_after_s


class Conflict(Fault):
    """409: the object has moved on (`reason` Conflict) or exists already (AlreadyExists). Read and compare again."""

    def __init__(self, source: str, sentence: str, *, reason: str = "", call: str = "") -> None:
        super().__init__(source, sentence, call=call)
        self.reason = reason


class Expired(Fault):
    """410: the resource version or the page token is too old; list again."""


class Failed(Fault):
    """Any other refusal: a question that the system does not accept (400, 422) or its own failure (500)."""

    def __init__(self, source: str, sentence: str, *, status: int, reason: str = "", call: str = "") -> None:
        super().__init__(source, sentence, call=call)
        self.status = status
        self.reason = reason


class Malformed(Fault):
    """An answer that is not what the protocol promises; `path` is the place in the document, empty for all of it."""

    def __init__(self, source: str, sentence: str, *, path: str = "", call: str = "") -> None:
        super().__init__(source, sentence, call=call)
        self.path = path


class TooLarge(Malformed):
    """An answer beyond the limit; it was not read to its end."""
