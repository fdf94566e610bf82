"""A card's document as others write it, and what they wrote as a document.

Pure functions: no models, no requests, no network. `registry.FORMATS` lists what there is.
"""
