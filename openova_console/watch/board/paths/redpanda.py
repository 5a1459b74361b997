"""Redpanda: the mirror into the standby's region, from its Kafka Connect and both regions' series."""

from openova_console.handbook.redpanda import Mirror, RedpandaEvidence, judge_redpanda
from openova_console.handbook.words import Reading
from openova_console.settings import Region, Settings
from openova_console.watch.board.paths.look import Found, Look

_NEVER: Reading[object] = Reading.missing("", "", "nothing was read yet")
UNREAD = RedpandaEvidence(_NEVER, _NEVER, _NEVER, _NEVER)  # type: ignore[arg-type]


def mirror(settings: Settings, primary: Region, standby: Region) -> Mirror:
    """What the mirror from one region to the other is called."""
    redpanda = settings.replication.redpanda
    ends = {"source": redpanda.alias(primary.id), "target": redpanda.alias(standby.id)}
    return Mirror(
        source_connector=redpanda.source_connector.format(**ends),
        checkpoint_connector=redpanda.checkpoint_connector.format(**ends),
        prefix=redpanda.topic_prefix.format(**ends),
        heartbeats=redpanda.heartbeat_topic.format(**ends),
        heartbeat_s=redpanda.heartbeat_s,
        offset_flush_s=redpanda.offset_flush_s,
    )


def assess(look: Look) -> Found:
    """Judge the mirror from the primary's Redpanda to the standby's."""
    primary, standby = look.primary, look.standby
    if not (standby.kafka_connect and standby.prometheus):
        return Found.not_configured("regions[].kafka_connect and prometheus")
    budget = look.settings.freshness.streams_s
    here = look.snapshot.redpanda.get(standby.id, UNREAD)
    there = look.snapshot.redpanda.get(primary.id, UNREAD)
    assessment = judge_redpanda(
        look.goal, here, there.ends, mirror(look.settings, primary, standby), now=look.now, budget_s=budget
    )
    connect = "streams-mirror" if standby.mirror_maker else "streams"
    return Found(assessment, True, (f"{connect}/{standby.id}", f"streams-series/{standby.id}"), budget)
