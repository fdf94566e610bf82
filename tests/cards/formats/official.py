"""What those who made the standards say of a file, read from their own packages."""

import ast
import json
import zlib
from importlib.metadata import distribution
from pathlib import Path
from typing import Any

from jsonschema import Draft7Validator, FormatChecker


def published(name: str) -> bytes:
    """A file that they published as an example."""
    return (Path(__file__).parent / "files" / name).read_bytes()


def faults_of_toolkit_card(card: dict[str, Any], version: str = "0.0.2") -> list[str]:
    """What the Model Card Toolkit's schema has against a card."""
    validator = Draft7Validator(toolkit_schema(version), format_checker=FormatChecker())
    return [error.message for error in validator.iter_errors(card)]


def toolkit_schema(version: str) -> dict[str, Any]:
    text = _file("model-card-toolkit", f"schema/v{version}/model_card.schema.json")
    # A slip of the released schema, corrected in its repository since.
    schema: dict[str, Any] = json.loads(
        text.replace('"#definitions/graphic"', '"#/definitions/graphic"')
    )
    return schema


def sagemaker_content() -> Any:
    """The class that SageMaker's own library checks the content of a card with."""
    tree = ast.parse(_file("sagemaker-core", "core/shapes/model_card_shapes.py"))
    # Of its package, which starts sessions with AWS, this module needs two classes that a card's
    # content does not use.
    tree.body = [
        node
        for node in tree.body
        if not (isinstance(node, ast.ImportFrom) and str(node.module).startswith("sagemaker"))
        and not (
            isinstance(node, ast.ClassDef)
            and node.name in ("ContainersItem", "InferenceSpecification")
        )
    ]
    found: dict[str, Any] = {"__name__": "model_card_shapes"}
    exec(compile(tree, "model_card_shapes.py", "exec"), found)
    return found["ModelCardContent"]


def filled(schema: dict[str, Any]) -> Any:
    """A file in which each place of a schema says something: texts say where they stand."""
    return _filled(schema, schema, "")


def _filled(spec: dict[str, Any], root: dict[str, Any], place: str) -> Any:
    if "$ref" in spec:
        found: Any = root
        for part in spec["$ref"].removeprefix("#/").split("/"):
            found = found[part]
        return _filled(found, root, place)
    if "const" in spec or "enum" in spec:
        return spec.get("const") or spec["enum"][-1]
    if "properties" in spec:
        return {
            name: _filled(part, root, f"{place}.{name}".strip("."))
            for name, part in spec["properties"].items()
        }
    of = [one for one in spec.get("anyOf", []) if one.get("type") != "null"]
    if of:
        return _filled(of[0], root, place)
    match spec.get("type"):
        case "object":
            return {"key": f"Said in {place}"}
        case "array":
            kinds = spec.get("items", {}).get("anyOf") or [spec.get("items") or {}]
            return [_filled(kind, root, place) for kind in kinds]
        case "number" | "integer":
            return zlib.crc32(place.encode()) % 9000
        case "boolean":
            return True
    if spec.get("format") == "uri":
        return f"https://example.org/{place}"
    return "2020-02-02" if spec.get("format") == "date" else f"Said in {place}"


def _file(package: str, end: str) -> str:
    files = distribution(package).files or []
    return next(file for file in files if str(file).endswith(end)).read_text()
