"""Data that describes a network and what it costs; no weights."""
