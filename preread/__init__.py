"""The words, rules and stores of the service, shared by ``api``, ``worker`` and ``ml``.

Floor 0: nothing here imports a web framework, torch or one of the packages above.
"""

__version__ = "0.1.0"
