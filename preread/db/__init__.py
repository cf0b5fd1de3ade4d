"""The database: the only truth of the service. All SQL lives here; rows never leave."""
