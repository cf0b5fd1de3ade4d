"""Readers of labeled sources: each turns a folder into :class:`ml.labeled.LabeledStudy`."""
