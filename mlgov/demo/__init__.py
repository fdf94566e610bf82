"""`make demo`: the whole way of a model, with real people, a real model and real servers."""
