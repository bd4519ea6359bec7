"""Keras models: the supernet, pruned and folded networks."""
