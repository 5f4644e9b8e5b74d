"""Start the program and the sandbox as children of one warm process, under a time that does not tick by itself."""
