from dataclasses import dataclass

from apps.outbox.events import Event


@dataclass(frozen=True)
class ModelRegistered(Event):
    model_id: int


@dataclass(frozen=True)
class ModelRenamed(Event):
    model_id: int
    before: str
    after: str


@dataclass(frozen=True)
class ModelDeleted(Event):
    model_id: int


@dataclass(frozen=True)
class VersionRegistered(Event):
    """A version was announced; its artifacts are still to be copied."""

    version_id: int


@dataclass(frozen=True)
class VersionReady(Event):
    version_id: int


@dataclass(frozen=True)
class VersionRejected(Event):
    """The artifacts of a version could not be taken over."""

    version_id: int


@dataclass(frozen=True)
class VersionDeleted(Event):
    version_id: int


@dataclass(frozen=True)
class PromptRegistered(Event):
    model_id: int


@dataclass(frozen=True)
class PromptVersionRegistered(Event):
    version_id: int


@dataclass(frozen=True)
class AliasSet(Event):
    """`at` is the moment in ISO's format, as below: the same alias may be set again."""

    model_id: int
    version_id: int
    alias: str
    at: str


@dataclass(frozen=True)
class AliasDeleted(Event):
    model_id: int
    alias: str
    at: str


@dataclass(frozen=True)
class VersionTagSet(Event):
    """Of a version of a model or of a prompt."""

    version_id: int
    key: str
    value: str
    at: str


@dataclass(frozen=True)
class VersionTagDeleted(Event):
    version_id: int
    key: str
    at: str


@dataclass(frozen=True)
class PromptTagSet(Event):
    model_id: int
    key: str
    value: str
    at: str


@dataclass(frozen=True)
class PromptTagDeleted(Event):
    model_id: int
    key: str
    at: str
