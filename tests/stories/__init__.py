"""One small story per flow of the register: its section, its workspaces, the edits that make it write all it may."""
