"""Why a request was refused, in words that contain nothing of the data.

MLflow's messages quote the input, and so do the exceptions of pandas, numpy and the model. They are
therefore never passed on, not even in part: they are recognised, and told again with names out of
the model's signature only.
"""

import re
from dataclasses import dataclass, field
from typing import Any

FORMATS = "dataframe_split, dataframe_records, instances, inputs"
MAX_NAMES = 20
# The values were wrong rather than the model: a client that sends them again gets the same.
ABOUT_THE_VALUES = (ValueError, TypeError, LookupError, ArithmeticError)

_MISSING = (
    re.compile(r"missing inputs (\[.*?\])(?:\.|$)", re.S),
    re.compile(r"input column (.+?) is required by the model", re.S),
)
_NOT_OF_THE_TYPE = (
    re.compile(r"Failed to convert column (.+?) (?:from|to) type", re.S),
    re.compile(r"Incompatible input types for column (.+?)\. ", re.S),
    re.compile(r"Input DataFrame column (.+?) (?:contains|could not)", re.S),
    re.compile(r"dataframe column (.+?) contains", re.S),
)
_PARAMETERS = re.compile(r"param", re.I)
_COUNT = re.compile(r"declares (\d+) inputs\s+but the provided value only has (\d+) inputs")
_UNREADABLE = (
    ("valid JSON", "The body is not valid JSON."),
    ("valid UTF-8", "The body is not valid UTF-8."),
    (
        "exactly one of the input fields",
        f"The body must be an object with exactly one of: {FORMATS}.",
    ),
    ("Dataframe records format", "dataframe_records must be a list of objects, one for each row."),
    ("dataframe_records field", "dataframe_records must be a list of objects, one for each row."),
    ("Dataframe split format", "dataframe_split must be an object with data and columns."),
    ("dataframe_split field", "dataframe_split must have as many columns as each row has values."),
    ("valid CSV", "The body is not CSV with a header line that fits the model's signature."),
    ("valid Parquet", "The body is not a Parquet file."),
    ("length of values for each input", "Every input must have the same number of values."),
    ("un-named", "The model takes one unnamed array, not named columns."),
)


@dataclass(frozen=True)
class Refusal:
    status: int
    code: str
    message: str
    kind: str = ""


@dataclass(frozen=True)
class Vocabulary:
    """The words that an answer may use: names and types out of the signature."""

    types: dict[str, str] = field(default_factory=dict)
    parameters: tuple[str, ...] = ()

    @classmethod
    def of(cls, metadata: Any) -> "Vocabulary":
        inputs = metadata.get_input_schema()
        params = metadata.get_params_schema() if hasattr(metadata, "get_params_schema") else None
        named = [column for column in (inputs.inputs if inputs else ()) if column.name]
        return cls(
            types={str(column.name): _type_name(column.type) for column in named},
            parameters=tuple(param.name for param in params.params) if params else (),
        )

    def named_in(self, text: str) -> list[str]:
        return [name for name in self.types if repr(name) in text or text == name]


def from_model(error: Exception, data: Any, words: Vocabulary) -> Refusal:
    """The refusal for what `predict` raised: by the signature, or by the model itself."""
    kind = type(error).__name__
    if kind == "MlflowException":
        # The message quotes all of the data; the reason alone is what it was raised from.
        reason = error.__context__ or error
        if reason is not error or getattr(error, "error_class", "") == "SCHEMA_ENFORCEMENT_FAILED":
            return Refusal(400, "INVALID_PARAMETER_VALUE", _signature(str(reason), words), kind)
        if _PARAMETERS.search(str(error)[:200]):
            return Refusal(400, "INVALID_PARAMETER_VALUE", _parameters(words), kind)
    if isinstance(error, (*ABOUT_THE_VALUES, *_mlflow_errors(error))):
        return Refusal(400, "BAD_REQUEST", _values(kind, data, words), kind)
    return Refusal(500, "INTERNAL_ERROR", f"The model failed with {kind}.", kind)


def from_message(status: int, code: str, message: str, words: Vocabulary) -> Refusal:
    """The refusal for what the server said before the model was asked."""
    for sign, sentence in _UNREADABLE:
        if sign in message:
            return Refusal(status, code, sentence)
    return Refusal(status, code, _signature(message, words))


def _type_name(kind: Any) -> str:
    return str(getattr(kind, "name", kind))


def _mlflow_errors(error: Exception) -> tuple[type, ...]:
    # Without importing mlflow, whose exceptions moved between its versions.
    return (type(error),) if type(error).__name__ == "MlflowException" else ()


def _signature(reason: str, words: Vocabulary) -> str:
    for pattern in _MISSING:
        if (found := pattern.search(reason)) and (names := words.named_in(found[1])):
            return f"The input lacks {_columns(names)}."
    for pattern in _NOT_OF_THE_TYPE:
        if (found := pattern.search(reason)) and (names := words.named_in(found[1])):
            return f"The values of {_columns(names)} must be of type {words.types[names[0]]}."
    if found := _COUNT.search(reason):
        return f"The model takes {found[1]} inputs, and the request has {found[2]}."
    if words.types:
        return f"The input does not match the model's signature: {_columns(list(words.types))}."
    return "The input does not match what the model takes."


def _parameters(words: Vocabulary) -> str:
    if words.parameters:
        return f"The params do not match the model's: {', '.join(words.parameters)}."
    return "The model takes no params."


def _values(kind: str, data: Any, words: Vocabulary) -> str:
    text = f"The model rejects these values ({kind})."
    try:
        empty = [name for name in data.columns[data.isna().any()] if name in words.types]
    except Exception:  # not a data frame: nothing to add
        empty = []
    return f"{text} Missing values in {_columns(empty)}." if empty else text


def _columns(names: list[str]) -> str:
    shown = ", ".join(f"'{name}'" for name in names[:MAX_NAMES])
    more = f" and {len(names) - MAX_NAMES} more" if len(names) > MAX_NAMES else ""
    return f"column{'s' if len(names) > 1 else ''} {shown}{more}"
