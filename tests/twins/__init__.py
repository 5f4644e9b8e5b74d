"""Both systems in memory, behind the ports of the engine: no process, no socket, no wall clock."""
