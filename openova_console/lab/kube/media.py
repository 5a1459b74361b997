"""Content negotiation: whole objects, or their metadata alone (`PartialObjectMetadata`)."""

from dataclasses import dataclass

from openova_console.lab.kube.errors import Refusal
from openova_console.lab.kube.kinds import Kind
from openova_console.lab.kube.records import Record

_META = "meta.k8s.io/v1"
JSON = "application/json"


@dataclass(frozen=True, slots=True)
class View:
    """How objects of one kind are written for one request."""

    kind: Kind
    version: str
    metadata_only: bool

    def _head(self, kind: str, api_version: str) -> bytes:
        return f'{{"kind":"{kind}","apiVersion":"{api_version}",'.encode()

    def one(self, record: Record) -> bytes:
        """An object with its type, as GET and watch events carry it."""
        if self.metadata_only:
            return self._head("PartialObjectMetadata", _META) + record.metadata_body[1:]
        return self._head(self.kind.kind, self.kind.api_version(self.version)) + record.body[1:]

    def item(self, record: Record) -> bytes:
        """An object as an item of a list: built-in kinds leave out the type."""
        return record.body if self.kind.builtin and not self.metadata_only else self.one(record)

    def page(self, records: list[Record], metadata: bytes) -> bytes:
        """A whole list."""
        kind, api_version = f"{self.kind.kind}List", self.kind.api_version(self.version)
        if self.metadata_only:
            kind, api_version = "PartialObjectMetadataList", _META
        items = b",".join([self.item(record) for record in records])
        return self._head(kind, api_version) + b'"metadata":' + metadata + b',"items":[' + items + b"]}"


def view_of(accept: str, kind: Kind, version: str, *, many: bool) -> View:
    """The first acceptable clause of an Accept header decides. Raises `Refusal` 406 when there is none."""
    for clause in (accept or "*/*").split(","):
        media, *parameters = [part.strip() for part in clause.split(";")]
        given = dict(part.split("=", 1) for part in parameters if "=" in part)
        if media.lower() not in (JSON, "application/*", "*/*"):
            continue
        wanted = given.get("as", "")
        if not wanted:
            return View(kind, version, metadata_only=False)
        if given.get("g") == "meta.k8s.io" and given.get("v") == "v1" and wanted in _shapes(many):
            return View(kind, version, metadata_only=True)
        if many and wanted == "PartialObjectMetadata":
            told = f"you requested PartialObjectMetadata, but the requested object is a list (*{kind.kind}List)"
            raise Refusal(406, "NotAcceptable", told)
    told = f"406: Not Acceptable\n\nAvailable representations: {JSON}, {JSON};stream=watch"
    raise Refusal(406, "NotAcceptable", told, details={})


def _shapes(many: bool) -> tuple[str, ...]:
    return ("PartialObjectMetadataList",) if many else ("PartialObjectMetadata",)
