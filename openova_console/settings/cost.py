"""The monthly budget (handbook, "Budget Control")."""

from typing import Annotated, Literal, Self

from pydantic import Field, model_validator

from openova_console.settings.base import Section

Money = Annotated[float, Field(ge=0, le=1e9, allow_inf_nan=False)]


class CostSettings(Section):
    """The monthly budget (handbook, "Budget Control"). Amounts are per calendar month (UTC) in one currency."""

    currency: str = Field("€", min_length=1, max_length=8, description="Shown before every amount; OpenCost must use the same")
    monthly_budget: Money | None = Field(None, gt=0, description="For both regions together; by default the sum of the regions'")
    monthly_budget_by_region: dict[str, Money] = Field(default={}, description="By region id, for regions with their own")
    warn_percent: float = Field(80, gt=0, lt=100, description="Handbook: 80 % of the budget is a warning")
    node_price: Money | None = Field(None, gt=0, description="Per node and month, for types that node_prices does not name")
    node_prices: dict[str, Money] = Field(
        default={}, description="Per month by the node's label node.kubernetes.io/instance-type"
    )
    load_balancer: Money = Field(0, description="Per region and month")
    extras: dict[str, Money] = Field(default={}, description="Anything else per region and month, e.g. object storage")
    spent: Literal["auto", "opencost", "prices"] = Field(
        "auto", description="Where month to date comes from; auto takes OpenCost where a region has it, else the price list"
    )
    opencost_clusters: dict[str, str] = Field(
        default={}, description="Name of each region's cluster in OpenCost, where one OpenCost knows several"
    )

    @model_validator(mode="after")
    def _amounts(self) -> Self:
        if any(amount <= 0 for amount in self.monthly_budget_by_region.values()):
            raise ValueError("a region's budget must be more than 0")
        return self

    @property
    def priced(self) -> bool:
        """Whether nodes have a price."""
        return self.node_price is not None or bool(self.node_prices)

    def price_of(self, instance_type: str) -> float | None:
        """Of one node per month; None when it has none."""
        return self.node_prices.get(instance_type, self.node_price)
