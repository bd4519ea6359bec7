"""What a training step sees: views, batches, sources, bad samples."""
