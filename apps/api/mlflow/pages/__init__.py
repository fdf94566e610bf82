"""MLflow's own pages, read-only, on a host of their own and with the rights of mlgov.

The pages are a program of others that shows what others uploaded, so they share neither origin nor
cookie with mlgov. What they ask for is looked up in the tables of the pass-through; whatever would
change something is refused.
"""
