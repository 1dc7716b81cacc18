"""What both sides of a run share: client, wire, drivers, reference server, record of a run."""
