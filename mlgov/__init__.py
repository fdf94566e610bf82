"""mlgov: pull requests for machine-learning models."""

# Before the import below: Celery reads the settings, and those read the version.
__version__ = "0.1.0"

from mlgov.celery import app as celery_app

__all__ = ["__version__", "celery_app"]
