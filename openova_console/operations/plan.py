"""A plan: the ordered steps of one operation, every write as it will be sent. Data only, so that it can be stored and hashed.

What a step does is told by its `action`, which names a handler in `operations.steps`. The plan that was approved is the plan
that runs: a handler adds nothing to a write but the object's fresh resource version.
"""

from collections.abc import Mapping
from typing import Any

from pydantic import BaseModel, ConfigDict, Field

from openova_console.systems.kinds import Resource


class Data(BaseModel):
    """Immutable data of the engine; an unknown field is a mistake."""

    model_config = ConfigDict(frozen=True, extra="forbid")


class ObjectRef(Data):
    """One Kubernetes object in one region."""

    region: str
    group: str
    version: str
    plural: str
    namespace: str
    name: str

    @classmethod
    def of(cls, region: str, resource: Resource, namespace: str, name: str) -> "ObjectRef":
        """The reference to an object of this kind."""
        return cls(
            region=region,
            group=resource.group,
            version=resource.version,
            plural=resource.plural,
            namespace=namespace,
            name=name,
        )

    @property
    def resource(self) -> Resource:
        """The kind, as the adapter wants it."""
        return Resource(self.group, self.version, self.plural)

    @property
    def key(self) -> str:
        """The object in one word, e.g. "region-1/deployments.apps/shop/checkout"."""
        kind = f"{self.plural}.{self.group}" if self.group else self.plural
        return f"{self.region}/{kind}/{self.namespace}/{self.name}"

    @property
    def path(self) -> str:
        """The object's address below its API server."""
        return self.resource.path(self.namespace, self.name)


class Step(Data):
    """One step.

    Attributes:
        action: which handler interprets it, e.g. "kubernetes.patch".
        system: what it talks to, in words.
        method: the verb as sent, "" where nothing is written.
        object: what is written to, or watched.
        body: what is sent, without the resource version that is read right before.
        relies_on: dotted field → the value that it must still have right before the write.
        observe: dotted field → the value by which the write is known to have landed.
        arguments: anything else that the handler needs (a verifier's target).
        undo: how a person takes it back; empty when that cannot be done.
        skippable: whether a person may skip it, with a reason.
        abort_before: whether the operation may be stopped before this step.
        closing: whether it verifies the whole operation rather than changing something.
        timeout_s: seconds for its verification.
    """

    title: str
    action: str
    system: str
    method: str = ""
    object: ObjectRef | None = None
    body: Mapping[str, Any] = Field(default_factory=dict)
    relies_on: Mapping[str, Any] = Field(default_factory=dict)
    observe: Mapping[str, Any] = Field(default_factory=dict)
    arguments: Mapping[str, Any] = Field(default_factory=dict)
    undo: str = ""
    skippable: bool = False
    abort_before: bool = True
    closing: bool = False
    timeout_s: float = 60

    @property
    def writes(self) -> bool:
        """Whether it changes anything."""
        return bool(self.method)


class Plan(Data):
    """The whole. `timeout_s` is for all steps together, without the time in which a person is asked."""

    steps: tuple[Step, ...]
    timeout_s: float = 1800

    @property
    def regions(self) -> tuple[str, ...]:
        """Regions that are written to."""
        return tuple(dict.fromkeys(s.object.region for s in self.steps if s.writes and s.object is not None))
