"""MinIO: bucket replication, from both regions' own MinIO."""

from openova_console.handbook.minio import MinioEvidence, judge_minio
from openova_console.handbook.words import Reading
from openova_console.settings import Region
from openova_console.watch.board.paths.look import Found, Look


def assess(look: Look) -> Found:
    """Judge the replication from the primary's buckets to the standby's."""
    primary, standby = look.primary, look.standby
    if not (primary.minio and standby.minio):
        return Found.not_configured("regions[].minio")
    settings, budget = look.settings.replication.minio, look.settings.freshness.minio_s
    source, target = _of(look, primary), _of(look, standby)
    assessment = judge_minio(
        look.goal,
        source,
        target,
        now=look.now,
        budget_s=budget,
        cache_s=settings.cache_s,
        wanted=settings.buckets,
    )
    traces = [f"minio/{primary.id}", f"minio/{standby.id}"]
    if source.marker is not None:
        traces.insert(1, f"minio-marker/{primary.id}")
    return Found(assessment, True, tuple(traces), budget + settings.cache_s)


def _of(look: Look, region: Region) -> MinioEvidence:
    never = "nothing was read yet"
    empty = MinioEvidence(
        region.display,
        Reading.missing("bool", region.id, never),
        Reading.missing("text", region.id, never),
        Reading.missing("text", region.id, never),
    )
    return look.snapshot.minio.get(region.id, empty)
