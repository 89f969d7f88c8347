"""ELF files as the loader sees them: headers, search order, ld.so.cache, the closure over DT_NEEDED.

Files are reached through ``lambundle.machine`` alone, and none is ever executed.
"""
