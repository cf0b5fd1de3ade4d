"""How good it is: labeled studies through the worker's very pipeline, figures, report, model card."""
