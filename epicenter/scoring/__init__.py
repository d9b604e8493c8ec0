"""Accuracy: simulated worlds with known truth in, how often the explanation was right out."""
