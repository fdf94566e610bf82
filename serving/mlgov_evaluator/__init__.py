"""Measures a model that answers on a socket. It never loads one, and never unpickles anything."""
