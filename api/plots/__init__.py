"""Plots of the pages of figures: geometry is computed here, a template writes the SVG."""
