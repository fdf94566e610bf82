"""Gathers the doors of what programs speak to; they stand beside the urls of each part."""

from apps.api.mlflow import doors as mlflow
from apps.api.mlflow.pages import doors as pages
from apps.api.ops import doors as ops
from apps.api.v1 import doors as v1

__all__ = ["mlflow", "ops", "pages", "v1"]
