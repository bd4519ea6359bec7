"""The drawn street scenes."""
