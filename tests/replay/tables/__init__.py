"""The request tables: what is sent, in which order, and what is kept of an answer."""
