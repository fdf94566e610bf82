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
IS_PROMPT = "mlflow.prompt.is_prompt"


def model_name(name: str) -> str:
    if not name.strip():
        raise _field("name", "Give the model a name.")
    if len(name) > LONGEST_NAME:
        raise _field("name", f"A model name has at most {LONGEST_NAME} characters.")
    if "/" in name or ":" in name:
        raise _field("name", f"Invalid model name '{name}'. Names cannot contain '/' or ':'.")
    if posixpath.normpath(name) != name or name in (".", ".."):
        raise _field("name", f"Invalid model name '{name}'. It would be read as another path.")
    if not name.isprintable():
        raise _field("name", "A model name holds no control characters.")
    return name


def description(text: str) -> str:
    if len(text) > LONGEST_DESCRIPTION:
        raise _field("description", f"A description has at most {LONGEST_DESCRIPTION} characters.")
    return text


def tag(key: str, value: str) -> None:
    if key == IS_PROMPT:
        raise _field("key", "mlgov governs models; it does not keep prompts in its registry yet.")
    if not key:
        raise _field("key", "Give the tag a name.")
    if len(key) > LONGEST_KEY:
        raise _field("key", f"The name of a tag has at most {LONGEST_KEY} characters.")
    if not KEY.fullmatch(key) or posixpath.normpath(key) != key or key.startswith(("/", "..")):
        raise _field(
            "key",
            f"Invalid tag name '{key}'. It may hold letters, digits, underscores, dashes, dots, "
            "spaces, colons and slashes, and must not read as another path.",
        )
    if len(value) > LONGEST_VALUE:
        raise _field("value", f"The value of a tag has at most {LONGEST_VALUE} characters.")


def free_tag(key: str) -> None:
    """Refuse a tag that says something which mlgov decides."""
    if key.startswith(OURS):
        raise NotPermitted(f"Tags that begin with {OURS} are kept by mlgov itself.")


def tags(given: Mapping[str, str]) -> dict[str, str]:
    for key, value in given.items():
        tag(key, value)
    return dict(given)


def alias(name: str) -> str:
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
    if name.lower() == "latest":
        raise _field("alias", "'latest' alias name (case insensitive) is reserved.")
    if VERSION_LIKE.fullmatch(name):
        raise _field(
            "alias",
            f"Version alias name '{name}' is reserved: it reads as the number of a version.",
        )
    return name


def _field(name: str, sentence: str) -> Invalid:
    return Invalid(sentence, details={name: sentence})
