import logging
from collections.abc import Iterator
from typing import Any

import pytest
from django.db import transaction
from django.template import Template
from django.test import override_settings
from django.test.utils import _TestState

from tests.permissions.places import World, make_world


@pytest.fixture(scope="package")
def world(django_db_setup: None, django_db_blocker: Any) -> Iterator[World]:
    """Made once. Whatever a request changes is taken back after it."""
    changed = override_settings(
        MLGOV_MLFLOW_PAGES="http://mlflow.localhost",
        # However long it takes to knock everywhere, nobody is asked again who he is.
        ACCOUNT_REAUTHENTICATION_TIMEOUT=24 * 3600,
    )
    # Thousands of refusals are what is asked for here; what breaks is still told.
    logging.disable(logging.WARNING)
    # Nobody asks here for the contexts of thousands of pages, which tests keep copies of.
    keeping, Template._render = Template._render, _TestState.saved_data.template_render
    try:
        with django_db_blocker.unblock(), changed, transaction.atomic():
            yield make_world()
            transaction.set_rollback(True)
    finally:
        Template._render = keeping
        logging.disable(logging.NOTSET)
