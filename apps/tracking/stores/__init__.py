"""Places with models that are no tracking servers. Each kind is a plug-in, found by its scheme."""
