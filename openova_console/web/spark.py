"""Sparklines as SVG paths: 24 h in 92 × 24 pixels, grey where nothing was known, never a line across a gap."""

from collections.abc import Sequence
from dataclasses import dataclass

WIDTH, HEIGHT, PAD = 92.0, 24.0, 2.0


@dataclass(frozen=True, slots=True)
class Spark:
    """`path` is an SVG path; `limit_y` the height of the objective's line; `gaps` are grey stretches (x, width)."""

    path: str
    limit_y: float
    gaps: tuple[tuple[float, float], ...]


def draw(values: Sequence[float | None], *, limit: float) -> Spark:
    """Scale values (oldest first, None where unknown) so that the objective `limit` is always on the picture."""
    known = [v for v in values if v is not None]
    if not values:
        return Spark("", 0.0, ())
    top = max([limit * 1.25, *known]) or 1.0
    step = WIDTH / max(1, len(values) - 1)

    def y(value: float) -> float:
        return round(HEIGHT - PAD - (HEIGHT - 2 * PAD) * value / top, 1)

    parts: list[str] = []
    gaps: list[tuple[float, float]] = []
    pen_down = False
    for index, value in enumerate(values):
        if value is None:
            pen_down = False
            left, right = max(0.0, (index - 0.5) * step), min(WIDTH, (index + 0.5) * step)
            if gaps and index and values[index - 1] is None:
                gaps[-1] = (gaps[-1][0], right - gaps[-1][0])
            else:
                gaps.append((left, right - left))
            continue
        parts.append(f"{'L' if pen_down else 'M'}{index * step:.1f} {y(value)}")
        if not pen_down and (index + 1 == len(values) or values[index + 1] is None):
            parts.append("h.1")
        pen_down = True
    return Spark(" ".join(parts), y(limit), tuple(gaps))
