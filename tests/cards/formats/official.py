"""What those who made the standards say of a file, read from their own packages."""

import ast
import json
from importlib.metadata import distribution
from typing import Any

from jsonschema import Draft7Validator, FormatChecker


def faults_of_toolkit_card(card: dict[str, Any]) -> list[str]:
    """What the Model Card Toolkit's schema 0.0.2 has against a card."""
    text = _file("model-card-toolkit", "schema/v0.0.2/model_card.schema.json")
    # A slip of the released schema, corrected in its repository since.
    schema = json.loads(text.replace('"#definitions/graphic"', '"#/definitions/graphic"'))
    validator = Draft7Validator(schema, format_checker=FormatChecker())
    return [error.message for error in validator.iter_errors(card)]


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


def _file(package: str, end: str) -> str:
    files = distribution(package).files or []
    return next(file for file in files if str(file).endswith(end)).read_text()
