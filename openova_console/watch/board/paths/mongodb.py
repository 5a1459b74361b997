"""mongodb: not read yet."""

from openova_console.watch.board.paths.look import Found, Look


def assess(look: Look) -> Found:
    return Found.not_configured("regions[].kafka_connect")
