"""What a program needs beyond DT_NEEDED."""
