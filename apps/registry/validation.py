"""What names, tags and texts may look like: MLflow's own rules, refused in words."""

import posixpath
import re
from collections.abc import Mapping

from apps.core.errors import Invalid, NotPermitted

LONGEST_NAME = 256
LONGEST_DESCRIPTION = 5_000
LONGEST_KEY = 250
LONGEST_VALUE = 100_000
LONGEST_ALIAS = 255
KEY = re.compile(r"[/\w.\- :]+")
ALIAS = re.compile(r"[\w-]+")
VERSION_LIKE = re.compile(r"v\d+", re.IGNORECASE)
OURS = "mlgov."
LATEST = "latest"
IS_PROMPT = "mlflow.prompt.is_prompt"
# What MLflow sends where a model version would say where its artifacts lie.
PROMPT_SOURCES = frozenset({"dummy-source", "prompt-template"})


def model_name(name: str) -> str:
    """A name for a new model: what MLflow takes, without what no person could type or see."""
    readable_name(name)
    if len(name) > LONGEST_NAME:
        raise _field("name", f"A model name has at most {LONGEST_NAME} characters.")
    if not name.isprintable():
        raise _field("name", "A model name holds no control characters.")
    return name


def readable_name(name: str) -> str:
    """A name by which MLflow looks a model up, whether there is such a model or not."""
    if not name.strip():
        raise _field("name", "Missing value for required parameter 'name': name the model.")
    if "/" in name or ":" in name:
        raise _field("name", f"Invalid model name '{name}'. Names cannot contain '/' or ':'.")
    if _reads_as_another_path(name):
        raise _field("name", f"Invalid model name '{name}'. It would be read as another path.")
    return name


def description(text: str) -> str:
    if len(text) > LONGEST_DESCRIPTION:
        raise _field("description", f"A description has at most {LONGEST_DESCRIPTION} characters.")
    return text


def tag(key: str, value: str) -> None:
    readable_key(key)
    if len(key) > LONGEST_KEY:
        raise _field("key", f"The name of a tag has at most {LONGEST_KEY} characters.")
    if len(value) > LONGEST_VALUE:
        raise _field("value", f"The value of a tag has at most {LONGEST_VALUE} characters.")


def readable_key(key: str) -> str:
    """A name by which a tag is deleted, whether there is such a tag or not."""
    if not key:
        raise _field("key", "Give the tag a name.")
    if not KEY.fullmatch(key) or _reads_as_another_path(key):
        raise _field(
            "key",
            f"Invalid tag name '{key}'. It may hold letters, digits, underscores, dashes, dots, "
            "spaces, colons and slashes, and must not read as another path.",
        )
    return key


def free_tag(key: str) -> None:
    """Refuse a tag that says something which mlgov decides."""
    if key.startswith(OURS):
        raise NotPermitted(f"Tags that begin with {OURS} are kept by mlgov itself.")


def settled_tag(key: str) -> None:
    """Refuse what is said once, when something is made."""
    if key == IS_PROMPT:
        raise _field("key", "Whether it is a prompt or a model is settled when it is created.")


def says_prompt(tags: Mapping[str, str]) -> bool:
    return tags.get(IS_PROMPT, "").lower() == "true"


def tags(given: Mapping[str, str]) -> dict[str, str]:
    for key, value in given.items():
        tag(key, value)
    return dict(given)


def alias(name: str) -> str:
    """A name for an alias that is set."""
    readable_alias(name)
    if name.lower() == LATEST:
        raise _field("alias", "'latest' alias name (case insensitive) is reserved.")
    if VERSION_LIKE.fullmatch(name):
        raise _field(
            "alias",
            f"Version alias name '{name}' is reserved: it reads as the number of a version.",
        )
    return name


def readable_alias(name: str) -> str:
    """A name by which an alias is looked up or deleted."""
    if not name:
        raise _field("alias", "Registered model alias name cannot be empty.")
    if len(name) > LONGEST_ALIAS:
        raise _field("alias", f"An alias has at most {LONGEST_ALIAS} characters.")
    if not ALIAS.fullmatch(name):
        raise _field(
            "alias",
            f"Invalid alias name: '{name}'. Names may only contain alphanumerics, underscores "
            "(_), and dashes (-).",
        )
    return name


def _reads_as_another_path(name: str) -> bool:
    plain = posixpath.normpath(name)
    return plain != name or plain == "." or plain.startswith(("..", "/"))


def _field(name: str, sentence: str) -> Invalid:
    return Invalid(sentence, details={name: sentence})
