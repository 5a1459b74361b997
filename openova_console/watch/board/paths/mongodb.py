"""MongoDB: Debezium in the primary's region, the mirror and the sink in the standby's, summed."""

from openova_console.handbook.mongodb import Capture, MongodbEvidence, judge_mongodb
from openova_console.handbook.words import Reading
from openova_console.watch.board.paths import redpanda
from openova_console.watch.board.paths.look import Found, Look

_NEVER: Reading[object] = Reading.missing("", "", "nothing was read yet")
_UNREAD = MongodbEvidence(_NEVER, _NEVER, _NEVER, _NEVER, _NEVER)  # type: ignore[arg-type]


def assess(look: Look) -> Found:
    """Judge the way of a change from the primary's database to the standby's."""
    primary, standby, names = look.primary, look.standby, look.settings.replication.mongodb
    if not (primary.kafka_connect and standby.kafka_connect and primary.prometheus and standby.prometheus):
        return Found.not_configured("regions[].kafka_connect and prometheus")
    budget = look.settings.freshness.streams_s
    mirror = redpanda.mirror(look.settings, primary, standby)
    carried = look.snapshot.redpanda.get(standby.id, redpanda.UNREAD)
    capture = Capture(
        source_connector=names.source_connector,
        sink_connector=names.sink_connector,
        prefix=mirror.prefix + names.topic_prefix,
        heartbeats=mirror.prefix + names.heartbeat_topic,
        heartbeat_s=names.heartbeat_s,
    )
    assessment = judge_mongodb(
        look.goal,
        look.snapshot.mongodb.get(primary.id, _UNREAD),
        look.snapshot.mongodb.get(standby.id, _UNREAD),
        carried.flows,
        carried.connectors,
        capture,
        mirror,
        now=look.now,
        budget_s=budget,
    )
    traces = tuple(f"{kind}/{region.id}" for region in (primary, standby) for kind in ("streams", "streams-series"))
    return Found(assessment, True, traces, budget)
