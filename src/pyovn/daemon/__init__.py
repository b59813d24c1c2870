"""What every daemon and tool shares: options, directories, logging, control socket, process life."""
