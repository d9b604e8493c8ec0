"""Speed and accuracy, measured beside the alternatives in the same run."""
