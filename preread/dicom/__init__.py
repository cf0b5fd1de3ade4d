"""DICOM in: bounded headers, the choice of a series, volumes, and a synthetic head."""
