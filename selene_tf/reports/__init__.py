"""What a person looks at: overlays, mosaics, curves, drawings."""
