"""Asking for an operation: parse, gather, plan, rule, and write it down once per idempotency key.

Nothing is written while a guard stands against it, unless a person with the right sets that guard aside, one by one, with a
reason and an incident. The same key with the same words gives the same operation; with other words it is a mistake.
"""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from sqlmodel import Session

from openova_console.access.caller import Caller
from openova_console.handbook.canonical import canonical, sha256_of
from openova_console.operations import ledger
from openova_console.operations.authority import against_override, against_reason, against_request
from openova_console.operations.catalogue import CATALOGUE, policy_document, policy_version
from openova_console.operations.guards import CATALOGUE as GUARDS
from openova_console.operations.guards import Ruling
from openova_console.operations.judging import Judged
from openova_console.operations.kinds.names import id_of
from openova_console.operations.operation import BadParams, Operation, Policy, Request
from openova_console.operations.plan import Plan
from openova_console.operations.signing import digest_of
from openova_console.operations.words import State
from openova_console.store.change_tables import OperationRow

KEY_LIMIT = 120


class Refused(Exception):
    """A request or a decision is not accepted.

    Attributes:
        code: a stable word for machines, e.g. "guard", "role", "state", "not-found", "conflict", "params", "reason".
        rulings: the guards that stand against it.
        mistakes: by field, where parameters are wrong.
    """

    def __init__(
        self, code: str, sentence: str, *, rulings: tuple[Ruling, ...] = (), mistakes: Mapping[str, str] | None = None
    ) -> None:
        super().__init__(sentence)
        self.code, self.sentence, self.rulings, self.mistakes = code, sentence, rulings, dict(mistakes or {})


@dataclass(frozen=True, slots=True)
class Preview:
    """What would happen, and what stands against it. Nothing was written.

    Attributes:
        needed: how many people would have to say yes to exactly this; None when that cannot be told.
    """

    operation: Operation
    plan: Plan | None
    judged: Judged | None
    policy: Policy
    title: str
    refusals: tuple[str, ...]
    needed: int | None = None

    @property
    def possible(self) -> bool:
        """Whether a request would be accepted at this moment."""
        return not self.refusals and self.plan is not None and self.judged is not None and not self.judged.against


def kind_of(kind: str) -> Operation:
    """The kind. Raises `Refused`."""
    operation = CATALOGUE.get(kind) if isinstance(kind, str) else None
    if operation is None:
        raise Refused("not-found", f"There is no operation of kind {str(kind)[:40]!r}: see the list of kinds.")
    return operation


def params_of(operation: Operation, params: Any) -> Any:
    """The parsed parameters. Raises `Refused`."""
    from openova_console.operations.operation import parse

    try:
        return parse(operation, params)
    except BadParams as bad:
        sentence = "; ".join(f"{field} {why}" for field, why in bad.mistakes.items())
        raise Refused("params", f"The parameters cannot be used: {sentence}.", mistakes=bad.mistakes) from None


def check_words(
    caller: Caller, operation: Operation, params: Any, policy: Policy, reason: str, key: str, overrides: Mapping[str, str]
) -> None:
    """Everything about a request that can be refused without looking at the platform. Raises `Refused`."""
    if against := against_request(caller, operation, policy) or operation.asks(caller, params):
        raise Refused("role", against)
    if against := against_reason(reason):
        raise Refused("reason", against, mistakes={"reason": against})
    if not key or len(key) > KEY_LIMIT or not key.isprintable():
        sentence = f"An idempotency key of 1 to {KEY_LIMIT} printable characters is needed."
        raise Refused("params", sentence, mistakes={"idempotency_key": sentence})
    for guard_id, why in overrides.items():
        guard = GUARDS.get(guard_id)
        if guard is None or guard.override is None:
            raise Refused("override", f"The guard {guard_id[:40]!r} cannot be set aside by anybody.")
        if against := against_override(caller, policy, guard.override):
            raise Refused("override", against)
        if against := against_reason(why):
            raise Refused("reason", f"Setting {guard_id} aside: {against}", mistakes={f"overrides.{guard_id}": against})


def operation_id(caller: Caller, key: str) -> str:
    """The deterministic id of this caller's request under this key."""
    return id_of("request", caller.kind, caller.user_id if caller.user_id is not None else caller.name, key)


def words_digest(kind: str, params: Any, reason: str, overrides: Mapping[str, str]) -> str:
    """What must be the same when a key comes again."""
    return sha256_of({"kind": kind, "params": params.model_dump(mode="json"), "reason": reason, "overrides": dict(overrides)})


def write(
    opened: Session,
    *,
    request: Request,
    operation: Operation,
    policy: Policy,
    caller: Caller,
    reason: str,
    overrides: Mapping[str, str],
    incident_id: str | None,
    standing_id: str | None,
    needed: int,
    why: str,
    judged: Judged,
    plan: Plan,
    now: datetime,
) -> OperationRow:
    """Write the operation with everything that people decide on. `why`: why it waits for people, when that needs saying."""
    params = request.params.model_dump(mode="json")
    digest = digest_of(
        kind=operation.kind,
        params=params,
        plan=plan,
        policy_version=policy_version(policy),
        overrides=overrides,
        facts=judged.facts,
    )
    state = State.APPROVED if needed == 0 else State.PENDING
    waits = f"Waits for approval: {why}" if why else "Waits for approval"
    row = OperationRow(
        id=request.operation_id,
        kind=operation.kind,
        verb=request.target.verb,
        title=request.target.title,
        region=request.target.region,
        lane=request.target.lane,
        params=canonical(params),
        plan=canonical(plan.model_dump(mode="json")),
        evidence=canonical(judged.evidence.model_dump(mode="json")),
        facts=ledger.facts_text(judged.facts),
        guards=canonical([ruling.model_dump(mode="json") for ruling in judged.rulings]),
        overrides=canonical(dict(overrides)),
        digest=digest,
        policy=canonical(policy_document(policy)),
        request_sha256=words_digest(operation.kind, request.params, reason, overrides),
        state=state.value,
        sentence=waits if needed else "Approved; waits for its turn",
        actor=caller.label,
        owner_id=caller.user_id,
        caller=caller.kind,
        reason=reason,
        incident_id=incident_id,
        standing_id=standing_id,
        approvals_needed=needed,
        created_at=now,
        expires_at=now + timedelta(seconds=policy.valid_s),
    )
    ledger.add(opened, row, plan, now=now)
    return row


def same_again(row: OperationRow, digest: str) -> OperationRow:
    """The operation that this key already made. Raises `Refused` when the words differ."""
    if row.request_sha256 != digest:
        raise Refused("conflict", "This idempotency key was used for another request: choose a new one.")
    return row


def overridden_ids(row: OperationRow) -> frozenset[str]:
    """Ids of the guards that were set aside for this operation."""
    return frozenset(json.loads(row.overrides))
