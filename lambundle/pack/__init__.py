"""The plan of a bundle: its steps, the launchers, the runtime's configuration.

In this room: the request and the plan (``request``), the order of the steps (``plan``), a module for each step, and the
texts that start a bundled program (``launcher``, ``config``). Nothing is executed, nothing is written.
"""
