"""What the command line says of what it found, for people."""

from collections.abc import Iterable

from mlgov_client.shapes import (
    DataSet,
    Deployment,
    Evaluation,
    ImportedCard,
    MissingField,
    Person,
    Review,
    Status,
)

STATES = {
    "open": "open",
    "changes_requested": "changes requested",
    "PENDING_REGISTRATION": "being registered",
    "READY": "ready",
    "FAILED_REGISTRATION": "registration failed",
}


def person(found: Person, url: str) -> str:
    groups = f", in {', '.join(found.groups)}" if found.groups else ""
    return f"{found.name} ({found.username}{groups}) at {url}"


def review(found: Review) -> str:
    head = f"Review {found.id} of {found.model}/{found.version} for {found.stage}: "
    lines = [head + _in_words(found.state), f"  {found.sentence}", f"  {found.url}"]
    asked = ", ".join(f"{row.username} ({row.state})" for row in found.reviewers)
    return "\n".join([*lines, f"  reviewers: {asked}"])


def deployment(found: Deployment) -> str:
    traffic = f" with {found.traffic}% of the traffic" if found.state == "serving" else ""
    lines = [
        f"Deployment {found.id} of {found.model}/{found.version} in {found.environment}: "
        f"{_in_words(found.state)}{traffic}",
        f"  {found.url}",
    ]
    if found.failure is not None:
        lines.append(f"  {found.failure.error_text} {found.failure.error_remedy}".rstrip())
    return "\n".join(lines)


def status(found: Status) -> str:
    version = found.version
    lines = [
        f"{version.model}/{version.number} of {version.project}: {_in_words(version.state)}, "
        f"in {version.stage or 'no stage'}",
        f"  {version.url}",
    ]
    if version.status_message:
        lines.insert(1, f"  {version.status_message}")
    if version.aliases:
        lines.append(f"  aliases: {', '.join(version.aliases)}")
    blocks: Iterable[str] = [
        *map(review, found.reviews),
        *map(deployment, found.deployments),
    ]
    return "\n".join([*lines, *blocks])


def imported(found: ImportedCard) -> str:
    lines = [f"Revision {found.revision} of the card: {len(found.unconfirmed)} fields wait."]
    lines += [f"  {pointer}, from {origin}" for pointer, origin in found.unconfirmed.items()]
    if found.unconfirmed:
        lines.append("Read them on the card, and confirm there that they hold.")
    return "\n".join(lines)


def missing(found: Iterable[MissingField]) -> str:
    lines = [f"{field.title} ({field.pointer}): {field.reason}" for field in found]
    return "\n".join(lines) or "Nothing is missing that a review needs."


def evaluation(found: Evaluation) -> str:
    lines = [
        f"Evaluation {found.id} of {found.model}/{found.version} on {found.data_set}: "
        f"{found.run.state}",
        f"  {found.url}",
    ]
    if found.run.error_text:
        lines.append(f"  {found.run.error_text} {found.run.error_remedy}".rstrip())
    return "\n".join(lines)


def data_sets(found: Iterable[DataSet]) -> str:
    lines = [
        f"{row.id}  {row.name}: {row.format}, {row.size:,} bytes, columns {', '.join(row.columns)}"
        for row in found
    ]
    return "\n".join(lines) or "There is no data set yet."


def _in_words(state: str) -> str:
    return STATES.get(state, state)
