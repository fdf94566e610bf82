"""Views of the REST API, by domain. Each finds what the person may see, and calls one service."""
