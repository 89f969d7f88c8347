"""From a request to a plan: the steps, the launcher, the runtime's configuration.

In this room: what is asked for and answered (``request``), the steps in their order (``plan``), each in a module of its
own, and the texts that start a bundled program (``launcher``, ``config``). Nothing is executed, nothing is written.
"""
