"""What a rule may name and how it compares, told to those who write one."""

from dataclasses import dataclass

from apps.access import vocabulary
from apps.access.conditions import OPERATORS, Declared, known_names
from apps.access.vocabulary import Comparison, Fact
from apps.accounts.models import AttributeKind

KINDS = {
    AttributeKind.TEXT: "text",
    AttributeKind.NUMBER: "number",
    AttributeKind.BOOLEAN: "true or false",
    AttributeKind.CHOICE: "one of",
    AttributeKind.LIST: "list of texts",
}
# Conditions on what every installation has, to copy from.
EXAMPLES: tuple[tuple[str, str, str], ...] = (
    ("Deny", "predict, deploy", 'user.groups has "contractors"'),
    ("Deny", "move", 'wanted.stage is "production"\nversion.tags.validated is not "yes"'),
    ("Allow", "view", 'user.groups has "model-risk"\nproject.visibility is "private"'),
    ("Deny", "register", 'user.role is "data_scientist"\nuser.service_account is false'),
)
POSITIONS_TAKE = (Comparison.IS, Comparison.ONE_OF, Comparison.SET)


@dataclass(frozen=True)
class Named:
    """A name that conditions may use. `values` are all that it can have; empty: any."""

    name: str
    kind: str
    values: tuple[str, ...] = ()
    operators: tuple[str, ...] = ()
    description: str = ""


def names(declared: Declared) -> dict[str, list[Named]]:
    """Every name, under the kind of thing that it is a fact about."""
    found: dict[str, list[Named]] = {}
    for name in known_names(declared):
        found.setdefault(name.partition(".")[0], []).append(_named(name, declared))
    return found


def operators() -> dict[str, list[str]]:
    """Kind of value -> how it is compared."""
    return {told: _told(tuple(vocabulary.COMPARISONS[kind])) for kind, told in KINDS.items()}


def _named(text: str, declared: Declared) -> Named:
    of, _, name = text.partition(".")
    if of == "wanted":
        kind = vocabulary.COMPARISONS[AttributeKind.TEXT]
        return Named(text, "text", (), tuple(_told(tuple(kind))), vocabulary.WANTED[name])
    if of == "user" and name in vocabulary.POSITIONS:
        position = vocabulary.POSITIONS[name]
        told = f"in the {position.entity}"
        return Named(text, "one of", position.values, tuple(_told(POSITIONS_TAKE)), told)
    fact, description = _fact(of, name, declared)
    compared = tuple(_told(tuple(vocabulary.COMPARISONS[fact.kind])))
    return Named(text, KINDS[fact.kind], fact.values, compared, description)


def _fact(of: str, name: str, declared: Declared) -> tuple[Fact, str]:
    if of == "user":
        about, built_in = "person", vocabulary.facts_of_users().get(name)
    else:
        entity = vocabulary.ENTITIES[of]
        about, built_in = entity.about, entity.facts.get(name)
        if name.startswith("tags."):
            return Fact(AttributeKind.TEXT, ""), "the value of the tag with this key"
    if built_in is not None:
        return built_in, ""
    attribute = declared[about, name]
    return vocabulary.kept_as_attribute(attribute), attribute.description


def _told(comparisons: tuple[Comparison, ...]) -> list[str]:
    return sorted(told for told, (comparison, _) in OPERATORS.items() if comparison in comparisons)
