"""The mechanisms that worlds are made of."""
