"""The runtime next to a model. Nothing is imported here: a health check must start quickly."""
