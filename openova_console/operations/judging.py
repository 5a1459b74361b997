"""Judges a stored operation anew: gathers evidence, applies its guards, and says what has moved since people approved it."""

import json
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import Engine

from openova_console.operations import ledger
from openova_console.operations.catalogue import CATALOGUE, guards_of
from openova_console.operations.evidence import Evidence
from openova_console.operations.facts import HOLDER_FACTS, Facts, Moved, drift
from openova_console.operations.gather import Gatherer, object_facts
from openova_console.operations.guards import Ruling, Subject, guard_facts, rule_on, worst
from openova_console.operations.operation import Operation, Policy, Request, Target
from openova_console.operations.plan import Plan
from openova_console.operations.policies import policy_from
from openova_console.operations.words import Answer
from openova_console.store.change_tables import OperationRow
from openova_console.store.database import in_thread, reading


@dataclass(frozen=True, slots=True)
class Judged:
    """What is true now for one request."""

    evidence: Evidence
    rulings: tuple[Ruling, ...]
    facts: Facts

    @property
    def worst(self) -> Answer:
        """The guards' answer together."""
        return worst(self.rulings)

    @property
    def against(self) -> tuple[Ruling, ...]:
        """The guards that hold or block and are not set aside."""
        return tuple(r for r in self.rulings if r.answer is not Answer.ALLOW and not r.overridden)

    @property
    def sentence(self) -> str:
        """Why it may not be done, "" when it may."""
        return "; ".join(r.sentence for r in self.against)


class Judge:
    """See the module."""

    def __init__(self, engine: Engine, gatherer: Gatherer, now: Callable[[], datetime]) -> None:
        self._engine, self._gatherer, self._now = engine, gatherer, now

    async def judge(
        self,
        operation: Operation,
        request: Request,
        policy: Policy,
        *,
        plan: Callable[[Evidence], Plan] | Plan,
        overridden: frozenset[str],
        stored: bool,
    ) -> tuple[Judged, Plan]:
        """Gather, plan, rule.

        Args:
            plan: the stored plan, or what makes one of the evidence.
            stored: whether the operation is in the books already, and must not get in its own way.

        Raises:
            PlanError: it cannot be planned from what is known.
        """
        now, target = self._now(), request.target
        own = request.operation_id if stored else ""
        evidence = await self._gatherer.evidence(operation, request.params, target, policy, now=now, operation_id=own)
        planned = plan if isinstance(plan, Plan) else plan(evidence)
        subject = Subject(
            kind=operation.kind,
            verb=target.verb,
            region=target.region,
            resource=target.resource,
            now=now,
            objects=tuple(wanted.object.key for wanted in operation.wanted(request.params)),
            regions=planned.regions,
            operation_id=own,
            params=request.params.model_dump(mode="json"),
        )
        rulings = rule_on(guards_of(operation), subject, evidence, overridden=overridden)
        facts = {**object_facts(evidence), **operation.facts(request, evidence), **guard_facts(rulings)}
        return Judged(evidence, rulings, facts), planned

    async def again(self, row: OperationRow) -> Judged:
        """A stored operation as it stands now."""
        operation = CATALOGUE[row.kind]
        params = operation.params.model_validate_json(row.params)
        request = Request(row.id, params, operation.target(params), row.created_at)
        overridden = frozenset(json.loads(row.overrides))
        found, _ = await self.judge(
            operation, request, policy_from(row), plan=ledger.plan_of(row), overridden=overridden, stored=True
        )
        return found

    async def before_write(self, row: OperationRow) -> tuple[Answer, str]:
        """What the guards say right before a write, and the sentence of those that stand against it."""
        found = await self.again(row)
        return found.worst, found.sentence

    async def moved(self, row: OperationRow) -> tuple[Judged, tuple[Moved, ...]]:
        """What has moved since the facts were approved."""
        found = await self.again(row)
        return found, drift(ledger.facts_of(row), found.facts)

    async def moved_token(self, operation_id: str) -> str:
        """Which holder or fencing token has moved since the approval, as a sentence; "" when none has."""

        def ask() -> OperationRow:
            with reading(self._engine) as opened:
                return ledger.by_id(opened, operation_id)

        row = await in_thread(ask)
        if not any(key.startswith(HOLDER_FACTS) for key in ledger.facts_of(row)):
            return ""
        _, moved = await self.moved(row)
        tokens = [m.sentence for m in moved if m.key.startswith(HOLDER_FACTS)]
        return f"The console was restarted, and {'; '.join(tokens)}" if tokens else ""


def only_holds(found: Judged, moved: tuple[Moved, ...]) -> bool:
    """Whether all that moved are guards that hold: what a moment of patience may clear by itself."""
    holding = {f"guard {r.guard}" for r in found.rulings if r.answer is Answer.HOLD and not r.overridden}
    return bool(moved) and all(m.key in holding for m in moved)


__all__ = ["Judge", "Judged", "Target", "only_holds"]
