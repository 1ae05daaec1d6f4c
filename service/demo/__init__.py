"""The demonstration: the whole chain on emulated instruments, with the truth known."""
