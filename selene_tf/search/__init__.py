"""Searches: from a trained supernet's gates to a path."""
