"""Verifies what the package believes of the service, with anyone's key and within a budget."""
