"""The permit that every write of every adapter needs: which run sends it.

Only the engine makes permits (`operations/executor.py` for the steps of a run, `operations/records.py` for the console's own
records); a test proves it. It travels as the User-Agent, so that the API server's own audit log can be joined with ours.
"""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Permit:
    """The right to send one write.

    Attributes:
        operation_id: the run, or "records" for the console's own records.
        step: number of the step, from 1; 0 for records.
        fence: fencing token of the executor, which grows with each take-over.
    """

    operation_id: str
    step: int
    fence: int

    @property
    def user_agent(self) -> str:
        """How the write names its origin."""
        return f"openova-console operation={self.operation_id} step={self.step} fence={self.fence}"
