"""What the runtime of a model said before it ended."""

import json


def load_failure(log: str) -> str:
    """Why the model did not load, out of the runtime's JSON lines; empty if it did not say."""
    for line in reversed(log.splitlines()):
        start = line.find('{"time"')
        if start < 0:
            continue
        try:
            said = json.loads(line[start:])
        except ValueError:
            continue
        if said.get("event") == "ready":
            return ""
        if said.get("event") == "load_failed":
            return f"the model fails to load: {said.get('error', '')}"[:2000]
    return ""


def last_words(log: str) -> str:
    """The most telling thing in the log of a replica that ended."""
    if failure := load_failure(log):
        return failure
    # What it wrote as JSON are its requests; what killed it wrote something else.
    lines = [line.strip() for line in log.splitlines() if line.strip()]
    plain = [line for line in lines if not line.startswith("{")]
    return plain[-1][:500] if plain and lines[-1] == plain[-1] else ""
