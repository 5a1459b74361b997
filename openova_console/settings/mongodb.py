"""MongoDB: change data capture by Debezium, carried by Redpanda, applied by a sink."""

from openova_console.settings.base import Budget, Section


class MongodbSettings(Section):
    budget: Budget = Budget(warn_s=10, breach_s=60)
