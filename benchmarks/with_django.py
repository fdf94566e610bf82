"""Sets Django up, with the settings of the tests: import it before anything that has models."""

import os

import django

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "tests.settings")
django.setup()
