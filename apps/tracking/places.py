"""Where artifacts lie that are on no tracking server: which store of a project holds an address."""

from dataclasses import dataclass

from apps.core.errors import Invalid
from apps.projects.models import Project
from apps.tracking.files import Refused
from apps.tracking.models import ArtifactStore, StoreAccess
from apps.tracking.stores import registry
from apps.tracking.stores.base import Store, StoreOptions, is_within


@dataclass(frozen=True)
class Place:
    """An address, in the only spelling of its kind, and the store that holds it."""

    store: ArtifactStore
    location: str


def is_address(text: str) -> bool:
    """Whether some kind of store has addresses like this."""
    return registry.scheme_of(text) in registry.names()


def place_of(address: str, *, project: Project) -> Place:
    """The store of the project that holds an address. Opens nothing. Raises `Invalid`."""
    location = located(address)
    accesses = StoreAccess.objects.filter(project=project).select_related("store")
    found = [
        access.store for access in accesses if is_within(location, access.store.root.rstrip("/"))
    ]
    if not found:
        raise Invalid(
            f"The project {project} has no store that holds it. Ask an administrator to add the "
            "store, and an owner of the project to choose it on the page “Sources”; or log the "
            "model through mlgov"
        )
    return Place(max(found, key=lambda store: len(store.root)), location)


def located(address: str) -> str:
    kind = registry.kind(registry.scheme_of(address))
    if kind is None:
        known = ", ".join(registry.names()) or "none"
        raise Invalid(f"There are no stores with such addresses. The kinds are: {known}.")
    return kind.location(address)


def reader(store: ArtifactStore, project: Project) -> Store:
    """What reads a store as the project may read it now. Raises `Refused` where it may not."""
    access = StoreAccess.objects.filter(store=store, project=project).first()
    if access is None:
        raise Refused(
            f"The project {project} may not read the store “{store}” any more. An owner of the "
            "project or an administrator can allow it again."
        )
    return reader_with(store, access.access_key_id, access.secret_access_key)


def reader_with(store: ArtifactStore, access_key_id: str = "", secret: str = "") -> Store:
    kind = kind_of(store)
    return kind(
        StoreOptions(
            root=store.root,
            endpoint_url=store.endpoint_url,
            region=store.region,
            access_key_id=access_key_id,
            secret_access_key=secret,
        )
    )


def kind_of(store: ArtifactStore) -> type[Store]:
    kind = registry.kind(registry.scheme_of(store.root))
    if kind is None:
        raise Refused(
            f"No plug-in reads the store “{store}” any more. Ask the platform's people to install "
            "the one that did."
        )
    return kind


def require_nameable(store: ArtifactStore) -> str:
    """The root in its only spelling. Raises `Invalid` where an administrator may not name it."""
    root = located(store.root)
    store.root = root
    reader_with(store).check_options()
    return root


def check(store: ArtifactStore, project: Project) -> None:
    """Raise where the store does not let the project look into its root."""
    next(iter(reader(store, project).list_artifacts(store.root)), None)
