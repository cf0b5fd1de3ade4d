"""The results of a reading study: tables, charts and intervals from what readers answered."""
