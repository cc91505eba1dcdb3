"""The second table: all fields, limits and orders of the tracking and artifact routes."""

from tables import more_artifacts, more_core, more_data, more_models, more_search


def table():
    """Gives the parts in the order in which they are sent; it follows the first table."""
    parts = [more_search, more_core, more_data, more_models, more_artifacts]
    return [entry for part in parts for entry in part.table()]
