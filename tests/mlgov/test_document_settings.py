from mlgov.configuration import Configuration
from mlgov.management.commands import document_settings


def test_the_page_of_settings_is_current():
    assert document_settings.PAGE.read_text() == document_settings.page(), (
        "Run: manage.py document_settings"
    )


def test_each_setting_is_described_in_sentences():
    undescribed = [
        name
        for name, field in Configuration.model_fields.items()
        if not (field.description or "").endswith(".")
    ]
    assert undescribed == []
