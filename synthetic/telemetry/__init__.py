"""What a world emits: spans, samples, changes, truth."""
