"""What every megabyte of a bundle is for, and what to drop.

In this room: the graph of reasons and its dominators, what dropping a file saves, findings, quotas, the encoders of
JSON and of the page. It reads nothing but the bundle; what is printed is in ``cli``.
"""
