"""What both sides of a run share: client, wire, drivers, reference server, and the record of a run."""
